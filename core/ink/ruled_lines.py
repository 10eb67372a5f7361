"""Removes ruled and squared lines from an ink map and leaves the strokes that cross them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.ink.resize import pooled
from core.ink.segments import INKED, breadth_of

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Lines are looked for at this size, at most this many degrees off the picture's edges.
_COARSE = 250
_TILT = 12.0
_DRAWN = 0.22
# A line is there nearly all the way across, and is alone: beside it there is much less.
_COVERAGE = 0.66
_ALONE = 0.6
_THROUGH = 0.85
# Lines up to this dark are told from ink by their darkness, darker ones by how thin they are.
_PALE = 0.7
# What is erased is narrower than what stays by this factor, or it was a stroke.
_FINER = 0.8


@dataclass(frozen=True)
class Line:
    """One line across a picture, from left to right.

    Attributes:
        middle: y where it crosses the middle column, as a share of the height.
        slope: y per x, in pixels.
    """

    middle: float
    slope: float


def remove_ruling(ink: Floats) -> tuple[Floats, int]:
    """Take the lines of ruled or squared paper, which cross the whole picture, out of an ink map.

    Args:
        ink: float32 ``(h, w)``, 0 paper .. 1 ink.

    Returns:
        the ink map without them, and how many lines there were.
    """
    level, upright = find_lines(ink), find_lines(ink.T)
    cleaned = without(ink, level, upright)
    # In a tight frame a stroke crosses the picture as well, but a printed line is finer than the pen.
    erased, rest = (ink > INKED) & (cleaned <= INKED), cleaned > INKED
    if erased.any() and rest.any() and breadth_of(erased) > _FINER * breadth_of(rest):
        return ink, 0
    return cleaned, len(level) + len(upright)


def without(ink: Floats, level: list[Line], upright: list[Line]) -> Floats:
    """The ink without lines that were all found before any is erased: alone, one may no longer reach the edge.

    Args:
        ink: float32 ``(h, w)``.
        level: lines from left to right.
        upright: lines from top to bottom, as found in ``ink.T``.
    """
    if not level and not upright:
        return ink
    cleaned = np.array(ink)
    for line in level:
        _erase(cleaned, line)
    for line in upright:
        _erase(cleaned.T, line)
    return cleaned


def find_lines(ink: Floats) -> list[Line]:
    """Lines that cross the whole picture from left to right, at most 12 degrees off level."""
    from scipy.ndimage import uniform_filter

    drawn = pooled(ink, factor_of(ink)) > _DRAWN
    height, width = drawn.shape
    edge = max(1, width // 50)
    if min(height, width) < 24 or not (drawn[:, :edge].any() and drawn[:, -edge:].any()):
        return []
    y, x = (axis.astype(np.float32) for axis in np.nonzero(drawn))
    x -= width / 2
    slopes = np.tan(np.radians(np.arange(-_TILT, _TILT + 0.01, 0.5)))
    # (slopes, height): share of the columns in which each line through the middle column meets ink.
    coverage = np.zeros((len(slopes), height))
    rows = np.arange(height)
    for i, slope in enumerate(slopes):
        middle = np.rint(y - np.float32(slope) * x).astype(np.int64)
        hits = np.bincount(middle + height, minlength=3 * height)[height : 2 * height]
        # How many columns the line spends in the picture: all, or fewer where it leaves at the top or the bottom.
        half = width / 2 * abs(slope)
        room = np.minimum(rows + 0.5, height - rows - 0.5)
        inside = width / 2 * (1 + np.minimum(room / max(half, 1e-6), 1))
        coverage[i] = np.where(inside > 0.6 * width, np.minimum(hits / inside, 1), 0)
    lines: list[Line] = []
    everywhere = coverage.copy()
    # A broad line is met in full along many: its own is in the middle of these.
    central = 0.01 * uniform_filter(coverage, 7, mode="constant")
    near, apart = 3, max(6, height // 25)
    while True:
        i, m = divmod(int((coverage + central).argmax()), height)
        if coverage[i, m] < _COVERAGE:
            return lines
        beside = [everywhere[i, j] for j in (m - apart, m + apart) if 0 <= j < height]
        if max(beside, default=0.0) < _ALONE * coverage[i, m]:
            lines.append(Line((m + 0.5) / height, float(slopes[i])))
        coverage[:, max(0, m - near) : m + near + 1] = central[:, max(0, m - near) : m + near + 1] = 0


def find_printed_lines(ink: Floats) -> list[Line]:
    """Those of ``find_lines`` that are drawn nearly all the way, as printed ones are."""
    sway = max(1, round(0.015 * max(ink.shape)))
    return [line for line in find_lines(ink) if (_band(ink, _path(ink, line), sway) > _DRAWN).any(0).mean() > _THROUGH]


def factor_of(ink: Floats) -> int:
    """Pixels of a side of the blocks that lines are looked for in."""
    return max(1, max(ink.shape) // _COARSE)


def _erase(ink: Floats, line: Line) -> None:
    """Erase one line in place, following its bends, except where a stroke crosses it."""
    from scipy.ndimage import median_filter

    height, width = ink.shape
    columns = np.arange(width)
    path = _path(ink, line)
    sway = max(2, round(0.012 * max(height, width)))
    band = _band(ink, path, sway)  # (2 sway + 1, w)
    level = float(np.median(band.max(axis=0)))
    if level < 0.05:
        return
    even = np.minimum(band, level)
    weight = np.square(even).sum(axis=0)
    bend = np.where(
        weight > 0, (np.square(even) * np.arange(-sway, sway + 1)[:, None]).sum(axis=0) / np.maximum(weight, 1e-6), 0
    )
    path = path + median_filter(bend, size=max(3, width // 12), mode="reflect")
    thickness = float(np.median((_band(ink, path, sway) / level).clip(0, 1).sum(axis=0)))
    reach = int(np.ceil(2 * thickness)) + 3
    band = _band(ink, path, reach)
    rows = np.rint(path).astype(np.int64) + np.arange(-reach, reach + 1)[:, None]
    inside = (rows >= 0) & (rows < height)
    on_line = np.abs(np.arange(-reach, reach + 1)) <= thickness / 2 + 1.5
    if level <= _PALE:
        # What lies over a pale line is what is darker than it.
        paler = np.clip((band - 1.2 * level) / max(1 - 1.2 * level, 0.1), 0, 1)
        band = np.where(on_line[:, None] & (band < 0.97), paler, band)
    else:
        dark = band > 0.5 * level
        up = np.cumprod(dark[reach::-1], axis=0).sum(axis=0)
        down = np.cumprod(dark[reach:], axis=0).sum(axis=0)
        thin = up + down - 1 <= 1.5 * thickness + 1
        band = np.where(on_line[:, None] & thin, 0, band)
    ink[rows[inside], np.broadcast_to(columns, rows.shape)[inside]] = band[inside]


def _path(ink: Floats, line: Line) -> NDArray[np.float64]:
    """Where a line runs: y in every column, ``(w,)``."""
    height, width = ink.shape
    return np.asarray(line.middle * height - 0.5 + line.slope * (np.arange(width) - width / 2))


def _band(ink: Floats, path: NDArray[np.float64], reach: int) -> Floats:
    """Pixels within ``reach`` above and below a path: ``(2 reach + 1, w)``, zero beyond the picture."""
    rows = np.rint(path).astype(np.int64) + np.arange(-reach, reach + 1)[:, None]
    inside = (rows >= 0) & (rows < ink.shape[0])
    band = ink[np.clip(rows, 0, ink.shape[0] - 1), np.arange(ink.shape[1])]
    return np.where(inside, band, 0).astype(np.float32)
