"""A gap that a fold has left is closed and said; where a pen was lifted, or two digits stand, it stays."""

import numpy as np
from PIL import Image, ImageDraw

from core import ink


def one(width: int = 30) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An upright stroke on white paper, 200 pixels long."""
    page = Image.new("L", (300, 300), 255)
    pen = ImageDraw.Draw(page)
    pen.line([(150, 50), (150, 250)], fill=0, width=width)
    return page, pen


def test_a_fold_across_a_stroke_is_closed_and_can_be_left_open() -> None:
    page, pen = one()
    whole = ink.read(page)
    pen.line([(100, 130), (200, 160)], fill=255, width=14)

    mended, open_ = ink.read(page), ink.read(page, mend=False)

    assert abs(mended.images.sum() / whole.images.sum() - 1) < 0.06
    assert np.abs(mended.images - open_.images).max() > 0.3
    (doubt,) = [doubt for doubt in mended.doubts if doubt.kind == "fold"]
    assert doubt.other == {"mend": False}
    assert not [doubt for doubt in open_.doubts if doubt.kind == "fold"]


def test_round_ends_of_a_pen_that_was_lifted_stay_apart() -> None:
    page = Image.new("L", (300, 300), 255)
    pen = ImageDraw.Draw(page)
    for top, bottom in ((50, 130), (174, 250)):
        pen.line([(150, top), (150, bottom)], fill=0, width=30)
        for end in (top, bottom):
            pen.ellipse([135, end - 15, 165, end + 15], fill=0)

    assert not [doubt for doubt in ink.read(page).doubts if doubt.kind == "fold"]


def test_two_strokes_side_by_side_are_two_digits() -> None:
    page, pen = one()
    pen.line([(195, 50), (195, 250)], fill=0, width=30)

    assert len(ink.read(page).images) == 2
