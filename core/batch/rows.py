"""Rows of a batch: each item becomes the ink images of its digits, or the reason why there are none."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from core import ink
from core.batch.items import AS_FOUND, Item, Manner, Place
from core.errors import BatchError, OddDigitError
from core.history import clean_text
from core.ink.picture import Source

SIDE = 28
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST_PAGES = 1_000  # of a TIFF file
_REDUCED = 254  # TIFF tag NewSubfileType, whose lowest bit says that a page is a preview of another


@dataclass(frozen=True, eq=False)
class Row:
    """A digit to judge, or a refusal.

    Attributes:
        item: position of the item it came from in the batch, from 0; several digits in one picture share it.
        source: where it came from, for people.
        label: what it is said to be, or None.
        error: why it was refused; empty when it was not.
        box: left, top, right, bottom in the upright original picture, pixels; None for a refusal.
        image: the ink image, float32 ``(28, 28)``; None for a refusal.
        left_out: whether something in its picture that may be a faint stroke was left out.
    """

    item: int
    source: str
    label: str | None
    error: str = ""
    box: tuple[int, ...] | None = None
    image: NDArray[np.float32] | None = None
    left_out: bool = False

    def at(self, position: int) -> "Row":
        """The same row of an item at another position."""
        return replace(self, item=position)


def read_item(position: int, item: Item, manner: Manner = AS_FOUND) -> list[Row]:
    """The digits of an item in reading order, or the one row that says why there are none.

    Args:
        position: the item's position in the batch.
        item: what was read.
        manner: how pictures are read.
    """
    source = clean_text(item.source)
    label = None if item.label is None else clean_text(item.label)
    if item.note:
        return []
    if item.picture is None:
        return [Row(position, source, label, clean_text(item.error))]
    if item.ready and isinstance(item.picture, np.ndarray):
        return [_ready(position, source, label, item.picture)]
    rows: list[Row] = []
    # The one boundary of an item: whatever goes wrong inside it is its reason and never ends the batch.
    try:
        picture = item.picture.read() if isinstance(item.picture, Place) else item.picture
        for name, page in _pages(source, picture):
            split = not (manner.together or item.together)
            reading = ink.read(page, name=name, split=split, whole=manner.whole, faint=manner.faint)
            boxes = [tuple(int(edge) for edge in box) for box in reading.boxes]
            left_out = any(doubt.other == {"faint": True} for doubt in reading.doubts)
            rows += [
                Row(position, name, label, "", box, image, left_out)
                for box, image in zip(boxes, reading.images, strict=True)
            ]
    except OddDigitError as error:
        rows.append(Row(position, source, label, clean_text(str(error))))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        rows.append(Row(position, source, label, clean_text(f"{source} cannot be read ({reason}).")))
    return rows


def _pages(name: str, picture: Source) -> Iterator[tuple[str, Source]]:
    """A picture under its name, or each page of a TIFF file that has several; previews among them are left out."""
    if not isinstance(picture, bytes) or picture[:4] not in TIFF:
        yield name, picture
        return
    count = _page_count(picture)
    if count > MOST_PAGES:
        raise BatchError(f"{name} has {count:,} pages; at most {MOST_PAGES}: split it.")
    if count == 1:
        yield name, picture
        return
    with Image.open(io.BytesIO(picture), formats=["TIFF"]) as file:
        assert isinstance(file, TiffImageFile)
        for page in range(count):
            file.seek(page)
            if not file.tag_v2.get(_REDUCED, 0) & 1:
                yield f"{name} page {page + 1}", file


def _page_count(picture: bytes) -> int:
    """How many pages a TIFF file has; 1 where it is none, which is said where it is read."""
    try:
        with Image.open(io.BytesIO(picture), formats=["TIFF"]) as file:
            return int(getattr(file, "n_frames", 1))
    except Exception:
        return 1


def _ready(position: int, source: str, label: str | None, pixels: NDArray[np.generic]) -> Row:
    """What ``ink.read`` makes of an ink image, which it takes as it stands; without the steps for a page."""
    rows, columns = np.logical_or.reduce(pixels, axis=1), np.logical_or.reduce(pixels, axis=0)
    ends = (SIDE - int(columns[::-1].argmax()), SIDE - int(rows[::-1].argmax()))
    box = (int(columns.argmax()), int(rows.argmax()), *ends)
    return Row(position, source, label, "", box, pixels.astype(np.float32) / np.float32(255))
