"""Ink images as they are kept: bit for bit, a byte a pixel wherever that loses nothing; and as pictures, rounded."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.ink.geometry import SIDE

LEVELS = np.arange(256, dtype=np.float32) / np.float32(255)


def to_bytes(images: NDArray[np.float32] | Sequence[NDArray[np.float32]]) -> list[bytes]:
    """Images, float32 ``(n, 28, 28)``, as bytes: 784 where every pixel is k / 255, as most ink is, else as float32.

    >>> [len(data) for data in to_bytes(np.array([[[0, 1]], [[0, 0.3]]], np.float32))]
    [2, 8]
    """
    if not len(images):
        return []
    pixels = np.ascontiguousarray(images, "<f4")
    small = np.rint(pixels * np.float32(255)).clip(0, 255).astype(np.uint8)
    exact = (LEVELS[small] == pixels).reshape(len(pixels), -1).all(axis=1)
    return [small[i].tobytes() if whole else pixels[i].tobytes() for i, whole in enumerate(exact.tolist())]


def from_bytes(data: bytes) -> NDArray[np.float32]:
    """The image, float32 ``(28, 28)``, in bytes that ``to_bytes`` made.

    Raises:
        ValueError: of another length.
    """
    pixels = LEVELS[np.frombuffer(data, np.uint8)] if len(data) == SIDE * SIDE else np.frombuffer(data, "<f4").copy()
    return pixels.reshape(SIDE, SIDE)


def grey(images: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Brightness of any shape, 0 .. 1, as whole numbers 0 .. 255; what lies beyond is cut."""
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


def png(pixels: NDArray[np.uint8], compress_level: int = 6) -> bytes:
    """Pixels ``(h, w)`` or ``(h, w, 3)`` as a PNG file; level 1 is quick, 9 small."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=compress_level)
    return buffer.getvalue()
