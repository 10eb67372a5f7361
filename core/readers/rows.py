"""Rows of a batch: each item becomes the ink images of its digits, or the reason why there are none."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core import ink
from core.errors import OddDigitError
from core.ink.geometry import SIDE
from core.ink.pages import pages
from core.ink.picture import Source
from core.readers.items import AS_FOUND, Item, Manner, Place
from core.words import clean_text


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
        noted: kinds of notes, keys of ``notes.SAID``, that its picture gives rise to.
    """

    item: int
    source: str
    label: str | None
    error: str = ""
    box: tuple[int, ...] | None = None
    image: NDArray[np.float32] | None = None
    noted: tuple[str, ...] = ()


def read_item(position: int, item: Item, manner: Manner = AS_FOUND) -> Iterator[Row]:
    """The digits of an item in reading order, page by page of a document; the last row says why there are no more.

    Args:
        position: the item's position in the batch.
        item: what was read.
        manner: how pictures are read.
    """
    if item.note:
        return
    blank = Row(position, clean_text(item.source), None if item.label is None else clean_text(item.label))
    if item.picture is None:
        yield replace(blank, error=clean_text(item.error))
        return
    if item.ready and isinstance(item.picture, np.ndarray):
        yield _ready(blank, item.picture)
        return
    split = not (manner.together or item.together)
    # The one boundary of an item: whatever goes wrong inside it is its reason and never ends the batch.
    try:
        picture = item.picture.read() if isinstance(item.picture, Place) else item.picture
        for name, page in pages(picture, blank.source):
            yield from _digits(replace(blank, source=name), page, split, manner)
    except Exception as error:
        yield _refused(blank, error)


def read_each(
    read: Callable[[int, Item, Manner], Iterator[Row]], portion: Sequence[tuple[int, Item]], manner: Manner
) -> Iterator[Row | None]:
    """What ``read`` makes of some items, and None after each of them."""
    for position, item in portion:
        yield from read(position, item, manner)
        yield None


def _digits(blank: Row, page: Source, split: bool, manner: Manner) -> list[Row]:
    try:
        reading = ink.read(page, name=blank.source, split=split, whole=manner.whole, faint=manner.faint)
    except Exception as error:
        return [_refused(blank, error)]
    open_to_choice = ({"mend": False}, {"faint": True} if manner.faint is None else None)
    noted = tuple(doubt.kind for doubt in reading.doubts if doubt.other in open_to_choice)
    return [
        replace(blank, box=tuple(int(edge) for edge in box), image=image, noted=noted)
        for box, image in zip(reading.boxes, reading.images, strict=True)
    ]


def _refused(blank: Row, error: Exception) -> Row:
    if isinstance(error, OddDigitError):
        return replace(blank, error=clean_text(str(error)))
    reason = f"{type(error).__name__}: {error}".rstrip(": ")
    return replace(blank, error=clean_text(f"{blank.source} cannot be read ({reason})."))


def _ready(blank: Row, pixels: NDArray[np.generic]) -> Row:
    """What ``ink.read`` makes of an ink image, which it takes as it stands; without the steps for a page."""
    rows, columns = np.logical_or.reduce(pixels, axis=1), np.logical_or.reduce(pixels, axis=0)
    ends = (SIDE - int(columns[::-1].argmax()), SIDE - int(rows[::-1].argmax()))
    box = (int(columns.argmax()), int(rows.argmax()), *ends)
    image = pixels.astype(np.float32)
    return replace(blank, box=box, image=image / np.float32(255) if pixels.dtype == np.uint8 else image)
