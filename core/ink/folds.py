"""Folds: a straight gap that parts strokes, along which the ink has come off, is told from where a pen was lifted.

A fold cuts both edges of the gap straight, and they are as far apart all along a stroke's breadth. A pen ends round.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.ink.segments import INKED, breadth_of

Floats = NDArray[np.float32]

_WIDEST = 0.09  # gap, as a share of the longest side of what it parts
_SHORTEST, _LONGEST = 0.7, 3.0  # length of the gap, in breadths of a stroke; longer runs along strokes, not across
_CUT = 1.5  # times as much ink beside the gap as a stroke has that is cut through, and an edge goes on beyond the gap
_LEAST_BREADTH = 4.0  # pixels, below which no end is straight or round
_MOST_PIECES = 12


class Mended(NamedTuple):
    """An ink map ``(h, w)`` with its folds inked over, and how many there were."""

    ink: Floats
    folds: int


def mend(ink: Floats) -> Mended:
    """Ink over the narrow gaps that folds have left.

    Args:
        ink: float32 ``(h, w)``, 0 paper .. 1 ink.
    """
    from scipy.ndimage import distance_transform_edt, find_objects, label

    mask = ink > INKED
    names, count = label(mask, structure=np.ones((3, 3)))
    if not 1 < count <= _MOST_PIECES or (breadth := breadth_of(mask)) < _LEAST_BREADTH:
        return Mended(ink, 0)
    gaps = np.zeros(mask.shape, bool)
    folds = 0
    places = [[(side.start, side.stop) for side in place] for place in find_objects(names)]
    for (one, a), (other, b) in combinations(enumerate(places, 1), 2):
        both = tuple(slice(min(p[0], q[0]), max(p[1], q[1])) for p, q in zip(a, b, strict=True))
        widest = _WIDEST * max(side.stop - side.start for side in both)
        if any(max(p[0], q[0]) - min(p[1], q[1]) > widest for p, q in zip(a, b, strict=True)):
            continue
        near = names[both]
        to_one, to_other = distance_transform_edt(near != one), distance_transform_edt(near != other)
        apart = float(to_other[near == one].min())
        if apart > widest:
            continue
        # Between straight edges the distances to both add up to the gap's width, wherever one stands.
        strips, number = label((near == 0) & (to_one + to_other <= apart + 1))
        for strip in (strips == i for i in range(1, number + 1)):
            length = np.count_nonzero(strip) / max(apart - 1, 1)
            if not _SHORTEST * breadth <= length <= _LONGEST * breadth:
                continue
            around = distance_transform_edt(~strip) <= breadth / 2
            if all(np.count_nonzero(around & (near == piece)) <= _CUT * length * breadth / 2 for piece in (one, other)):
                gaps[both] |= strip
                folds += 1
    return Mended(np.where(gaps, np.float32(1), ink), folds) if folds else Mended(ink, 0)
