"""Takes what a form has printed around digits out of an ink map: boxes, tables, and lines to write on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.ink.masks import extent
from core.ink.resize import pooled
from core.ink.ruled_lines import Line, factor_of, find_printed_lines, without
from core.ink.segments import INKED

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Place = tuple[slice, slice]

_SMALLEST = 24  # pixels
# A box runs along so much of each side, its sides lie so far apart, and it is mostly empty. What is written in one of
# them is at least so large, as a share of it.
_ALONG, _APART, _HOLLOW, _WRITTEN = 0.85, 0.3, 0.5, 0.3
_PARALLEL = 0.12  # so little do opposite sides of a box differ in slope, photographed askew, too
# All that is written is smaller than a line to write on is long, by this factor, and larger than a speck.
_SHORTER, _SPECK = 0.83, 0.14
# Such a line, alone, is flatter than this; with something standing on it, it is thinner, and so much of it is free.
_FLAT, _THIN, _OVERHANG = 0.1, 0.05, 0.3


def remove_form(ink: Floats) -> tuple[Floats, int]:
    """Take printed boxes and lines out of an ink map; what is written in them and across them stays.

    Args:
        ink: float32 ``(h, w)``, 0 paper .. 1 ink.

    Returns:
        the ink map without them, and how many lines they had.
    """
    pieces = list(_pieces(ink))
    unboxed, boxes = _without_boxes(ink, pieces)
    clear, lines = _without_lines(unboxed, list(_pieces(unboxed)) if boxes else pieces)
    return clear, boxes + lines


def _without_boxes(ink: Floats, pieces: list[tuple[Place, Mask]]) -> tuple[Floats, int]:
    """Without boxes, single or in a table, if anything is written in one of them."""
    emptied, count, written = ink, 0, False
    for place, piece in pieces:
        if not _runs_along_its_sides(piece):
            continue
        crop = ink[place]
        level, upright = _sides(crop), _sides(crop.T)
        if not level or not upright:
            continue
        emptied = emptied if count else np.array(ink)
        emptied[place] = without(crop, level, upright)
        count += len(level) + len(upright)
        cell = min(_widest(level) * crop.shape[0], _widest(upright) * crop.shape[1])
        written = written or _largest_piece(emptied[place]) >= _WRITTEN * cell
    return (emptied, count) if written else (ink, 0)


def _without_lines(ink: Floats, pieces: list[tuple[Place, Mask]]) -> tuple[Floats, int]:
    """Without level lines that something else is written on or over."""
    wide = ((place, piece.shape[1] > piece.shape[0]) for place, piece in pieces)
    rests = [(place, _written_on(ink[place]) if is_wide else None) for place, is_wide in wide]
    if all(rest is None for _, rest in rests):
        return ink, 0
    written = max(_largest_piece(ink[place] if rest is None else rest) for place, rest in rests)
    lines = [(place, rest) for place, rest in rests if rest is not None and _SPECK < written / rest.shape[1] < _SHORTER]
    if lines:
        ink = np.array(ink)
    for place, rest in lines:
        ink[place] = rest
    return ink, len(lines)


def _written_on(ink: Floats) -> Floats | None:
    """What a piece of ink is but for the line to write on that it has; None where it has none."""
    height, width = ink.shape
    if height < _FLAT * width:
        return np.zeros_like(ink)
    lines = find_printed_lines(ink)
    if len(lines) != 1:
        return None
    rest = without(ink, lines, [])
    columns = np.flatnonzero((rest > INKED).any(axis=0))
    extent = columns[-1] + 1 - columns[0] if len(columns) else 0
    thickness = ((ink > INKED).sum() - (rest > INKED).sum()) / width
    return rest if extent < (1 - _OVERHANG) * width and thickness < _THIN * width else None


def _pieces(ink: Floats) -> Iterator[tuple[Place, Mask]]:
    """Connected pieces large enough to be of a form: where each lies, and its coarse mask."""
    from scipy.ndimage import find_objects, label

    factor = factor_of(ink)
    names, _ = label(pooled(ink, factor) > INKED, structure=np.ones((3, 3)))
    for name, (rows, columns) in enumerate(find_objects(names) if names.size else (), start=1):  # of a thread, nothing
        if max(rows.stop - rows.start, columns.stop - columns.start) * factor < _SMALLEST:
            continue
        top, left = rows.start * factor, columns.start * factor
        y, x = extent(ink[top : rows.stop * factor, left : columns.stop * factor] > INKED)
        yield (slice(top + y.start, top + y.stop), slice(left + x.start, left + x.stop)), names[rows, columns] == name


def _runs_along_its_sides(piece: Mask) -> bool:
    """Whether a piece has ink along all four sides and is hollow within; few digits are looked at any closer."""
    down, across = piece.shape[0] // 2, piece.shape[1] // 2
    along = (piece[:down].any(0), piece[down:].any(0), piece[:, :across].any(1), piece[:, across:].any(1))
    return min(down, across) > 0 and bool(min(side.mean() for side in along) > _ALONG and piece.mean() < _HOLLOW)


def _sides(ink: Floats) -> list[Line]:
    """Lines from side to side of a box; none unless two stand apart and all lie alike, as the bows of no digit do."""
    lines = find_printed_lines(ink)
    if not lines or np.ptp([line.slope for line in lines]) > _PARALLEL:
        return []
    return lines if np.ptp([line.middle for line in lines]) > _APART else []


def _widest(lines: list[Line]) -> float:
    """The largest distance between two neighbours, as a share of the picture."""
    return float(np.diff(sorted(line.middle for line in lines)).max())


def _largest_piece(ink: Floats) -> int:
    """The longest side of any connected piece, pixels."""
    from scipy.ndimage import find_objects, label

    names, _ = label(ink > INKED, structure=np.ones((3, 3)))
    return max((max(s.stop - s.start for s in place) for place in find_objects(names)), default=0)
