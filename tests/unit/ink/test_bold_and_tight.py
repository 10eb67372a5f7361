"""Digits that fill their picture: bold pens light on dark, crops along the ink, and what a fold has parted."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.ink import read
from tests.support.pens import FIVE, difference, drawing

RING = [(140 + 70 * np.cos(turn), 140 + 90 * np.sin(turn)) for turn in np.linspace(0, 2 * np.pi, 60)]
NINE = [(180, 90), (140, 50), (100, 95), (135, 135), (180, 90), (170, 240)]
SEVEN = [(90, 60), (190, 60), (130, 240)]
ONE = [(145, 40), (135, 240)]


def cropped(page: NDArray[np.uint8], margin: int) -> NDArray[np.uint8]:
    """A picture cut out along its ink."""
    rows, columns = np.flatnonzero((page < 128).any(axis=1)), np.flatnonzero((page < 128).any(axis=0))
    return page[rows[0] - margin : rows[-1] + 1 + margin, columns[0] - margin : columns[-1] + 1 + margin]


@pytest.mark.parametrize("stroke", [FIVE, RING, NINE, SEVEN, ONE], ids=["5", "0", "9", "7", "1"])
@pytest.mark.parametrize(("pen", "margin"), [(20, 5), (45, 5), (30, 0)])
@pytest.mark.parametrize("is_light", [True, False], ids=["white on black", "black on white"])
def test_a_bold_digit_that_fills_its_frame_is_ink_on_whichever_paper(
    stroke: list[tuple[float, float]], pen: int, is_light: bool, margin: int
) -> None:
    page = drawing(stroke, pen=pen)
    tight = cropped(page, margin)
    ink = read(255 - tight if is_light else tight)
    assert len(ink.images) == 1
    assert difference(read(page).images[0], ink.images[0]) < 0.04


def test_a_stroke_that_crosses_a_tight_crop_is_no_ruled_line() -> None:
    page = drawing(SEVEN)
    ink = read(cropped(page, 0), split=False)
    assert difference(read(page).images[0], ink.images[0]) < 0.04
    assert not any(step.name == "Lines removed" for step in ink.steps)


def test_halves_that_a_fold_has_parted_in_two_places_are_one_digit() -> None:
    page = drawing(RING, pen=14)
    page[:, 134:142] = 255
    assert len(read(page).images) == 1


def test_a_four_and_a_one_close_together_stay_two() -> None:
    page = np.minimum(
        drawing([(90, 60), (50, 160), (130, 160)], [(120, 120), (120, 230)]), drawing([(160, 60), (158, 230)])
    )
    assert len(read(page).images) == 2


@pytest.mark.parametrize("pen", [20, 30, 40])
@pytest.mark.parametrize("is_light", [True, False], ids=["white on black", "black on white"])
def test_a_bold_nought_is_no_sheet_whose_hole_is_the_ink(pen: int, is_light: bool) -> None:
    nought = [(140 + 52 * np.cos(turn), 140 + 75 * np.sin(turn)) for turn in np.linspace(0, 2 * np.pi, 60)]
    page = drawing(nought, pen=pen)
    ink = read(255 - page if is_light else page)
    assert "sheet" not in [doubt.kind for doubt in ink.doubts]
    assert ink.boxes[0, 3] - ink.boxes[0, 1] > 150
