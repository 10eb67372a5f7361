"""Finds the shapes of ink on a page: specks dropped, loose bars and broken strokes joined, in reading order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Boxes = NDArray[np.int64]

INKED = 0.4
# All sizes below are shares of the longest side of the largest shape.
_SPECK = 0.14
_HAIR_GAP = 0.04
_DUST, _LEAST_DUST = 0.02, 50
_FLAT = 0.05
_BAR_GAP = 0.3
_TORN, _TALLEST = 0.25, 2.1
_TORN_BESIDE, _UNEQUAL = 0.1, 0.7
_MOST_PIECES = 2000
_SMALLEST = 5  # pixels; no digit can be read from less
_PROMINENT = 1.5  # times as high as the first
# From paper to ink within this share of the picture's longest side or so many pixels, or it is shade.
_SOFTEST = 0.05
_SOFTEST_PIXELS = 6


@dataclass(frozen=True)
class Shape:
    """One shape of ink.

    Attributes:
        mask: bool ``(h, w)`` within its box.
        box: left, top, right, bottom in pixels of the picture it was found in; right and bottom are exclusive.
    """

    mask: Mask
    box: tuple[int, int, int, int]


def find_shapes(mask: Mask, *, split: bool = True) -> list[Shape]:
    """Tell the shapes on a page apart.

    Args:
        mask: where ink is, bool ``(h, w)``.
        split: False takes all ink but specks as one shape.

    Returns:
        shapes in reading order, line by line and left to right; empty when there is no ink.
    """
    from scipy.ndimage import find_objects

    pieces, boxes, areas = _pieces(mask)
    if not len(boxes):
        return []
    keep = _worth_keeping(boxes, areas, mask.shape)
    kept = np.flatnonzero(keep)
    if not len(kept):
        return []
    if len(boxes) == 1:
        left, top, right, bottom = (int(edge) for edge in boxes[0])
        return [Shape(pieces[top:bottom, left:right] > 0, (left, top, right, bottom))]
    groups = _joined(boxes[kept]) if split else np.zeros(len(kept), np.int64)
    names = np.zeros(len(boxes) + 1, np.int64)
    names[kept + 1] = groups + 1
    page = np.where(mask, names[pieces], 0)
    shapes = []
    for name, slices in enumerate(find_objects(page), start=1):
        if slices is not None:
            rows, columns = slices
            shapes.append(Shape(page[slices] == name, (columns.start, rows.start, columns.stop, rows.stop)))
    return [shapes[i] for i in reading_order(np.array([shape.box for shape in shapes]))]


def drop_shading(shapes: list[Shape], ink: Floats) -> list[Shape]:
    """Leave out what has no edge: shade that fades over a good part of the picture was never drawn.

    Args:
        shapes: as found.
        ink: the ink map they were found in, float32 ``(h, w)``, 0 .. 1.
    """
    longest = max(ink.shape)
    kept = []
    for shape in shapes:
        left, top, right, bottom = shape.box
        # Pixels between 30 % and 70 % are two fifths of the way from paper to ink.
        fade = edge_width(ink[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2], 0.3) / 0.4
        if fade < max(_SOFTEST * longest, _SOFTEST_PIXELS):
            kept.append(shape)
    return kept


def reading_order(boxes: Boxes) -> list[int]:
    """Indices of boxes line by line, each line from left to right.

    Args:
        boxes: ``(n, 4)``, left, top, right, bottom.

    >>> reading_order(np.array([[50, 2, 60, 22], [0, 0, 10, 20], [0, 40, 10, 60]]))
    [1, 0, 2]
    """
    lines: list[list[int]] = []
    for i in np.argsort(boxes[:, 1] + boxes[:, 3], kind="stable"):
        middle = (boxes[i, 1] + boxes[i, 3]) / 2
        if lines:
            top = np.mean([boxes[j, 1] for j in lines[-1]])
            bottom = np.mean([boxes[j, 3] for j in lines[-1]])
            if top <= middle <= bottom:
                lines[-1].append(int(i))
                continue
        lines.append([int(i)])
    return [i for line in lines for i in sorted(line, key=lambda j: int(boxes[j, 0]))]


def breadth_of(mask: Mask) -> float:
    """About how broad the strokes of a mask are, in its pixels: twice its area over that of its rim."""
    inner = np.pad(mask, 1)
    inner = inner[1:-1, 1:-1] & inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]
    return float(2 * mask.sum() / (mask & ~inner).sum())


def edge_width(ink: Floats, palest: float) -> float:
    """Pixels of an ink map that are grey, at least so much of full ink and so much short of it, a pixel of edge.

    >>> edge_width(np.array([[0, 0.5, 1]], np.float32), 0.1), edge_width(np.array([[0, 1]], np.float32), 0.1)
    (1.0, 0.0)
    """
    inked = ink > 0.5
    edge = int((inked[1:] != inked[:-1]).sum() + (inked[:, 1:] != inked[:, :-1]).sum())
    return float(((ink > palest) & (ink < 1 - palest)).sum() / max(edge, 1))


def most_prominent(boxes: Boxes) -> int:
    """Which shape to look at first: the highest where it clearly is, such as a digit below a line of print.

    Args:
        boxes: ``(n, 4)`` in reading order, left, top, right, bottom.

    >>> most_prominent(np.array([[0, 0, 9, 12], [12, 0, 20, 12], [0, 30, 40, 90]]))
    2
    >>> most_prominent(np.array([[0, 0, 30, 50], [40, 0, 70, 60]]))
    0
    """
    heights = boxes[:, 3] - boxes[:, 1]
    highest = int(heights.argmax())
    return highest if heights[highest] > _PROMINENT * heights[0] else 0


def _pieces(mask: Mask) -> tuple[NDArray[np.int32], Boxes, NDArray[np.int64]]:
    """Connected pieces, hair-wide gaps closed: labels ``(h, w)``, boxes ``(n, 4)`` and areas ``(n,)``."""
    from scipy.ndimage import find_objects, label, maximum_filter

    pieces, count = label(mask, structure=np.ones((3, 3)))
    if not count:
        return pieces, np.zeros((0, 4), np.int64), np.zeros(0, np.int64)
    extents = find_objects(pieces)
    sizes = np.array([max(s.stop - s.start for s in slices) for slices in extents])
    longest = int(sizes.max())
    dust = np.flatnonzero(sizes <= _DUST * longest) + 1
    if _LEAST_DUST < len(dust) < count:  # dots of a dithered scan, which would be joined to strokes and each other
        return _pieces(mask & ~np.isin(pieces, dust))
    gap = round(_HAIR_GAP * longest)
    if gap and 1 < count <= _MOST_PIECES:
        pieces, _ = label(maximum_filter(mask.view(np.uint8), size=gap + 1), structure=np.ones((3, 3)))
        pieces = np.where(mask, pieces, 0)
        count = int(pieces.max())
        extents = find_objects(pieces)
    boxes = np.array([[s[1].start, s[0].start, s[1].stop, s[0].stop] for s in extents], np.int64)
    return pieces, boxes, np.bincount(pieces.ravel(), minlength=count + 1)[1:]


def _worth_keeping(boxes: Boxes, areas: NDArray[np.int64], shape: tuple[int, ...]) -> Mask:
    """Leave out specks, and what the picture's edge cuts off while whole shapes stand inside."""
    height, width = shape
    size = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    sides = np.array([[0], [0], [width], [height]]) == boxes.T
    cut = sides.any(axis=0)
    main = int(np.argmax(areas))
    if cut.any() and not cut.all():
        inside = int(np.argmax(np.where(cut, 0, areas)))
        across = cut[main] and size[main] > 0.8 * max(shape)
        if across or size[inside] >= 0.2 * min(shape):
            main = inside
    keep = size >= max(_SPECK * size[main], _SMALLEST)
    flat = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) < _FLAT * size[main]
    if not cut[main]:
        keep &= ~(cut & flat)  # the rest of a ruled line
        keep &= sides.sum(axis=0) < 2  # a scan's rim that is not straight, or its corner
        keep &= ~cut | ((size >= 0.6 * size[main]) & (size <= 1.6 * size[main]))
    return keep


