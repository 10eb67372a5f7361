"""A pool of processes that read what people hand over: many at once, in order, each within limits of memory and time.

Whatever a file or a picture does to its reader, it becomes one refused row, and the next is read by a fresh process.
"""

import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from pebble import ProcessExpired, ProcessPool

from core.ink.apart import FILE_SECONDS, SECONDS, TooLong, heed_clock, limit_memory, limits, start_clock
from core.readers import sources
from core.readers.items import Item, Manner, Place
from core.readers.rows import Row, read_item

WALL_SECONDS = 600.0  # after which a reader that does not even work is ended
END_SECONDS = 5.0  # to wait for processes to end
ITEMS, ITEM_BYTES = 256, 8 << 20  # read from a file at a time
PICTURES, PICTURE_BYTES = 8, 2 << 20  # read by a process at a time
IN_ORDER = 64  # items that need no process to read


class Reading(NamedTuple):
    """What an item came to: its position in the batch, its rows, and something to say about the batch or nothing."""

    position: int
    rows: list[Row]
    note: str


class Stream(NamedTuple):
    """Where items come from: what gives them and with which arguments, for another process to call.

    Attributes:
        name: what it is called in errors.
        label: what its folder says the digits are, or None.
        opens: whether files must be opened to list the items.
        function: gives the items.
        args: what it is given.
    """

    name: str
    label: str | None
    opens: bool
    function: Callable[..., Iterator[Item]]
    args: tuple[Any, ...]


@dataclass
class _Chunk:
    """Consecutive items, and their rows as soon as a process has read them."""

    first: int
    items: list[Item]
    future: "Future[list[list[Row]]] | None" = None


def read(batch: Sequence[Place], start: int, manner: Manner, workers: int) -> Generator[Reading]:
    """Read the items of a batch, in order.

    Args:
        batch: the places, as ``sources.places`` orders them.
        start: how many items to pass over.
        manner: how pictures are read.
        workers: processes; 0 reads in this one, without limits.
    """
    reader = Reader(manner, workers)
    try:
        yield from reader.read(
            (
                Stream(place.name, place.label, not sources.is_named_picture(place), sources.read_one, (place, labels))
                for place, labels in sources.paired(batch)
            ),
            start,
        )
    finally:
        reader.close()


class Reader:
    """Processes that read, which start when there is something to read and stay until they are closed.

    Args:
        manner: how pictures are read.
        workers: processes; 0 reads in this one, without limits.
    """

    def __init__(self, manner: Manner, workers: int) -> None:
        self._manner, self._workers = manner, workers
        self._pools: dict[int, ProcessPool] = {}

    def close(self) -> None:
        """End the processes."""
        for pool in self._pools.values():
            pool.stop()
            # The pool's own threads may wait for each other; its processes end with this one at the latest.
            ending = threading.Thread(target=pool.join, daemon=True)
            ending.start()
            ending.join(END_SECONDS)
        self._pools.clear()

    def read(self, streams: Iterable[Stream], start: int = 0) -> Iterator[Reading]:
        """Read the items of streams, in order, but for so many at the start."""
        waiting: deque[_Chunk] = deque()
        items = islice(self._items(streams), start, None)
        if not self._workers:
            for position, item in enumerate(items, start):
                yield Reading(position, read_item(position, item, self._manner), item.note)
            return
        for chunk in self._chunks(items, start):
            if any(_needs_reading(item) for item in chunk.items):
                chunk.future = self._submit(self._workers, SECONDS, _read_items, chunk.items, self._manner)
            waiting.append(chunk)
            while len(waiting) > 2 * self._workers + 2 or (waiting and _is_done(waiting[0])):
                yield from self._finish(waiting.popleft())
        while waiting:
            yield from self._finish(waiting.popleft())

    def _chunks(self, items: Iterator[Item], start: int) -> Iterator[_Chunk]:
        """Items in portions that are worth handing to a process."""
        chunk, pictures, size = _Chunk(start, []), 0, 0
        for item in items:
            chunk.items.append(item)
            pictures += _needs_reading(item)
            size += _size(item)
            if pictures >= PICTURES or size >= PICTURE_BYTES or len(chunk.items) >= IN_ORDER:
                yield chunk
                chunk, pictures, size = _Chunk(chunk.first + len(chunk.items), []), 0, 0
        if chunk.items:
            yield chunk

    def _items(self, streams: Iterable[Stream]) -> Iterator[Item]:
        """The items of all streams; whatever must be opened for that is opened by another process."""
        for stream in streams:
            if stream.opens and self._workers:
                yield from self._inside(stream)
            else:
                yield from stream.function(*stream.args)

    def _inside(self, stream: Stream) -> Iterator[Item]:
        at = 0
        following = self._submit(0, FILE_SECONDS, _next_items, stream, at)
        while True:
            try:
                items = following.result()
            except (ProcessExpired, BrokenProcessPool, TimeoutError, OSError) as error:
                yield Item(stream.name, None, stream.label, error=f"{stream.name}: {_why(error)}.")
                return
            if not items:
                return
            at += len(items)
            following = self._submit(0, FILE_SECONDS, _next_items, stream, at)
            yield from items

    def _finish(self, chunk: _Chunk) -> Iterator[Reading]:
        rows = self._rows(chunk)
        for i, (item, of_item) in enumerate(zip(chunk.items, rows, strict=True)):
            position = chunk.first + i
            yield Reading(position, [row.at(position) for row in of_item], item.note)

    def _rows(self, chunk: _Chunk) -> list[list[Row]]:
        if chunk.future is None:
            return [read_item(0, item, self._manner) for item in chunk.items]
        try:
            return chunk.future.result()
        except (ProcessExpired, BrokenProcessPool, TimeoutError, OSError) as error:
            if len(chunk.items) == 1:
                (item,) = chunk.items
                refused = Item(item.source, None, item.label, error=f"{item.source} {_why(error)}.")
                return [read_item(0, refused)]
        # One of several has ended the process: each on its own, to know which.
        alone = [_Chunk(0, [item]) for item in chunk.items]
        for one in alone:
            one.future = self._submit(self._workers, SECONDS, _read_items, one.items, self._manner)
        return [self._rows(one)[0] for one in alone]

    def _submit(self, workers: int, seconds: float, work: Any, *args: Any) -> "Future[Any]":
        """Hand work to the pool of so many processes, or to the one process that reads files (0)."""
        pool = self._pools.get(workers)
        if pool is None or not pool.active:
            pool = ProcessPool(max_workers=workers or 1, initializer=_limit, context=_context())
            self._pools[workers] = pool
        return pool.schedule(_timed, args=(seconds, work, *args), timeout=WALL_SECONDS)


