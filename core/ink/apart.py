"""Reading apart: whatever opens what people hand over runs in a process of its own, bounded in memory and time.

Whatever a file does to its reader, one refusal comes of it, and the next file is read by a fresh process.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from core import paths, settings
from core.errors import InkError, OddDigitError

T = TypeVar("T")
Thing = TypeVar("Thing", bound=tuple[Any, ...])

MEMORY = 1 << 30  # bytes that reading one thing may take
SECONDS = 5.0  # of processor time for one picture
FILE_SECONDS = 30.0  # of processor time for the next items of a file
GRACE_SECONDS = 3.0  # of processor time, after which a reader that heeds no signal is ended by the system
WALL_SECONDS = 300.0  # after which a reader that does not even work is ended
KEPT = 2  # processes that wait for the next to read
PORTION, PORTION_COST = 8, 2 << 20  # things handed to a process at a time
IN_ORDER = 64  # things that are looked at before any goes on
AHEAD, AHEAD_COST = 16, 64 << 20  # portions of each process, and bytes in all, that are read before they are asked for
_SERVE = "from core.ink import apart; apart.serve()"
_idle: list["_Process"] = []
_kept = KEPT
_lock = threading.Lock()
_serving = False


class TooLong(BaseException):
    """Work has taken its time; not an ``Exception``, so that no decoder takes it for damage of the file."""


class _UnreadError(Exception):
    """Why something was not read, without its name."""


class Read(NamedTuple, Generic[Thing, T]):
    """A thing, all that came of it, and why there is no more; empty where it was read whole."""

    thing: Thing
    results: list[T]
    why: str = ""


def call(name: str, work: Callable[..., T], *args: Any, seconds: float = SECONDS) -> T:
    """What a function gives that opens something from a person.

    Args:
        name: what that is called in errors.
        work: the function, which another process can import.
        args: of it.
        seconds: of processor time.

    Raises:
        InkError: it takes more memory or time, or ends its process, or raises what is not for people.
        OddDigitError: as ``work`` raises.
    """
    (result,) = each(name, _once, work, *args, seconds=seconds)
    return result


def each(name: str, work: Callable[..., Iterator[T]], *args: Any, seconds: float = SECONDS) -> Iterator[T]:
    """What a generator gives that opens something from a person; as ``call``, ``seconds`` being for each.

    What came before an error has come.
    """
    if _serving:  # within limits already
        yield from work(*args)
        return
    try:
        with _borrowed(set()) as process:
            yield from process.stream(seconds, work, args)
    except _UnreadError as error:
        raise InkError(f"{name} {error}") from None


def over(
    work: Callable[..., Iterator[T]], things: Iterable[Thing], workers: int, cost: Callable[..., int]
) -> Generator[Read[Thing, T]]:
    """What a generator gives for each of many things, in order, by several processes at a time.

    Args:
        work: a function that another process can import.
        things: its arguments, taken a few portions ahead.
        workers: processes.
        cost: of a thing, about how many bytes it has; 0 for what is sooner done here than handed over.

    Yields:
        every thing, and what came of it. One that loses its process costs no other its reading.
    """
    global _kept
    waiting: deque[tuple[int, list[Thing], Future[list[Read[Thing, T]]] | None]] = deque()
    ahead = 0
    busy: set[_Process] = set()
    ended = threading.Event()
    threads = ThreadPoolExecutor(workers)
    with _lock:
        _kept += workers
    try:
        for portion, size in _portions(things, cost):
            waiting.append((size, portion, threads.submit(_read, work, portion, busy, ended) if size else None))
            ahead += size
            while waiting and (len(waiting) > AHEAD * workers or ahead > AHEAD_COST or _is_done(waiting[0][2])):
                ahead -= waiting[0][0]
                yield from _finished(work, *waiting.popleft()[1:])
        while waiting:
            yield from _finished(work, *waiting.popleft()[1:])
    finally:
        ended.set()
        threads.shutdown(wait=False, cancel_futures=True)
        with _lock:
            _kept -= workers
            for process in busy:
                process.kill()
            surplus = _idle[_kept:]
            del _idle[_kept:]
        for process in surplus:
            process.end()


def cores() -> int:
    """How many processes can work at a time, in this container or on this machine, and may."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(there, settings.READERS)


def _once(work: Callable[..., T], *args: Any) -> Iterator[T]:
    yield work(*args)


def _portions(things: Iterable[Thing], cost: Callable[..., int]) -> Iterator[tuple[list[Thing], int]]:
    """Things in portions that are worth handing to a process, and what those cost."""
    portion: list[Thing] = []
    costly = size = 0
    for thing in things:
        portion.append(thing)
        costs = cost(*thing)
        costly, size = costly + (costs > 0), size + costs
        if costly >= PORTION or size >= PORTION_COST or len(portion) >= IN_ORDER:
            yield portion, size
            portion, costly, size = [], 0, 0
    if portion:
        yield portion, size