def _joined(boxes: Boxes) -> NDArray[np.int64]:
    """Group pieces that belong to one shape, such as the bar of a 5 and its body: group number of each ``(n,)``."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if len(boxes) > _MOST_PIECES:
        return np.arange(len(boxes))
    left, top, right, bottom = boxes.T
    width, height = right - left, bottom - top
    over_x = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    over_y = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    narrower = np.minimum(width[:, None], width)
    common = np.clip(over_x, 0, None) * np.clip(over_y, 0, None)
    smaller = np.minimum((width * height)[:, None], width * height)
    nested = common > 0.5 * smaller
    # A bar is flat or small beside its body and hangs right above or through it.
    taller = np.maximum(height[:, None], height)
    shorter = np.minimum(height[:, None], height)
    bar = (over_x > 0.3 * narrower) & (-over_y < _BAR_GAP * taller) & (shorter < 0.5 * taller)
    # A torn stroke goes on a short way below or beside, and what comes of it is no taller than a digit; digits on
    # lines of their own would make a tower, digits in a row are about equally high.
    whole = np.maximum(bottom[:, None], bottom) - np.minimum(top[:, None], top)
    span = np.maximum(right[:, None], right) - np.minimum(left[:, None], left)
    stacked = (over_x > 0.5 * narrower) & (-over_y < _TORN * taller) & (whole < _TALLEST * span)
    beside = (over_y > 0.6 * shorter) & (-over_x < _TORN_BESIDE * taller) & (shorter < _UNEQUAL * taller)
    rows, columns = np.nonzero(nested | bar | stacked | beside)
    links = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(boxes), len(boxes)))
    return connected_components(links, directed=False)[1].astype(np.int64)
