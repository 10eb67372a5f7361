"""Faint strokes: hysteresis on an ink map, so that what a light hand drew is neither lost nor taken in unseen.

One threshold opens loops and drops arcs; two of them follow a stroke from where it is dark to where it is faint
(Canny 1986, section on streaking). What stands out of the paper and cannot be told to be a stroke is counted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.ink.masks import grown
from core.ink.resize import pooled
from core.ink.ruled_lines import factor_of
from core.ink.segments import INKED, breadth_of

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Below the first share of full ink nothing counts; a stroke's own darkness is so far above what is followed.
_PALEST, _ABOVE = 0.1, 1.2
# Where so little of what surrounds dark ink is grey, blur has ended; no blur reaches over this share of the picture.
_GREY, _BLURRED = 0.35, 0.1
# Sizes are shares of the longest side of the largest dark piece. What bridges a gap may be shorter than what ends.
_BRIDGE, _SHORTEST, _NEARBY = 0.04, 0.12, 0.4
# A stroke is at most so much broader than the dark ones, its surroundings are paler than it by this factor, and so is
# what reaches the edge of the picture.
_BROADER, _EDGED, _RULED = 1.6, 0.35, 0.5
_MOST, _MOST_PIECES = 12, 500  # more are a texture
_EIGHT = np.ones((3, 3))


class Followed(NamedTuple):
    """An ink map with its faint strokes as dark as the others.

    Attributes:
        ink: float32 ``(h, w)``.
        taken: how many faint strokes were taken in.
        left: how many pieces that may be ink were left out.
    """

    ink: Floats
    taken: int
    left: int


class _Stroke(NamedTuple):
    """A faint stroke of the coarse ink map: where it is, how dark, and whether it goes on from dark ink."""

    mask: Mask
    level: float
    goes_on: bool


def follow(ink: Floats, faintest: float, wanted: bool | None = None) -> Followed:
    """Make the faint strokes of an ink map as dark as the others.

    Args:
        ink: float32 ``(h, w)``, 0 paper .. 1 ink.
        faintest: what stands out of the paper's own noise, as a share of full ink.
        wanted: True takes in all that may be ink, False nothing, None what goes on from dark ink as a stroke does.
    """
    low = max(_PALEST, faintest)
    strokes = _faint_strokes(pooled(ink, factor_of(ink)), low) if low < INKED / _ABOVE else []
    if len(strokes) > _MOST:
        return Followed(ink, 0, 0)
    taken = [stroke for stroke in strokes if (stroke.goes_on if wanted is None else wanted)]
    return Followed(_darkened(ink, taken), len(taken), len(strokes) - len(taken))


def _faint_strokes(coarse: Floats, low: float) -> list[_Stroke]:
    """What is as narrow as a stroke, leads away from dark ink or lies near it, and is of a digit's size."""
    from scipy.ndimage import find_objects, label

    dark, grey = coarse > INKED, coarse > low
    near, reach = _with_blur(dark, grey)
    # What lies along dark ink throughout is more of its blur.
    far = grey & ~grown(near, reach + 1)
    if not reach or not far.any():
        return []
    extra = grey & ~near
    names, count = label(extra, structure=_EIGHT)
    if count > _MOST_PIECES:
        return []
    digits = find_objects(label(dark, structure=_EIGHT)[0])
    longest = max(map(_longest, digits))
    digits = [place for place in digits if _longest(place) > _SHORTEST * longest]
    breadth = breadth_of(dark)
    places = list(find_objects(names))
    # Ruling reaches the edge of the picture, and between strokes it looks like one.
    ruled = max((_level(coarse[at][names[at] == i]) for i, at in enumerate(places, 1) if _cut(at, dark)), default=0.0)
    strokes = []
    for name, place in enumerate(places, 1):
        size = _longest(place)
        nearby = any(_is_near(place, digit, _NEARBY * longest) for digit in digits)
        if size < max(2, _BRIDGE * longest) or _cut(place, dark) or not nearby:
            continue
        piece = names == name
        if not (piece & far).any():
            continue
        level = float(np.median(coarse[piece & far]))
        if level < _ABOVE * low or ruled > _RULED * level or breadth_of(piece) > _BROADER * breadth + 1:
            continue
        surrounded = grown(piece, reach + 1)
        around = surrounded & ~grown(piece, reach) & ~near
        if around.any() and float(coarse[around].mean()) > _EDGED * level:
            continue
        whole = surrounded & grey
        ends = label(whole & dark, structure=_EIGHT)[1]
        if ends > 1 or size >= _SHORTEST * longest:
            strokes.append(_Stroke(whole & ~dark, level, ends > 0))
    return strokes


def _with_blur(dark: Mask, grey: Mask) -> tuple[Mask, int]:
    """Dark ink and the blur around it, and how many pixels that reaches; 0 where greyness never ends."""
    near = dark
    for reach in range(1, max(2, round(_BLURRED * max(dark.shape))) + 1):
        wider = grown(near, 1)
        ring = wider & ~near
        if np.count_nonzero(grey & ring) <= _GREY * np.count_nonzero(ring):
            return wider, reach
        near = wider
    return near, 0


def _darkened(ink: Floats, strokes: list[_Stroke]) -> Floats:
    """An ink map with these strokes of its coarse copy as dark as any."""
    if not strokes:
        return ink
    factor = factor_of(ink)
    ink = np.array(ink)
    for stroke in strokes:
        fine = stroke.mask.repeat(factor, axis=0).repeat(factor, axis=1)
        part = ink[: fine.shape[0], : fine.shape[1]]
        part[fine] = np.clip(part[fine] / stroke.level, 0, 1)
    return ink


def _longest(place: tuple[slice, ...]) -> int:
    return max(side.stop - side.start for side in place)


def _level(values: Floats) -> float:
    return float(np.quantile(values, 0.9))


def _cut(place: tuple[slice, ...], page: Mask) -> bool:
    """Whether a place ends where the picture does."""
    return any(side.start == 0 or side.stop == length for side, length in zip(place, page.shape, strict=True))


def _is_near(place: tuple[slice, ...], other: tuple[slice, ...], reach: float) -> bool:
    return all(
        one.start < two.stop + reach and two.start < one.stop + reach for one, two in zip(place, other, strict=True)
    )
