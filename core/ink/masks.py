"""Masks: where values are cut in two, and what is grown or shrunken by square windows, by shifting whole rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def grown(mask: Mask, pixels: int) -> Mask:
    """A mask ``(h, w)`` and all that lies within so many pixels of it, diagonally too.

    >>> grown(np.eye(3, dtype=bool)[:1], 1).tolist()
    [[True, True, False]]
    """
    return _along(_along(mask, pixels).T, pixels).T


def shrunken(mask: Mask, pixels: int) -> Mask:
    """A mask without what lies within so many pixels of its edge; the picture's edge is none.

    >>> shrunken(np.array([[True, True, True, False]]), 1).tolist()
    [[True, True, False, False]]
    """
    return ~grown(~mask, pixels)


def extent(mask: Mask) -> tuple[slice, slice]:
    """The rows and the columns from the first to the last that has any of a mask ``(h, w)``; of an empty one, none."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if len(rows) else (slice(0), slice(0))


def along_border(values: NDArray[Any]) -> NDArray[Any]:
    """What stands along the four sides of a picture ``(h, w)``, corners twice."""
    return np.concatenate((values[0], values[-1], values[:, 0], values[:, -1]))


def otsu(values: NDArray[np.float32]) -> float:
    """The threshold that leaves least variance on its two sides, of 256 between the extremes (Otsu 1979).

    >>> 0.9 < otsu(np.array([0, 1, 1, 9, 10, 10], np.float32)) < 9
    True
    """
    low, high = float(values.min()), float(values.max())
    step = (high - low) / 256
    if not step:
        return low
    places = np.minimum(((values.ravel() - low) / step).astype(np.intp), 255)
    counts = np.bincount(places, minlength=256).astype(np.float64)
    below, sums = np.cumsum(counts), np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    with np.errstate(invalid="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return low + (float(np.nanargmax(apart)) + 0.5) * step


def _along(mask: Mask, pixels: int) -> Mask:
    """Grown up and down alone, in steps that double."""
    result = np.array(mask, order="C")
    reached = 0
    while reached < pixels and len(mask):  # of a thread, coarsely looked at, nothing is left
        step = min(reached + 1, pixels - reached, len(mask))
        before = result.copy()
        result[step:] |= before[:-step]
        result[:-step] |= before[step:]
        reached += step
    return result
