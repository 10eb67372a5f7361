"""Reading apart: whatever opens what people hand over runs in a process of its own, bounded in memory and time.

Whatever a file does to its reader, one refusal comes of it, and the next file is read by a fresh process.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from core import paths, settings
from core.errors import InkError, OddDigitError

T = TypeVar("T")

MEMORY = 1 << 30  # bytes that reading one thing may take
SECONDS = 5.0  # of processor time for one picture
FILE_SECONDS = 30.0  # of processor time for the next items of a file
GRACE_SECONDS = 3.0  # of processor time, after which a reader that heeds no signal is ended by the system
WALL_SECONDS = 300.0  # after which a reader that does not even work is ended
KEPT = 2  # processes that wait for the next to read
_SERVE = "from core.ink import apart; apart.serve()"
_idle: list["Process"] = []
_kept = KEPT
_lock = threading.RLock()  # generators that nobody ends are ended in the midst of anything
_serving = False


class TooLong(BaseException):
    """Work has taken its time; not an ``Exception``, so that no decoder takes it for damage of the file."""


class UnreadError(Exception):
    """Why something was not read, without its name."""


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
        with borrowed() as process:
            yield from process.stream(seconds, work, args)
    except UnreadError as error:
        raise InkError(f"{name} {error}") from None


@contextmanager
def at_work(more: int) -> Iterator[set["Process"]]:
    """So many more processes may wait for the next to read; those that are at work when it ends are ended.

    Yields:
        which are at work, for ``borrowed``.
    """
    global _kept
    busy: set[Process] = set()
    with _lock:
        _kept += more
    try:
        yield busy
    finally:
        with _lock:
            _kept -= more
            for process in busy:
                process.kill()
            surplus = _idle[_kept:]
            del _idle[_kept:]
        for process in surplus:
            process.end()


@contextmanager
def borrowed(busy: set["Process"] | None = None) -> Iterator["Process"]:
    """A process that reads, kept for the next where it has done all that it was asked; ``busy`` holds it meanwhile."""
    busy = set() if busy is None else busy
    process = None
    with _lock:
        while _idle and process is None:
            process = _idle.pop()
            process = process if process.lives() else None
    process = process or Process()
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


def cores() -> int:
    """How many processes can work at a time, in this container or on this machine, and may."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(there, settings.READERS)


def _once(work: Callable[..., T], *args: Any) -> Iterator[T]:
    yield work(*args)


class Process:
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
            UnreadError: beyond the limits, or it raised what is not for people.
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
                raise UnreadError(f"cannot be read within {within}: save it as a plain PNG, or take a part of it.")
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
            yield "error", UnreadError(f"cannot be read ({reason}): save it again.")
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
