"""Reading apart: whatever opens what people hand over runs in a process of its own, bounded in memory and time.

Whatever a file does to its reader, one refusal comes of it, and the next file is read by a fresh process.
"""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from core import paths, settings
from core.errors import InkError, OddDigitError

T = TypeVar("T")
Thing = tuple[str, tuple[Any, ...]]

MEMORY = 1 << 30  # bytes that reading one thing may take
SECONDS = 5.0  # of processor time for one picture
FILE_SECONDS = 30.0  # of processor time for the next items of a file
GRACE_SECONDS = 3.0  # of processor time, after which a reader that heeds no signal is ended by the system
WALL_SECONDS = 300.0  # after which a reader that does not even work is ended
KEPT = 2  # processes that wait for the next to read
PORTION, PORTION_BYTES = 16, 2 << 20  # pictures handed to a process at a time
_REMEDY = "save it as a plain PNG, or take a part of it."
_SERVE = "from core.ink import apart; apart.serve()"
_ONE_OF_THEM = "\0"  # stands for its name
_idle: list["_Process"] = []
_lock = threading.Lock()
_serving = False


class TooLong(BaseException):
    """Work has taken its time; not an ``Exception``, so that no decoder takes it for damage of the file."""


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
    if inside():
        yield from work(*args)
        return
    with _lock:
        process = _idle.pop() if _idle else _Process()
    whole = False
    try:
        process.ask((name, seconds, work, args))
        while True:
            kind, answer = process.answer()
            if kind == "lost":
                raise InkError(f"{name} cannot be read within {limits(seconds)}: {_REMEDY}")
            whole = kind != "one"
            if kind == "error":
                raise answer
            if whole:
                return
            yield answer
    finally:
        with _lock:
            keep = whole and len(_idle) < KEPT
            if keep:
                _idle.append(process)
        if not keep:
            process.end()


def over(
    work: Callable[..., Iterator[tuple[str, T | InkError]]], things: Iterable[Thing]
) -> Iterator[list[tuple[str, T | InkError]]]:
    """What a generator gives for each of many things, in order, by as many processes as there are processors.

    Args:
        work: opens one of them, and gives names and what they came to.
        things: what each is called, and the arguments of ``work``.

    Yields:
        of each thing all that came of it, the last being the reason where it is not read whole.
    """
    workers = cores()
    with ThreadPoolExecutor(workers) as threads:
        waiting: deque[Future[list[list[tuple[str, T | InkError]]]]] = deque()
        for portion in _portions(things):
            waiting.append(threads.submit(_read, work, portion))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def cores() -> int:
    """How many processes can work at a time, in this container or on this machine, and may."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(there, settings.READERS)


def inside() -> bool:
    """Whether this process is one that reads for another, here or in a pool: it has limits already."""
    return _serving or multiprocessing.parent_process() is not None


def limit_memory() -> None:
    """Bound what comes next in this process; beyond that, allocating fails in it, whatever library asks."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))


def heed_clock() -> None:
    """Have this process hear when its time is over."""
    if hasattr(signal, "SIGPROF"):
        signal.signal(signal.SIGPROF, _too_long)


def start_clock(seconds: float) -> None:
    """Limit what comes next: at first by a signal that Python hears, then by one that ends a decoder that does not."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds and seconds + GRACE_SECONDS)


def _too_long(*_: object) -> None:
    raise TooLong


def limits(seconds: float) -> str:
    """What a reader may take, in words."""
    return f"{MEMORY >> 30} GB of memory and {seconds:g} seconds of work"


def _once(work: Callable[..., T], *args: Any) -> Iterator[T]:
    yield work(*args)


def _portions(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    portion: list[Thing] = []
    size = 0
    for thing in things:
        portion.append(thing)
        size += sum(len(arg) for arg in thing[1] if isinstance(arg, bytes))
        if len(portion) >= PORTION or size >= PORTION_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _read(work: Callable[..., Iterator[Any]], portion: Sequence[Thing]) -> list[list[Any]]:
    read: list[list[Any]] = []
    while len(read) < len(portion):
        results: list[Any] = []
        name = portion[len(read)][0]
        try:
            for result in each(_ONE_OF_THEM, _all, work, portion[len(read) :]):
                if result is None:
                    read.append(results)
                    results, name = [], portion[min(len(read), len(portion) - 1)][0]
                else:
                    results.append(result)
        except InkError as error:  # the others are read on, by another process
            read.append([*results, (name, InkError(str(error).replace(_ONE_OF_THEM, name)))])
    return read


def _all(work: Callable[..., Iterator[T]], portion: Sequence[Thing]) -> Iterator[T | None]:
    for _, args in portion:
        yield from work(*args)
        yield None


class _Process:
    """A process that reads, one thing after the other."""

    def __init__(self) -> None:
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

    def ask(self, question: tuple[Any, ...]) -> None:
        """Hand over what to do."""
        with suppress(BrokenPipeError):  # which the answer says
            pickle.dump((Path.cwd(), *question), self._questions)
            self._questions.flush()

    def answer(self) -> tuple[str, Any]:
        """What comes next: "one" and what it is, "end", "error" and which, or "lost" where the process has ended."""
        try:
            kind, answer = pickle.load(self._answers)
            return kind, answer
        except (EOFError, pickle.UnpicklingError):
            return "lost", None

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._questions.close()
        self._answers.close()
        self._process.wait()


def serve() -> None:
    """What the other process does: questions come in, answers go out, until nobody asks any more."""
    global _serving
    _serving = True
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what decoders print is nobody's to read
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    heed_clock()
    with suppress(EOFError, BrokenPipeError):
        while True:
            for answer in _answers(*pickle.load(sys.stdin.buffer)):
                pickle.dump(answer, answers)
                answers.flush()


def _answers(
    folder: Path, name: str, seconds: float, work: Callable[..., Iterator[Any]], args: tuple[Any, ...]
) -> Iterator[tuple[str, Any]]:
    with suppress(OSError):
        os.chdir(folder)
    limit_memory()
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
            yield "error", InkError(f"{name} cannot be read ({reason}): save it again.")
            return
        if result is end:
            yield "end", None
            return
        yield "one", result


def _start_clocks(seconds: float) -> None:
    start_clock(seconds)
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds and WALL_SECONDS)  # which ends the process
