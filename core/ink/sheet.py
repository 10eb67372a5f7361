"""Finds the sheet of paper in a photograph that also shows what the sheet lies on, and leaves only the sheet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.ink.illumination import project
from core.ink.masks import along_border, extent, grown, otsu, shrunken
from core.ink.resize import resized, shrunk
from core.ink.segments import breadth_of

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]

# A sheet is looked for at this size, not in smaller pictures than the second, and fills at least this share of one.
_COARSE, _SMALLEST, _LEAST = 160, 100, 0.1
# So much of the picture's border may be sheet: one side of it. A darker card must lie within, or it may be a shadow.
_LIGHT_AT_BORDER, _DARK_AT_BORDER, _NO_SHEET = 0.3, 0.02, 0.9
# What it lies on is of another brightness, mostly: between two ruled lines there is no sheet.
_MOST_ALIKE = 0.5
# It fills its convex hull, and the hull the smallest rectangle around it: an ellipse fills 0.79 of that.
_SOLID, _FOUR_CORNERED, _LEAST_ASPECT = 0.95, 0.84, 0.3
# With a bar or a blob on it, it may be a bold 0, whose corners are round.
_FILLED, _SHARP_CORNERED = 0.65, 0.93
# What is written covers little of it, and something is: else there is nothing to cut out.
_LEAST_WRITTEN, _MOST_WRITTEN, _BROADEST = 0.001, 0.2, 0.15
# Across its edge, brightness goes at least this share of the way from sheet to surroundings.
_SHARP = 0.6
# Where a stroke meets it, nothing beyond stands out of the surroundings by this share of what the stroke does.
_CROSSING = 0.5
_BRIDGED = 5  # pixels of the small picture
# A rim is of the other brightness all along, up to so broad, and next to nothing touches it.
_THROUGHOUT, _BROADEST_RIM, _TOUCHED = 0.97, 0.25, 0.01


def cut_out(pixels: Floats) -> tuple[Floats, Box] | None:
    """The sheet alone, when a picture shows one that lies on something else.

    A sheet is four-cornered, of one brightness but for what is written on it, and ends sharply; one side may be cut
    off. A card that is darker than what it lies on counts as well, when it is seen whole.

    Args:
        pixels: float32 ``(h, w)`` or ``(h, w, 3)``, 0 black .. 1 white.

    Returns:
        the part of the picture around the sheet, everything beyond the sheet's edge in the sheet's own colour, and
        its box (left, top, right, bottom in pixels); None where no sheet stands out.
    """
    from scipy.ndimage import distance_transform_edt

    height, width = pixels.shape[:2]
    if min(height, width) < _SMALLEST:
        return None
    small = shrunk(pixels, _COARSE)
    grey = project(small)
    if float(np.ptp(grey)) < 0.1:
        return None
    light = grey > otsu(grey)
    sheet = _find(grey, light)
    if sheet is None:
        return _without_rim(pixels, grey, light)
    # The pixels along its edge are half surroundings: they are painted over too.
    inner = _shrunken(sheet, 2)
    nearest = distance_transform_edt(~inner, return_distances=False, return_indices=True)
    rows, columns = place = extent(sheet)
    down, across = height / small.shape[0], width / small.shape[1]
    left, top = int(columns.start * across), int(rows.start * down)
    right, bottom = min(width, round(columns.stop * across)), min(height, round(rows.stop * down))
    part = pixels[top:bottom, left:right]
    size = (right - left, bottom - top)
    paper = resized(small[tuple(nearest)][place], size)
    kept = resized(inner[place].astype(np.float32), size) > 0.5
    return np.where(kept if part.ndim == 2 else kept[..., None], part, paper), (left, top, right, bottom)


def _find(grey: Floats, light: Mask) -> Mask | None:
    """Where the sheet is in a small picture, what is written on it included; None without one."""
    for side, most in ((light, _LIGHT_AT_BORDER), (~light, _DARK_AT_BORDER)):
        # A sheet has little of the border, and around it there is mostly something else.
        if side.mean() < _LEAST * (1 - _MOST_WRITTEN) or along_border(side).mean() > _NO_SHEET:
            continue
        # What is printed right across divides a sheet, and is bridged; but so is what the sheet lies on.
        for whole in (side, shrunken(grown(side, _BRIDGED // 2), _BRIDGED // 2)):
            sheet = _largest(whole)
            border = along_border(sheet).mean()
            if (
                _LEAST <= sheet.mean() < 1
                and border <= most
                and side[~sheet].mean() < _MOST_ALIKE
                and _is_written_on(sheet, side)
                and (rectangular := _rectangularity(sheet)) > _FOUR_CORNERED
                and (rectangular > _SHARP_CORNERED or not _is_solid(sheet, side))
                and _ends_sharply(sheet, side, grey)
            ):
                return sheet
    return None


def _without_rim(pixels: Floats, grey: Floats, light: Mask) -> tuple[Floats, Box] | None:
    """The picture without a rim along some of its sides, as a scanner leaves it; None where there is none.

    Args:
        pixels: the picture.
        grey: a small copy.
        light: where that is lighter than half way.
    """
    other = ~light if light.mean() > 0.5 else light
    top, left, bottom, right = 0, 0, *grey.shape
    before = None
    while before != (top, left, bottom, right):  # a rim along one side may begin within that along another
        before = (top, left, bottom, right)
        top += _rim(other[top:bottom, left:right])
        bottom -= _rim(other[top:bottom, left:right][::-1])
        left += _rim(other[top:bottom, left:right].T)
        right -= _rim(other[top:bottom, left:right].T[::-1])
        if min(bottom - top, right - left) < 8:
            return None
    if (top, left, bottom, right) == (0, 0, *grey.shape):
        return None
    inside = other[top:bottom, left:right]
    # A stroke that goes on into it makes it a stroke itself: the bar of a 7 in a tight frame.
    if along_border(inside).mean() > _TOUCHED or inside.mean() > _MOST_WRITTEN:
        return None
    height, width = pixels.shape[:2]
    down, across = height / grey.shape[0], width / grey.shape[1]
    box = (
        int(np.ceil(left * across)),
        int(np.ceil(top * down)),
        int(right * across) if right < grey.shape[1] else width,
        int(bottom * down) if bottom < grey.shape[0] else height,
    )
    return pixels[box[1] : box[3], box[0] : box[2]], box


def _rim(other: Mask) -> int:
    """How many rows at the top are of the other brightness throughout, and the half-covered ones after them."""
    share = other.mean(axis=1)
    rows = int((share < _THROUGHOUT).argmax()) if (share < _THROUGHOUT).any() else len(share)
    if not rows or rows > _BROADEST_RIM * len(share):
        return 0
    return rows + 1


def _largest(mask: Mask) -> Mask:
    """The largest piece of a mask, hairs cut off and holes filled; empty where there is none."""
    from scipy.ndimage import label

    names, _ = label(grown(_shrunken(mask, 1), 1))
    sizes = np.bincount(names.ravel(), minlength=2)
    largest = names == int(sizes[1:].argmax()) + 1
    outside, _ = label(~largest)
    reached = np.zeros(int(outside.max()) + 1, bool)
    reached[along_border(outside)] = True
    reached[0] = False
    return largest | ~reached[outside]


def _shrunken(mask: Mask, pixels: int) -> Mask:
    """A mask without what is so near its edge, or the picture's."""
    return shrunken(np.pad(mask, pixels), pixels)[pixels:-pixels, pixels:-pixels]


