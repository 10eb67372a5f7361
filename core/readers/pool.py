"""A pool of processes that read what people hand over: many at once, in order, each within limits of memory and time.

Whatever a file or a picture does to its reader, it becomes one refused row, and the next is read by a fresh process.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import Any, NamedTuple

from core.errors import InkError
from core.ink import apart
from core.readers import sources
from core.readers.items import Item, Manner, Place
from core.readers.rows import Row, read_each, read_item

Thing = tuple[int, Item]  # an item and its position in the batch
PICTURES, PICTURE_BYTES = 8, 2 << 20  # read by a process at a time
IN_ORDER = 64  # items that are looked at before any goes on
AHEAD, AHEAD_BYTES = 16, 64 << 20  # portions for each process, and bytes in all, read before they are asked for
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
    """As ``read``, of items that need no opening any more; they are taken a few portions ahead of what is read."""
    things = islice(enumerate(items), start, None)
    if not workers:
        yield from _here(things, manner)
        return
    waiting: deque[tuple[int, list[Thing], Future[list[Reading]] | None]] = deque()
    ahead = 0
    ended = threading.Event()
    threads = ThreadPoolExecutor(workers)
    with apart.at_work(workers) as busy:
        try:
            for portion, size in _in_portions(things):
                future = threads.submit(_read, portion, manner, busy, ended) if size else None
                waiting.append((size, portion, future))
                ahead += size
                while waiting and (len(waiting) > AHEAD * workers or ahead > AHEAD_BYTES or _is_done(waiting[0][2])):
                    size, portion, future = waiting.popleft()
                    ahead -= size
                    yield from future.result() if future else _here(portion, manner)
            for _, portion, future in waiting:
                yield from future.result() if future else _here(portion, manner)
        finally:
            ended.set()
            threads.shutdown(wait=False, cancel_futures=True)


def listed(place: Place, work: Callable[..., Iterator[Item]], *args: Any) -> Iterator[Item]:
    """The items that ``work`` gives of a place, which is opened by another process."""
    try:
        for portion in apart.each(f"{place.name}:", _portions, work, args, seconds=apart.FILE_SECONDS):
            yield from portion
    except InkError as error:
        yield Item(place.name, None, place.label, error=str(error))


def _here(things: Iterable[Thing], manner: Manner) -> Iterator[Reading]:
    return (Reading(at, list(read_item(at, item, manner)), item.note) for at, item in things)


def _in_portions(things: Iterable[Thing]) -> Iterator[tuple[list[Thing], int]]:
    """Things in portions that are worth handing to a process, and how many bytes it has to read, none where no need."""
    portion: list[Thing] = []
    pictures = size = 0
    for position, item in things:
        portion.append((position, item))
        to_read = 0 if item.ready else _size(item)
        pictures, size = pictures + (to_read > 0), size + to_read
        if pictures >= PICTURES or size >= PICTURE_BYTES or len(portion) >= IN_ORDER:
            yield portion, size
            portion, pictures, size = [], 0, 0
    if portion:
        yield portion, size


def _read(portion: Sequence[Thing], manner: Manner, busy: set[apart.Process], ended: threading.Event) -> list[Reading]:
    """A portion read by as many processes as it takes, ``busy`` while they do."""
    readings: list[Reading] = []
    while len(readings) < len(portion) and not ended.is_set():
        rows: list[Row] = []
        left = portion[len(readings) :]
        try:
            with apart.borrowed(busy) as process:
                if ended.is_set():  # after it has begun to be busy, so that it is ended in any case
                    break
                for row in process.stream(apart.SECONDS, read_each, (read_item, left, manner)):
                    if row is not None:
                        rows.append(row)
                        continue
                    position, item = portion[len(readings)]
                    readings.append(Reading(position, rows, item.note))
                    rows = []
        except apart.UnreadError as error:  # the others are read on
            position, item = portion[len(readings)]
            refused = Item(item.source, None, item.label, error=f"{item.source} {error}")
            readings.append(Reading(position, [*rows, *read_item(position, refused)], item.note))
    return readings


def _is_done(future: "Future[list[Reading]] | None") -> bool:
    return future is None or future.done()


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


def _size(item: Item) -> int:
    """About how many bytes its picture has; 0 where there is none."""
    picture = item.picture
    if picture is None:
        return 0
    if isinstance(picture, bytes):
        return max(1, len(picture))
    return max(1, picture.size if isinstance(picture, Place) else picture.nbytes)
