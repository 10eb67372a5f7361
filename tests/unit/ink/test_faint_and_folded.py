"""What a light hand, or a fold, left of strokes: followed or closed where a pen went on, and said; nothing else is."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from core.datasets.examples import Points
from core.ink import Ink, read
from tests.support.pens import FIVE, RING, difference, drawing, folded, read_alike

ARC = RING[8:23]
OPEN_RING = drawing(RING[22:] + RING[:9])


def with_faint(dark: NDArray[np.uint8], faint: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """Two drawings on one sheet, the second with so much of the pen."""
    pale = 255 - share * (255 - faint.astype(np.float64))
    return np.minimum(dark, pale).astype(np.uint8)


def kinds(ink: Ink) -> list[str]:
    return [doubt.kind for doubt in ink.doubts]


@pytest.mark.parametrize("share", [0.35, 0.2, 0.14])
def test_a_loop_that_a_light_hand_closed_stays_closed(share: float) -> None:
    ink = read_alike(with_faint(OPEN_RING, drawing(ARC), share), drawing(RING), 0.02)
    assert difference(read(OPEN_RING).images[0], ink.images[0]) > 0.04


def test_a_stroke_that_fades_out_keeps_its_end() -> None:
    read_alike(with_faint(drawing(FIVE[:5]), drawing(FIVE[4:]), 0.2), drawing(), 0.02)


def test_dark_pieces_that_a_faint_stroke_joins_are_one_digit() -> None:
    top, middle, foot = [(140, 30), (140, 70)], [(140, 70), (140, 210)], [(140, 210), (140, 250)]
    read_alike(with_faint(drawing(top, foot), drawing(middle), 0.2), drawing([(140, 30), (140, 250)]), 0.02)


def test_that_a_faint_stroke_was_taken_in_is_said_and_may_be_undone() -> None:
    page = with_faint(OPEN_RING, drawing(ARC), 0.2)
    (doubt,) = read(page).doubts
    assert (doubt.kind, doubt.message, doubt.offer) == ("faint", "A faint stroke was taken in.", "Leave it out")
    without = read_alike(page, OPEN_RING, 0.01, **doubt.other)
    assert without.doubts[0].other == {"faint": True}


def test_a_faint_stroke_on_its_own_is_left_out_said_and_taken_in_when_asked_for() -> None:
    four = [(90, 40), (60, 150), (170, 150)], [(150, 90), (150, 240)]
    beside = [(205, 60), (205, 200)]
    page = with_faint(drawing(*four), drawing(beside), 0.25)
    (doubt,) = read_alike(page, drawing(*four), 0.01).doubts
    assert (doubt.kind, doubt.message, doubt.offer) == ("faint", "A faint stroke was left out.", "Take it in")
    assert read(page, split=False, **doubt.other).boxes[0, 2] > 200


@pytest.mark.parametrize("blur", [1.0, 3.0, 6.0])
def test_blur_is_no_faint_stroke(blur: float) -> None:
    blurred = np.rint(gaussian_filter(drawing().astype(np.float64), blur)).astype(np.uint8)
    assert "faint" not in kinds(read(blurred))


def squared(page: NDArray[np.uint8]) -> NDArray[np.float64]:
    """On paper with pale lines."""
    lined = page.astype(float)
    lined[25::60] = np.minimum(lined[25::60], 205)
    lined[:, 20::60] = np.minimum(lined[:, 20::60], 205)
    return lined


def smudged(page: NDArray[np.uint8]) -> NDArray[np.float64]:
    """With what a finger left."""
    y, x = np.mgrid[:280, :280]
    return page - 60 * np.exp(-((x - 200) ** 2 + (y - 210) ** 2) / 1200)


@pytest.mark.parametrize("spoilt", [squared, smudged])
def test_neither_pale_lines_nor_a_smudge_are_faint_strokes(
    spoilt: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
) -> None:
    page = spoilt(drawing(RING)).clip(0, 255).astype(np.uint8)
    assert "faint" not in kinds(read_alike(page, drawing(RING), 0.02))


def test_a_fold_across_a_stroke_is_closed_and_can_be_left_open() -> None:
    page = folded()
    mended, left_open = read(page), read(page, mend=False)
    whole = read(drawing([(150, 65), (150, 235)], pen=30, side=300))
    assert abs(mended.images.sum() / whole.images.sum() - 1) < 0.06
    assert np.abs(mended.images - left_open.images).max() > 0.3
    (doubt,) = [doubt for doubt in mended.doubts if doubt.kind == "fold"]
    assert doubt.other == {"mend": False}
    assert "fold" not in kinds(left_open)


def test_halves_that_a_fold_has_parted_in_two_places_are_one_digit() -> None:
    page = drawing(RING)
    page[:, 134:142] = 255
    assert len(read(page).images) == 1


LIFTED = [[(150, 50), (150, 130)], [(150, 174), (150, 250)]]
SIDE_BY_SIDE = [[(150, 50), (150, 250)], [(195, 50), (195, 250)]]
FOUR_AND_ONE = [[(90, 60), (50, 160), (130, 160)], [(120, 120), (120, 230)], [(160, 60), (158, 230)]]


@pytest.mark.parametrize(
    ("strokes", "pen", "shapes"),
    [(LIFTED, 30, None), (SIDE_BY_SIDE, 30, 2), (FOUR_AND_ONE, 14, 2)],
    ids=["a pen that was lifted", "two strokes side by side", "a 4 and a 1 close together"],
)
def test_where_no_fold_is_a_gap_stays(strokes: list[Points], pen: float, shapes: int | None) -> None:
    ink = read(drawing(*strokes, pen=pen, side=300))
    assert "fold" not in kinds(ink)
    assert shapes in (None, len(ink.images))
