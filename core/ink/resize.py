"""Resizing of pictures by averaging, so that nothing thin is skipped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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
