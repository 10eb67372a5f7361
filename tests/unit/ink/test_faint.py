"""What a light hand drew: taken in where it goes on from dark ink, otherwise said; neither blur nor ruling is."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from core.ink import Ink, read
from tests.support.pens import FIVE, difference, drawing

RING = [(140 + 70 * np.cos(turn), 140 + 90 * np.sin(turn)) for turn in np.linspace(0, 2 * np.pi, 60)]
ARC = RING[8:23]


def with_faint(dark: NDArray[np.uint8], faint: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """Two drawings on one sheet, the second with so much of the pen."""
    pale = 255 - share * (255 - faint.astype(np.float64))
    return np.minimum(dark, pale).astype(np.uint8)


def kinds(ink: Ink) -> list[str]:
    return [doubt.kind for doubt in ink.doubts]


@pytest.mark.parametrize("share", [0.35, 0.2, 0.14])
def test_a_loop_that_a_light_hand_closed_stays_closed(share: float) -> None:
    open_ring = drawing(RING[22:] + RING[:9])
    ink = read(with_faint(open_ring, drawing(ARC), share))
    assert difference(read(drawing(RING)).images[0], ink.images[0]) < 0.02
    assert difference(read(open_ring).images[0], ink.images[0]) > 0.04


def test_a_stroke_that_fades_out_keeps_its_end() -> None:
    ink = read(with_faint(drawing(FIVE[:5]), drawing(FIVE[4:]), 0.2))
    assert difference(read(drawing()).images[0], ink.images[0]) < 0.02


def test_dark_pieces_that_a_faint_stroke_joins_are_one_digit() -> None:
    top, middle, foot = [(140, 30), (140, 70)], [(140, 70), (140, 210)], [(140, 210), (140, 250)]
    ink = read(with_faint(drawing(top, foot), drawing(middle), 0.2))
    assert len(ink.images) == 1
    assert difference(read(drawing([(140, 30), (140, 250)])).images[0], ink.images[0]) < 0.02


def test_that_a_faint_stroke_was_taken_in_is_said_and_may_be_undone() -> None:
    open_ring = drawing(RING[22:] + RING[:9])
    page = with_faint(open_ring, drawing(ARC), 0.2)
    (doubt,) = read(page).doubts
    assert (doubt.kind, doubt.message, doubt.offer) == ("faint", "A faint stroke was taken in.", "Leave it out")
    without = read(page, **doubt.other)
    assert difference(read(open_ring).images[0], without.images[0]) < 0.01
    assert without.doubts[0].other == {"faint": True}


def test_a_faint_stroke_on_its_own_is_left_out_said_and_taken_in_when_asked_for() -> None:
    four = [(90, 40), (60, 150), (170, 150)], [(150, 90), (150, 240)]
    beside = [(205, 60), (205, 200)]
    page = with_faint(drawing(*four), drawing(beside), 0.25)
    ink = read(page)
    (doubt,) = ink.doubts
    assert (doubt.kind, doubt.message, doubt.offer) == ("faint", "A faint stroke was left out.", "Take it in")
    assert difference(read(drawing(*four)).images[0], ink.images[0]) < 0.01
    assert read(page, split=False, **doubt.other).boxes[0, 2] > 200


@pytest.mark.parametrize("blur", [1.0, 3.0, 6.0])
def test_blur_is_no_faint_stroke(blur: float) -> None:
    blurred = np.rint(gaussian_filter(drawing().astype(np.float64), blur)).astype(np.uint8)
    assert "faint" not in kinds(read(blurred))


def test_pale_lines_of_the_paper_are_no_faint_strokes() -> None:
    page = drawing(RING).astype(np.float64)
    page[25::60] = np.minimum(page[25::60], 205)
    page[:, 20::60] = np.minimum(page[:, 20::60], 205)
    ink = read(page.astype(np.uint8))
    assert "faint" not in kinds(ink)
    assert difference(read(drawing(RING)).images[0], ink.images[0]) < 0.02


def test_a_smudge_is_neither_a_stroke_nor_worth_a_word() -> None:
    y, x = np.mgrid[:280, :280]
    smudge = 60 * np.exp(-((x - 200) ** 2 + (y - 210) ** 2) / 1200)
    page = np.clip(drawing(RING) - smudge, 0, 255).astype(np.uint8)
    ink = read(page)
    assert "faint" not in kinds(ink)
    assert difference(read(drawing(RING)).images[0], ink.images[0]) < 0.02
