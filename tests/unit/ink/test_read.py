"""The road from any picture to ink images."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.morphology import skeletonize
from sklearn.datasets import load_digits

from core.datasets import examples
from core.datasets.examples import Points
from core.errors import InkError
from core.ink import are_ink_images, is_ink_image, read, strokes
from core.ink.picture import Source
from tests.support.pens import FIVE, SEVEN, difference, drawing, read_alike
from tests.support.piles import encoded

SOFT = np.exp(-(((np.arange(300) - 150) / 40) ** 2))


def grainy(
    spread: float, coarseness: float, shape: tuple[int, int] = (240, 320), falling_to: float = 1.0
) -> np.ndarray:
    """Blank paper with a grain that neighbouring pixels share, as a camera hands it over."""
    grain = gaussian_filter(np.random.default_rng(3).standard_normal(shape), coarseness)
    light = np.linspace(1, falling_to, shape[1])
    return np.clip(200 * (1 + spread * grain / grain.std()) * light, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("other", "within"),
    [
        *((drawing(at=at), 0.02) for at in ((-60, -30), (40, 30), (60, -30))),
        *((drawing(scale=scale, pen=max(2, pen * scale)), 0.045) for scale in (0.25, 0.5, 1.25) for pen in (4, 14)),
        *((drawing(pen=pen), 0.045) for pen in (2, 4, 8, 24)),
        *((drawing(ink=ink, paper=paper), 0.02) for ink, paper in ((255, 0), (40, 200), (200, 40), (130, 190))),
        *((drawing(ink=ink, paper=paper), 0.02) for ink, paper in ((215, 255), (60, 90))),
        (drawing(paper=235) * np.linspace(1, 1 / 3, 280), 0.02),
        ((drawing(paper=235) * (grainy(0.03, 1, (280, 280)) / 200)).clip(0, 255).astype(np.uint8), 0.03),
    ],
    ids=[
        *(f"elsewhere {i}" for i in (1, 2, 3)),
        *(f"{scale} times with a pen of {pen}" for scale in (0.25, 0.5, 1.25) for pen in (4, 14)),
        *(f"a pen of {pen}" for pen in (2, 4, 8, 24)),
        *("inverted", "dark", "light on dark", "pale", "paler", "dim"),
        *("light that falls off to a third", "paper with a grain"),
    ],
)
def test_neither_place_size_pen_brightness_nor_light_make_a_difference(other: np.ndarray, within: float) -> None:
    read_alike(other, drawing(), within)


@pytest.mark.parametrize("pen", [1.5, 2, 3, 6])
@pytest.mark.parametrize("strokes", [FIVE, SEVEN], ids=["5", "7"])
def test_a_hairline_on_a_large_page_keeps_together(strokes: Points, pen: float) -> None:
    read_alike(drawing(strokes, pen=pen, side=1000, scale=3.5), drawing(strokes, pen=9))


def test_squared_paper_is_taken_away_and_shown_as_a_step() -> None:
    page = drawing().astype(float)
    page[::40] = np.minimum(page[::40], 110)
    page[:, 10::40] = np.minimum(page[:, 10::40], 110)
    ink = read_alike(page, drawing(), 0.03)
    assert any(step.name == "Lines removed" for step in ink.steps)


def test_a_one_as_tall_as_its_picture_is_no_ruled_line() -> None:
    page = np.ones((90, 40))
    page[2:88, 17:23] = 0
    page[0:90, 18:22] = 0
    assert read(page).boxes.tolist() == [[17, 0, 23, 90]]


@pytest.mark.parametrize("pen", [1.0, 2.0, 6.0, 20.0, 30.0])
def test_strokes_come_out_as_wide_as_most_of_mnists(pen: float) -> None:
    image = read(drawing(pen=pen)).images[0]
    fine = np.asarray(Image.fromarray(image).resize((224, 224), Image.Resampling.BICUBIC)) > 0.5
    width = 2 * np.median(distance_transform_edt(fine)[skeletonize(fine)])
    assert 1.7 < width / 8 < 3.3


@pytest.mark.parametrize("pen", [2, 6, 14, 30])
def test_what_read_makes_passes_read_unchanged(pen: float) -> None:
    image = read(drawing(pen=pen)).images[0]
    again = read(image)
    np.testing.assert_array_equal(again.images[0], image)


def test_the_steps_of_a_drawing_of_few_pixels_are_rounded_off_most_where_nothing_between_them_is_grey() -> None:
    y, x = np.mgrid[:168, :168]
    stepped = np.kron(np.abs(x - 0.6 * y - 5)[:28, :28] < 1.5, np.ones((6, 6), bool))
    stroke = np.abs(x - 0.6 * y - 31) < 9
    away = [(strokes.smooth(stepped, 6, grey)[2:-2, 2:-2] ^ stroke).mean() for grey in (0.0, 1.0)]
    assert away[0] < 0.6 * (stepped ^ stroke).mean()
    assert away[0] < away[1] < (stepped ^ stroke).mean()
    np.testing.assert_array_equal(strokes.smooth(stepped, 0.9, 0.0), stepped)


def test_rounding_off_closes_no_gap_between_two_strokes() -> None:
    bars = np.zeros((60, 90), bool)
    bars[10:50, 10:40] = bars[10:50, 44:74] = True
    assert not strokes.smooth(bars, 8, 0.0)[30, 44]  # the middle of the gap, two pixels on by the margin


def test_the_ink_image_has_mnists_geometry_and_soft_edges() -> None:
    image = read(drawing()).images[0]
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    centre = np.array([image.sum(axis=1) @ np.arange(28), image.sum(axis=0) @ np.arange(28)]) / image.sum()
    assert np.abs(centre - 14).max() <= 0.51
    assert is_ink_image(image)
    # MNIST's own steps from pixel to pixel reach 0.95 of full ink on average and no more.
    assert 0.6 < np.abs(np.diff(image, axis=1)).max() < 0.97
    assert image.max() > 0.95


def test_the_loose_bar_of_a_five_stays_with_its_body() -> None:
    body = drawing([(112, 78), *FIVE[2:]])
    bar = drawing([(118, 48), (185, 44)])
    ink = read(np.minimum(body, bar))
    assert len(ink.images) == 1


@pytest.mark.parametrize("digit", list("0123456789"))
def test_the_broken_digits_among_the_examples_are_one_shape_each(digit: str) -> None:
    broken = examples.for_normal((digit,))[1]
    assert len(read(broken.picture()).images) == 1


def test_digits_close_together_in_a_row_or_on_lines_of_their_own_stay_apart() -> None:
    seven = drawing([(20, 20), (70, 20), (40, 100)], pen=10, side=120)
    row = np.concatenate([seven[:, 10:85], seven[:, 10:85], seven[:, 10:85]], axis=1)
    assert len(read(np.pad(row, 40, constant_values=255)).images) == 3
    column = np.concatenate([seven[10:115], seven[10:115]])
    assert len(read(np.pad(column, 40, constant_values=255)).images) == 2


def test_a_speck_is_dropped() -> None:
    page = drawing()
    page[250:254, 20:24] = 0
    assert [left > 60 for left in read(page).boxes[:, 0]] == [True]


def test_several_digits_are_told_apart_in_reading_order_and_said() -> None:
    page = np.full((300, 400), 255, np.uint8)
    for left, top in ((150, 20), (20, 30), (30, 160)):
        page[top : top + 100, left + 40 : left + 50] = 0
        page[top : top + 10, left : left + 50] = 0
    ink = read(page)
    assert ink.boxes[:, 0].tolist() == [20, 150, 30]
    doubt = next(d for d in ink.doubts if d.kind == "several")
    assert "3 shapes found" in doubt.message
    assert doubt.other == {"split": False}
    together = read(page, split=False)
    assert together.boxes.tolist() == [[20, 20, 200, 260]]


def test_inversion_can_be_set_by_hand() -> None:
    page = drawing([(100, 40), (180, 40), (180, 240), (100, 240), (100, 40)], pen=30)
    plain, confirmed, turned = read(page), read(page, invert=False), read(page, invert=True)
    np.testing.assert_array_equal(plain.images, confirmed.images)
    assert difference(plain.images[0], turned.images[0]) > 0.05


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        pytest.param(np.ones((100, 100)), "no ink found", id="blank"),
        pytest.param(np.zeros((100, 100)), "no ink found", id="all black"),
        pytest.param(np.random.default_rng(0).normal(0.8, 0.05, (200, 300)).clip(0, 1), "no ink found", id="noise"),
        pytest.param(np.tile(np.linspace(0.3, 0.9, 300), (200, 1)), "no ink found", id="shade"),
        pytest.param(0.9 - 0.18 * np.outer(SOFT[:200], SOFT), "no ink found", id="a soft shadow"),
        pytest.param(grainy(0.02, 1), "no ink found", id="grain"),
        pytest.param(grainy(0.06, 3), "no ink found", id="coarse grain"),
        pytest.param(grainy(0.03, 1, falling_to=0.4), "no ink found", id="grain in fading light"),
        pytest.param(encoded(Image.fromarray(grainy(0.03, 1)), "JPEG"), "no ink found", id="compressed grain"),
        pytest.param(Image.new("RGBA", (280, 280), (0, 0, 0, 0)), "no ink found", id="empty canvas"),
        *(pytest.param(np.zeros(shape, np.uint8), "too small") for shape in ((1, 1), (2, 500), (5, 5))),
    ],
)
def test_a_picture_without_writing_or_too_small_for_it_says_so(page: Source, reason: str) -> None:
    with pytest.raises(InkError, match=rf"p\.png.* {reason}"):
        read(page, name="p.png")


def test_a_blob_and_faint_ink_are_doubted() -> None:
    y, x = np.mgrid[:200, :200]
    disc = np.where((x - 100) ** 2 + (y - 90) ** 2 < 60**2, 0, 255).astype(np.uint8)
    assert [d.kind for d in read(disc).doubts] == ["blob"]
    assert [d.kind for d in read(drawing(ink=215, paper=255)).doubts] == ["contrast"]
    assert not read(drawing(pen=24)).doubts


def test_boxes_are_in_the_pixels_of_the_original() -> None:
    page = np.full((1200, 2000), 255, np.uint8)
    page[300:900, 1000:1100] = 0
    left, top, right, bottom = read(page).boxes[0]
    np.testing.assert_allclose([left, top, right, bottom], [1000, 300, 1100, 900], atol=4)


@pytest.mark.datasets
@pytest.mark.parametrize("part", ["train", "test"])
def test_mnists_own_images_pass_bit_for_bit(part: str) -> None:
    from core import datasets

    images = datasets.load("mnist", part, download=False).images[:10_000]
    passed = [np.array_equal(read(image).images[0], image) for image in images[::20]]
    assert np.mean(passed) >= 0.999
    assert are_ink_images(images).mean() >= 0.999


@pytest.mark.parametrize("negative", [False, True])
def test_a_digit_of_8x8_pixels_is_enlarged_and_read_in_one_piece_and_what_that_costs_is_said(negative: bool) -> None:
    for grey in load_digits().images[:20]:
        picture = (grey if negative else 16 - grey).astype(np.uint8) * 15

        ink = read(picture)

        (box,) = ink.boxes.tolist()
        assert 0 <= box[0] < box[2] <= 8
        assert 0 <= box[1] < box[3] <= 8
        assert ink.doubts[0].message.startswith("The picture is only 8 x 8 pixels and was enlarged")
