"""Resizing of pictures so that nothing thin is lost: averaged, pooled, and back to size where pixels were repeated."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SMALLEST = 14  # pixels of the longer side of a picture that strokes can be told apart in
_LOOK = 8  # rows and columns that show of most pictures that theirs were not

Floats = NDArray[np.float32]


def resized(values: Floats, size: tuple[int, int]) -> Floats:
    """Values ``(h, w)`` or ``(h, w, channels)`` averaged to another size (width, height)."""
    if values.ndim == 3:
        return np.stack([resized(channel, size) for channel in np.moveaxis(values, 2, 0)], axis=2)
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))


def shrunk(values: Floats, longest: int) -> Floats:
    """A picture ``(h, w)`` or ``(h, w, 3)`` of at most this length on its longer side."""
    height, width = values.shape[:2]
    if max(height, width) <= longest:
        return values
    ratio = longest / max(height, width)
    return resized(values, (max(1, round(width * ratio)), max(1, round(height * ratio))))


def enlarged(values: Floats, times: int) -> Floats:
    """A tiny picture ``(h, w)`` or ``(h, w, 3)``, 0 .. 1, so many times as large, with a pixel of its paper around it.

    Strokes a pixel wide have no inside to be told by, and in so small a picture they often reach the edge.

    >>> enlarged(np.ones((8, 6), np.float32), 3).shape
    (30, 24)
    """
    if values.ndim == 3:
        return np.stack([enlarged(channel, times) for channel in np.moveaxis(values, 2, 0)], axis=2)
    paper = np.median(np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]]))
    framed = np.pad(values, 1, constant_values=paper)
    size = (times * framed.shape[1], times * framed.shape[0])
    return np.clip(np.asarray(Image.fromarray(framed).resize(size, Image.Resampling.LANCZOS)), 0, 1)


def pooled(ink: Floats, side: int) -> Floats:
    """The darkest of each block of so many pixels a side, so that a hairline is not averaged away; what is over, cut.

    >>> pooled(np.arange(6, dtype=np.float32).reshape(2, 3), 2).tolist()
    [[4.0]]
    """
    if side == 1:
        return ink
    height, width = (length // side * side for length in ink.shape)
    rows = np.maximum.reduce([ink[i:height:side, :width] for i in range(side)])
    return np.maximum.reduce([rows[:, i::side] for i in range(side)])


def unrepeated(values: Floats) -> Floats:
    """A picture ``(h, w)`` or ``(h, w, 3)`` as small as before each pixel was repeated to a square block of equals.

    The steps along the edges of what was drawn in few pixels are the screen's, and told by their size.

    >>> unrepeated(np.kron(np.eye(20, dtype=np.float32), np.ones((3, 3), np.float32))).shape
    (20, 20)
    """
    side = math.gcd(*values.shape[:2])
    for step in (max(1, min(values.shape[:2]) // _LOOK), 1):
        for lines in (values[::step], values[:, ::step].swapaxes(0, 1)):
            changes = (lines[:, 1:] != lines[:, :-1]).any(axis=(0, 2)[: lines.ndim - 1])
            side = math.gcd(side, *(np.flatnonzero(changes) + 1).tolist())
        if side == 1:
            return values
    return values[::side, ::side] if max(values.shape[:2]) >= SMALLEST * side else values
