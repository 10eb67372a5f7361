"""Samples: files to measure with, such as a digit as a scanner gives it, a photograph, a zip."""

import io
import zipfile
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.datasets import examples


def scan(digit: NDArray[np.uint8], side: int, kind: str) -> bytes:
    """A digit ``(28, 28)``, light on dark, as a scanner would give it: dark on white, so many pixels high."""
    picture = Image.fromarray(255 - digit).resize((side, side), Image.Resampling.BICUBIC)
    return written(lambda file: picture.save(file, kind, quality=90))


def twelve_megapixels() -> bytes:
    """A photograph of a sheet in fading light, a digit on it, as the JPEG that a phone makes."""
    height, width, side = 3000, 4000, 1500
    digit = np.asarray(examples.for_normal(("5",))[0].picture().resize((side, side)), np.float64)
    page = np.full((height, width), 225.0)
    page[700 : 700 + side, 1200 : 1200 + side] = 30 + 0.75 * digit
    page *= np.linspace(1, 0.6, width)
    noisy = page[:, :, None] * (0.98, 1, 0.95) + np.random.default_rng(0).normal(0, 4, (height, width, 1))
    picture = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    return written(lambda file: picture.save(file, "JPEG", quality=90))


def decoded(blob: bytes) -> np.ndarray:
    """The pixels of a picture, by Pillow alone."""
    return np.asarray(Image.open(io.BytesIO(blob)))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of files by their names."""

    def write(file: io.BytesIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)

    return written(write)


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    """What is written into a file."""
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()