def _context() -> Any:
    """How processes start: from a clean one that has everything imported, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _needs_reading(item: Item) -> bool:
    return item.picture is not None and not item.ready


def _size(item: Item) -> int:
    picture = item.picture
    if isinstance(picture, Place):
        return picture.size
    return 0 if picture is None else len(picture) if isinstance(picture, bytes) else picture.nbytes


def _is_done(chunk: _Chunk) -> bool:
    return chunk.future is None or chunk.future.done()


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"took longer than {WALL_SECONDS:g} seconds to read"
    return f"cannot be read within {limits(SECONDS)}"


# What follows runs in the processes of the pool.

_open: tuple[Stream, int, Iterator[Item]] | None = None


def _limit() -> None:
    limit_memory()
    # What is wrong with a file stands in its row: what decoders written in C print beside it is nobody's to read.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    heed_clock()


def _timed(seconds: float, work: Any, *args: Any) -> Any:
    return work(seconds, *args)


def _read_items(seconds: float, items: Sequence[Item], manner: Manner) -> list[list[Row]]:
    return [_read_item(seconds, item, manner) for item in items]


def _read_item(seconds: float, item: Item, manner: Manner) -> list[Row]:
    try:
        try:
            start_clock(seconds)
            return read_item(0, item, manner, partial(start_clock, seconds))
        finally:
            start_clock(0)
    except TooLong:
        error = f"{item.source} takes more than {seconds:g} seconds to read: save it as a plain PNG."
        return read_item(0, Item(item.source, None, item.label, error=error))


def _next_items(seconds: float, stream: Stream, at: int) -> list[Item]:
    """The items of a stream from one on; reading goes on where the last call left it."""
    global _open
    items: list[Item] = []
    try:
        try:
            start_clock(seconds)
            if _open is None or _open[:2] != (stream, at):
                _open = (stream, at, islice(stream.function(*stream.args), at, None))
            size = 0
            for item in _open[2]:
                items.append(item)
                size += _size(item)
                if len(items) >= ITEMS or size >= ITEM_BYTES:
                    break
        finally:
            start_clock(0)
    except TooLong:
        error = f"{stream.name}: takes more than {seconds:g} seconds to read on."
        items.append(Item(stream.name, None, stream.label, error=error))
        _open = (stream, at, iter(()))
    _open = (stream, at + len(items), _open[2]) if _open else None
    return items
