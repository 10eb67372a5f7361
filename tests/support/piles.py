"""Piles of digits for the tests of batches: ink images as bytes, as files of other programs, and on one sheet."""

import io
import struct
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core import datasets
from core.datasets.examples import for_normal

Pixels = NDArray[np.uint8]


def digits(n: int) -> tuple[Pixels, NDArray[np.int64]]:
    """The first n of scikit-learn's test digits as ink images, uint8 ``(n, 28, 28)`` light on black, with labels."""
    bundled = datasets.load("digits", "test")
    return np.rint(bundled.images[:n] * 255).astype(np.uint8), bundled.labels[:n]


def png(image: Pixels | NDArray[np.float32] | Image.Image) -> bytes:
    """A picture file of an image: of Pillow's, of bytes, or of ink from 0 to 1."""
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image if image.dtype == np.uint8 else np.round(255 * image).astype(np.uint8))
    return encoded(image)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture file of any kind that Pillow writes, with its options."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def document(pages: Sequence[Image.Image]) -> bytes:
    """A PDF of pictures, each a page."""
    return encoded(pages[0], "PDF", save_all=True, append_images=pages[1:])


def zipped(files: Iterable[tuple[str | zipfile.ZipInfo, bytes]], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of files, each by its name or what else a zip says of it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def idx(array: NDArray[np.uint8] | NDArray[np.int32]) -> bytes:
    """An array of bytes or 32-bit integers as an IDX file."""
    kind = 0x08 if array.dtype == np.uint8 else 0x0C
    values = array.astype(array.dtype.newbyteorder(">")).tobytes()
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + values


def folder_of(folder: Path, images: Sequence[Pixels]) -> Path:
    """A folder of PNG files, named so that their order is the images'."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        (folder / f"{i:04d}.png").write_bytes(png(image))
    return folder


def sheet(names: str, columns: int, cell: int = 140) -> tuple[Image.Image, list[tuple[int, ...]]]:
    """Digits drawn in dark ink on one white page, and each one's box: left, top, right, bottom."""
    page = Image.new("L", (columns * cell, -(-len(names) // columns) * cell), 255)
    boxes = []
    for i, name in enumerate(names):
        drawn = for_normal((name,))[0].picture().resize((cell, cell))
        left, top = (i % columns) * cell, (i // columns) * cell
        page.paste(drawn, (left, top))
        ink = np.asarray(drawn) < 128
        across, down = np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))
        boxes.append((left + across[0], top + down[0], left + across[-1] + 1, top + down[-1] + 1))
    return page, boxes
