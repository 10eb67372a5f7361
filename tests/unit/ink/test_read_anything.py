"""Whatever is read, drawn at random, damaged or no picture at all, gives valid ink images or a reason."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from core.errors import InkError
from core.ink import Ink, read
from tests.support.pens import drawing
from tests.support.piles import encoded


def assert_valid(ink: Ink) -> None:
    assert (ink.images.shape[1:], ink.images.dtype) == ((28, 28), np.float32)
    assert len(ink.images) == len(ink.boxes) >= 1
    assert 0 <= ink.images.min() <= ink.images.max() <= 1, "NaN, or beyond paper and ink"
    assert (ink.images.reshape(len(ink.images), -1).max(axis=1) > 0).all()
    assert (ink.boxes[:, 2:] > ink.boxes[:, :2]).all()
    assert (ink.boxes >= 0).all()
    for step in ink.steps:
        assert step.image.dtype == np.uint8
        assert max(step.image.shape[:2]) <= 480


def assert_valid_or_refused(reading: Callable[[], Ink]) -> None:
    """A hostile picture either gives valid ink images or an InkError; anything else fails the test."""
    with suppress(InkError):
        assert_valid(reading())


shapes = st.one_of(
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=28),
    st.tuples(st.integers(1, 28), st.integers(1, 28), st.integers(1, 5)),
    hnp.array_shapes(min_dims=1, max_dims=4, max_side=4),
)
arrays = st.one_of(
    *(hnp.arrays(kind, shapes) for kind in (np.uint8, np.bool_, np.uint16, np.int32, np.float64)),
    hnp.arrays(np.float32, shapes, elements=st.floats(0, 1, width=32)),
)
rectangles = st.lists(
    st.tuples(*[st.integers(0, 139)] * 2, *[st.integers(1, 140)] * 2, st.integers(0, 255)), min_size=1, max_size=7
)


@settings(max_examples=60, deadline=None)
@given(rectangles, st.integers(100, 140), st.integers(0, 255), st.floats(0, 8))
def test_any_sheets_boxes_and_lines_give_valid_ink_images_or_a_reason(
    drawn: list[tuple[int, ...]], height: int, paper: int, spread: float
) -> None:
    page = np.full((height, 140), paper, float)
    for left, top, width, length, brightness in drawn:
        page[top : top + length, left : left + width] = brightness
    page += np.random.default_rng(0).normal(0, spread, page.shape)
    assert_valid_or_refused(lambda: read(np.clip(page, 0, 255).astype(np.uint8)))


@settings(max_examples=60, deadline=None)
@given(arrays, st.sampled_from([None, True, False]), st.booleans())
def test_any_array_gives_valid_ink_images_or_a_reason(array: np.ndarray, invert: bool, split: bool) -> None:
    assert_valid_or_refused(lambda: read(array, name="array", invert=invert, split=split))


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F", "HSV", "LAB", "YCbCr"]),
    st.integers(1, 30),
    st.integers(1, 30),
    st.integers(0, 2**32 - 1),
)
def test_any_pil_image_gives_valid_ink_images_or_a_reason(mode: str, width: int, height: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    image = Image.new(mode, (width, height)) if mode == "LAB" else image.convert("L").convert(mode)
    assert_valid_or_refused(lambda: read(image))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_gives_valid_ink_images_or_a_reason(data: bytes) -> None:
    fmt = data.draw(st.sampled_from(["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"]))
    blob = bytearray(encoded(Image.fromarray(drawing()).resize((48, 48)).convert("RGB"), fmt))
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    assert_valid_or_refused(lambda: read(bytes(blob[: data.draw(st.integers(1, len(blob)))])))


def test_a_thread_of_a_picture_is_read_or_refused_and_never_looked_at_for_ever() -> None:
    page = np.full((2_000, 3), 255, np.uint8)
    page[666:1_000, 1] = 0
    for thread in (page, page.T, np.full((6_400, 3), 255, np.uint8)):
        assert_valid_or_refused(partial(read, thread))