def _read(
    work: Callable[..., Iterator[T]], portion: Sequence[Thing], busy: set["_Process"], ended: threading.Event
) -> list[Read[Thing, T]]:
    """A portion read by as many processes as it takes, ``busy`` while they do."""
    read: list[Read[Thing, T]] = []
    while len(read) < len(portion) and not ended.is_set():
        results: list[T] = []
        try:
            with _borrowed(busy) as process:
                if ended.is_set():  # after it has begun to be busy, so that it is ended in any case
                    break
                for result in process.stream(SECONDS, _all, (work, portion[len(read) :])):
                    if result is not None:
                        results.append(result)
                        continue
                    read.append(Read(portion[len(read)], results))
                    results = []
        except _UnreadError as error:  # the others are read on
            read.append(Read(portion[len(read)], results, str(error)))
    return read


def _all(work: Callable[..., Iterator[T]], portion: Sequence[Thing]) -> Iterator[T | None]:
    for thing in portion:
        yield from work(*thing)
        yield None


def _finished(
    work: Callable[..., Iterator[T]], portion: list[Thing], future: "Future[list[Read[Thing, T]]] | None"
) -> Iterable[Read[Thing, T]]:
    return (Read(thing, list(work(*thing))) for thing in portion) if future is None else future.result()


def _is_done(future: "Future[Any] | None") -> bool:
    return future is None or future.done()


@contextmanager
def _borrowed(busy: set["_Process"]) -> Iterator["_Process"]:
    """A process that reads, kept for the next where it has done all that it was asked; ``busy`` holds it meanwhile."""
    process = None
    with _lock:
        while _idle and process is None:
            process = _idle.pop()
            process = process if process.lives() else None
    process = process or _Process()
    with _lock:
        busy.add(process)
    try:
        yield process
    finally:
        with _lock:
            busy.discard(process)
            keep = process.rests and process.lives() and len(_idle) < _kept
            if keep:
                _idle.append(process)
        if not keep:
            process.end()


class _Process:
    """A process that reads, one thing after the other."""

    def __init__(self) -> None:
        self.rests = self._killed = False
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            cwd=paths.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions, self._answers = self._process.stdin, self._process.stdout

    def stream(self, seconds: float, work: Callable[..., Iterator[T]], args: tuple[Any, ...]) -> Iterator[T]:
        """What a generator gives there, so many seconds of processor time for each.

        Raises:
            _UnreadError: beyond the limits, or it raised what is not for people.
        """
        self.rests = False
        with suppress(BrokenPipeError):  # which the answer says
            pickle.dump((Path.cwd(), seconds, work, args), self._questions)
            self._questions.flush()
        while True:
            try:
                kind, answer = pickle.load(self._answers)
            except (EOFError, pickle.UnpicklingError):  # the process has ended
                kind, answer = "lost", None
            if kind == "lost":
                within = f"{MEMORY >> 30} GB of memory and {seconds:g} seconds of work"
                raise _UnreadError(f"cannot be read within {within}: save it as a plain PNG, or take a part of it.")
            self.rests = kind != "one"
            if kind == "error":
                raise answer
            if kind == "end":
                return
            yield answer

    def lives(self) -> bool:
        """Whether it has not been ended, by whomever."""
        return not self._killed and self._process.poll() is None

    def kill(self) -> None:
        """End it at once, whoever waits for its answers."""
        self._killed = True
        self._process.kill()

    def end(self) -> None:
        """End it at once, and let go of what it took."""
        self.kill()
        with suppress(BrokenPipeError):
            self._questions.close()
        self._answers.close()
        self._process.wait()


def serve() -> None:
    """What the other process does: questions come in, answers go out, until nobody asks any more."""
    global _serving
    _serving = True
    # The present folder, which is on the path, is that of whoever asks: what lies there is no module of ours.
    sys.path[:] = [entry or str(paths.ROOT) for entry in sys.path]
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what decoders print is nobody's to read
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGPROF"):
        signal.signal(signal.SIGPROF, _too_long)
    with suppress(EOFError, BrokenPipeError):
        while True:
            for answer in _answers(*pickle.load(sys.stdin.buffer)):
                pickle.dump(answer, answers)
                answers.flush()


def _answers(
    folder: Path, seconds: float, work: Callable[..., Iterator[Any]], args: tuple[Any, ...]
) -> Iterator[tuple[str, Any]]:
    with suppress(OSError):
        os.chdir(folder)
    _limit_memory()
    results = work(*args)
    end = object()
    while True:
        try:
            try:
                _start_clocks(seconds)
                result = next(results, end)
            finally:
                _start_clocks(0)
        except OddDigitError as error:
            yield "error", error
            return
        except (MemoryError, TooLong):
            yield "lost", None
            return
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(": ")
            yield "error", _UnreadError(f"cannot be read ({reason}): save it again.")
            return
        if result is end:
            yield "end", None
            return
        yield "one", result


def _limit_memory() -> None:
    """Bound what comes next in this process; beyond that, allocating fails in it, whatever library asks."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))


def _start_clocks(seconds: float) -> None:
    """Limit what comes next: by a signal that Python hears, by one that ends a decoder that does not, by the time."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds and seconds + GRACE_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, seconds and WALL_SECONDS)


def _too_long(*_: object) -> None:
    raise TooLong
