"""Digits that fill their picture: bold pens light on dark, crops along the ink, and close-ups."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from core.datasets.examples import Points
from core.ink import read
from tests.support.pens import FIVE, FOUR, RING, SEVEN, drawing, read_alike

Pixels = NDArray[np.uint8]
NINE = [(180, 90), (140, 50), (100, 95), (135, 135), (180, 90), (170, 240)]
ONE = [(145, 40), (135, 240)]


def cropped(page: Pixels, margin: int) -> Pixels:
    """A picture cut out along its ink, or within it."""
    rows, columns = np.flatnonzero((page < 128).any(axis=1)), np.flatnonzero((page < 128).any(axis=0))
    return page[rows[0] - margin : rows[-1] + 1 + margin, columns[0] - margin : columns[-1] + 1 + margin]


def scanned(page: Pixels) -> Pixels:
    """As blurred as a scan."""
    return np.rint(gaussian_filter(page.astype(float), 2)).astype(np.uint8)


@pytest.mark.parametrize("stroke", [FIVE, RING, NINE, SEVEN, ONE, FOUR], ids=["5", "0", "9", "7", "1", "4"])
@pytest.mark.parametrize(
    ("pen", "margin", "made"), [(20, 5, np.array), (45, 5, np.array), (30, 0, np.array), (20, 0, scanned)]
)
@pytest.mark.parametrize("is_light", [True, False], ids=["white on black", "black on white"])
def test_a_bold_digit_that_fills_its_frame_is_ink_on_whichever_paper(
    stroke: Points, pen: int, is_light: bool, margin: int, made: Callable[[Pixels], Pixels]
) -> None:
    page = made(drawing(stroke, pen=pen))
    tight = cropped(page, margin)
    read_alike(255 - tight if is_light else tight, page)


@pytest.mark.parametrize("pen", [30.0, 45.0])
def test_in_a_close_up_ink_may_be_most_of_the_picture(pen: float) -> None:
    page = drawing(pen=pen)
    tight = cropped(page, -4)
    assert (tight < 128).mean() > 0.4
    read_alike(tight, page, invert=False)


def test_a_stroke_that_crosses_a_tight_crop_is_no_ruled_line() -> None:
    page = drawing(SEVEN)
    ink = read_alike(cropped(page, 0), page, split=False)
    assert not any(step.name == "Lines removed" for step in ink.steps)


@pytest.mark.parametrize("pen", [20, 30, 40])
@pytest.mark.parametrize("is_light", [True, False], ids=["white on black", "black on white"])
def test_a_bold_nought_is_no_sheet_whose_hole_is_the_ink(pen: int, is_light: bool) -> None:
    nought = [(140 + 52 * np.cos(turn), 140 + 75 * np.sin(turn)) for turn in np.linspace(0, 2 * np.pi, 60)]
    page = drawing(nought, pen=pen)
    ink = read(255 - page if is_light else page)
    assert "sheet" not in [doubt.kind for doubt in ink.doubts]
    assert ink.boxes[0, 3] - ink.boxes[0, 1] > 150


@pytest.mark.parametrize("pen", [80, 100])
def test_strokes_too_broad_to_close_over_are_not_hollowed_out(pen: float) -> None:
    image = read(drawing([(150, 70), (110, 190)], pen=pen)).images[0]
    assert image[10:18, 12:16].min() > 0.9
