"""A pool of processes that read what people hand over: many at once, in order, each within limits of memory and time.

Whatever a file or a picture does to its reader, it becomes one refused row, and the next is read by a fresh process.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import chain, islice
from typing import Any, NamedTuple

from core.errors import InkError
from core.ink import apart
from core.readers import sources
from core.readers.items import Item, Manner, Place
from core.readers.rows import Row, read_item

ITEMS, ITEM_BYTES = 256, 8 << 20  # read from a file at a time


class Reading(NamedTuple):
    """What an item came to: its position in the batch, its rows, and something to say about the batch or nothing."""

    position: int
    rows: list[Row]
    note: str


def read(batch: Sequence[Place], start: int, manner: Manner, workers: int) -> Generator[Reading]:
    """Read the items of a batch, in order.

    Args:
        batch: the places, as ``sources.places`` orders them.
        start: how many items to pass over.
        manner: how pictures are read.
        workers: processes; 0 reads in this one, without limits.
    """
    if not workers:
        yield from read_items(sources.read(batch), manner, workers, start)
        return
    by_place = (
        sources.read_one(place) if sources.is_named_picture(place) else listed(place, sources.read_one, place, labels)
        for place, labels in sources.paired(batch)
    )
    yield from read_items(chain.from_iterable(by_place), manner, workers, start)


def read_items(items: Iterable[Item], manner: Manner, workers: int, start: int = 0) -> Generator[Reading]:
    """As ``read``, of items that need no opening any more."""
    things = islice(enumerate(items), start, None)
    read_one = partial(read_item, manner=manner)
    if not workers:
        for position, item in things:
            yield Reading(position, list(read_one(position, item)), item.note)
        return
    with closing(apart.over(read_one, things, workers, _cost)) as all_read:
        for (position, item), rows, why in all_read:
            if why:
                refusal = Item(item.source, None, item.label, error=f"{item.source} {why}")
                rows += read_item(position, refusal)
            yield Reading(position, rows, item.note)


def listed(place: Place, work: Callable[..., Iterator[Item]], *args: Any) -> Iterator[Item]:
    """The items that ``work`` gives of a place, which is opened by another process."""
    try:
        for portion in apart.each(f"{place.name}:", _portions, work, args, seconds=apart.FILE_SECONDS):
            yield from portion
    except InkError as error:
        yield Item(place.name, None, place.label, error=str(error))


def _portions(work: Callable[..., Iterator[Item]], args: tuple[Any, ...]) -> Iterator[list[Item]]:
    """Items in portions that are worth handing over; what came before its time was over is one, too."""
    portion: list[Item] = []
    size = 0
    try:
        for item in work(*args):
            portion.append(item)
            size += _size(item)
            if len(portion) >= ITEMS or size >= ITEM_BYTES:
                yield portion
                portion, size = [], 0
    except apart.TooLong:
        yield portion
        raise
    yield portion


def _cost(_: int, item: Item) -> int:
    return 0 if item.ready else _size(item)


def _size(item: Item) -> int:
    """About how many bytes its picture has; 0 where there is none."""
    picture = item.picture
    if picture is None:
        return 0
    if isinstance(picture, bytes):
        return max(1, len(picture))
    return max(1, picture.size if isinstance(picture, Place) else picture.nbytes)
