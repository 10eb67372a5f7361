"""Digits drawn with a round pen, as pictures, and how far two ink images are apart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.datasets.examples import Points, for_normal
from core.ink import Ink, read

FIVE: Points = [(180, 60), (110, 60), (100, 130), (150, 120), (185, 160), (165, 205), (95, 215)]
SEVEN: Points = [(90, 60), (190, 60), (130, 240)]
FOUR: Points = [(150, 50), (85, 160), (195, 163)]
RING: Points = [(140 + 70 * np.cos(turn), 140 + 90 * np.sin(turn)) for turn in np.linspace(0, 2 * np.pi, 60)]


def drawing(
    *strokes: Points,
    pen: float = 14,
    side: int = 280,
    scale: float = 1.0,
    at: tuple[int, int] = (0, 0),
    ink: int = 0,
    paper: int = 255,
) -> NDArray[np.uint8]:
    """Strokes (a 5 without any), uint8 ``(side, side)``, drawn large and averaged, as a screen would."""
    fine = 4
    image = Image.new("L", (side * fine, side * fine), paper)
    draw = ImageDraw.Draw(image)
    for stroke in strokes or (FIVE,):
        path = [((x * scale + at[0]) * fine, (y * scale + at[1]) * fine) for x, y in stroke]
        draw.line(path, fill=ink, width=round(pen * fine), joint="curve")
        for x, y in path:
            reach = pen * fine / 2
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=ink)
    return np.array(image.resize((side, side), Image.Resampling.BOX))


def difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Mean absolute difference of two ink images, the second moved by at most a pixel to fit."""
    moved = [np.roll(other, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return min(float(np.abs(one - m).mean()) for m in moved)


def read_alike(page: Image.Image | NDArray[Any], plain: NDArray[Any], within: float = 0.04, **choices: bool) -> Ink:
    """A picture read, which holds one shape and, but for so much, the ink of a plainer picture."""
    ink = read(page, **choices)
    assert len(ink.images) == 1
    assert difference(read(plain).images[0], ink.images[0]) < within
    return ink


def beside_a_faint_stroke() -> Image.Image:
    """A 4 and, of a quarter of its pen, a stroke that does not touch it."""
    page = Image.new("L", (300, 300), 255)
    pen = ImageDraw.Draw(page)
    pen.line([(100, 40), (70, 160), (180, 160)], fill=0, width=14)
    pen.line([(215, 60), (215, 200)], fill=195, width=14)
    return page


def folded() -> Image.Image:
    """A 1 across which the paper was folded, so that its ink came off."""
    page = Image.new("L", (300, 300), 255)
    pen = ImageDraw.Draw(page)
    pen.line([(150, 50), (150, 250)], fill=0, width=30)
    pen.line([(100, 130), (200, 160)], fill=255, width=14)
    return page


def example(name: str) -> Image.Image:
    """A picture of an example that the first page offers where 5 is normal."""
    return next(each for each in for_normal(("5",)) if each.name == name).picture()