def _is_written_on(sheet: Mask, side: Mask) -> bool:
    """Whether a little of it, clear of its edge, is not of its own brightness, and as narrow as strokes are."""
    written = _shrunken(sheet, 4) & ~side
    share = float(written.sum()) / max(int(sheet.sum()), 1)
    if not _LEAST_WRITTEN < share < _MOST_WRITTEN:
        return False
    shorter = min(int(sheet.any(axis=axis).sum()) for axis in (0, 1))
    return breadth_of(written) < _BROADEST * shorter  # the hole of a bold 0 is broader


def _is_solid(sheet: Mask, side: Mask) -> bool:
    """Whether all that is written is bars and blobs, as a 1 is, and the holes of a bold 0 or 8."""
    from scipy.ndimage import label
    from scipy.spatial import ConvexHull, QhullError

    names, count = label(_shrunken(sheet, 4) & ~side, structure=np.ones((3, 3)))
    sizes = np.bincount(names.ravel())[1:]
    for name in np.flatnonzero(sizes > 0.1 * sizes.sum()) + 1:
        y, x = np.nonzero(names == name)
        try:
            if len(x) < _FILLED * ConvexHull(np.stack([x, y], axis=1)).volume:
                return False
        except (QhullError, ValueError):  # all in a line
            continue
    return count > 0


def _rectangularity(sheet: Mask) -> float:
    """The share of the smallest rectangle around it that its convex hull is; 0 where it is not solid, or a strip."""
    from scipy.spatial import ConvexHull

    y, x = np.nonzero(sheet)
    hull = ConvexHull(np.stack([x, y], axis=1))
    if len(x) < _SOLID * hull.volume:  # in two dimensions, that is its area
        return 0.0
    corners = hull.points[hull.vertices]
    turns = np.radians(np.arange(0, 90, 2.0))
    along = np.ptp(np.outer(np.cos(turns), corners[:, 0]) + np.outer(np.sin(turns), corners[:, 1]), axis=1)
    across = np.ptp(np.outer(np.cos(turns), corners[:, 1]) - np.outer(np.sin(turns), corners[:, 0]), axis=1)
    best = int(np.argmin(along * across))
    short, long = sorted((float(along[best]), float(across[best])))
    return float(hull.volume) / (short * long) if short > _LEAST_ASPECT * long else 0.0


def _ends_sharply(sheet: Mask, side: Mask, grey: Floats) -> bool:
    """Whether brightness changes along the edge and no stroke goes on beyond it, as out of a patch of sunlight."""
    within = _shrunken(sheet, 1) & ~_shrunken(sheet, 3)
    beyond = grown(sheet, 3) & ~grown(sheet, 1)
    step = abs(np.median(grey[within]) - np.median(grey[beyond]))
    # Ratios, since a stroke in the shade is darker than the shade by the same factor.
    logs = np.log(np.maximum(grey, 0) + 0.04)
    stroke = np.median(logs[sheet & side]) - np.median(logs[sheet & ~side])
    leaving = grown(within & ~side, 4) & beyond
    crossing = (np.median(logs[beyond]) - logs[leaving]) / stroke > _CROSSING
    return bool(step > _SHARP * abs(np.median(grey[sheet]) - np.median(grey[~sheet])) and crossing.sum() < 2)
