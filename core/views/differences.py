"""The residual in words: the connected regions where an image differs from its reconstruction, largest first.

What is compared is smeared by a pixel first, so that an outline one pixel wide, which is a matter of the pen and not of
the digit, is no region.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

STRONG = 0.4  # of the smeared residual, -1 .. 1: from here on a pixel is said to differ
FEWEST_PIXELS = 6
MOST = 2  # regions named of either kind
_LONG = 1.8  # times as long as wide is a stroke
_ROWS, _COLUMNS = ("at the top", "", "at the bottom"), ("on the left", "", "on the right")


@dataclass(frozen=True)
class Difference:
    """One region of too much or too little ink.

    Attributes:
        extra: whether a normal digit would have no ink there; else the ink is missing.
        shape: ``"a bar"`` (lying), ``"an upright"`` (standing), ``"a stroke"`` (slanting) or ``"a piece"``.
        place: where in the digit, for example ``"at the top on the left"`` or ``"in the middle"``.
        ink: how much it is, pixels of full ink.
    """

    extra: bool
    shape: str
    place: str
    ink: float


def differences(image: NDArray[np.float32], residual: NDArray[np.float32]) -> tuple[Difference, ...]:
    """The regions that differ, the largest first, at most ``MOST`` of extra and of missing ink.

    Args:
        image: ``(28, 28)``, 0 paper .. 1 ink.
        residual: ``(28, 28)``, image minus reconstruction, -1 .. 1.
    """
    box = _box(np.maximum(image, image - residual) > 0.5)
    result = []
    for extra in (True, False):
        smeared = ndimage.uniform_filter(np.asarray(residual if extra else -residual, dtype=np.float64), 2)
        regions, count = ndimage.label(smeared > STRONG, np.ones((3, 3)))
        sized = []
        for number in range(1, count + 1):
            inside = regions == number
            if inside.sum() >= FEWEST_PIXELS:
                sized.append(Difference(extra, _shape(inside), _place(inside, box), float(smeared[inside].sum())))
        result += sorted(sized, key=lambda region: -region.ink)[:MOST]
    return tuple(sorted(result, key=lambda region: -region.ink))


def say_differences(differences: tuple[Difference, ...]) -> str:
    """The differences in a sentence or two; empty where there are none.

    >>> bar = Difference(True, "a bar", "at the bottom", 20.0)
    >>> say_differences((bar, Difference(False, "an upright", "on the left", 12.0)))
    'Extra ink: a bar at the bottom. Missing: an upright on the left.'
    """
    parts = []
    for extra, word in ((True, "Extra ink"), (False, "Missing")):
        regions = list(
            dict.fromkeys(f"{region.shape} {region.place}" for region in differences if region.extra is extra)
        )
        if regions:
            parts.append(f"{word}: {' and '.join(regions)}.")
    return " ".join(parts)


def _box(inked: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not rows.size:
        return slice(0, inked.shape[0]), slice(0, inked.shape[1])
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _shape(inside: NDArray[np.bool_]) -> str:
    """By the spread along the principal axes of its pixels, and which way the longer one lies."""
    points = np.argwhere(inside).astype(np.float64)
    variances, axes = np.linalg.eigh(np.cov(points.T) + np.eye(2) / 12)  # a pixel has a width of its own
    if np.sqrt(variances[1] / variances[0]) < _LONG:
        return "a piece"
    steep = abs(float(axes[0, 1]))  # of the longer axis: 0 lies, 1 stands
    return "an upright" if steep > 0.87 else "a bar" if steep < 0.5 else "a stroke"


def _place(inside: NDArray[np.bool_], box: tuple[slice, slice]) -> str:
    """In which ninth of the digit's box its middle lies."""
    middle = np.argwhere(inside).mean(axis=0)
    thirds = []
    for at, side in zip(middle, box, strict=True):
        share = (at - side.start + 0.5) / (side.stop - side.start)
        thirds.append(0 if share < 0.36 else 2 if share > 0.64 else 1)
    words = [word for word in (_ROWS[thirds[0]], _COLUMNS[thirds[1]]) if word]
    return " ".join(words) or "in the middle"
