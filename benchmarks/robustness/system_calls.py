"""Faults at every system call: each write operation ended, or refused by the disk, at each of its calls once.

    python -m benchmarks.robustness.system_calls [--only import,queue] [--means strace|python|moments] [--every 1]

First an operation is done undisturbed, and every system call that changes the state folder is counted. Then it is begun
anew for each of them: killed there (SIGKILL), or told there that the disk is full (ENOSPC), broken (EIO) or read-only
(EROFS). What is left must be a state between two of the operation's steps, whole; a refusal must be in words; done
again it must come to the undisturbed result; and a sweep must leave nothing over. Ends with 1 where there is a fault.
Linux: processes are forked, and `strace`, if it is installed, does the rest. Two other means need nothing: `python`
ends or refuses what Python's own calls open, rename, link, remove and make, and so sees nothing inside SQLite and no
half-written file; `moments` kills at twenty moments, spread evenly over the time that an operation takes.
"""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

import typer

from benchmarks.harness import Sections, faults_of, run, say
from benchmarks.robustness import apart, operations
from benchmarks.robustness.operations import OPERATIONS, Operation, Size
from core import paths

SMALL = Size(rows=24, images=80, steps=2, together=16)
KILL = "KILL"
MOMENTS = 20
WAYS = {KILL: 1, "ENOSPC": 1, "EIO": 3, "EROFS": 3}  # at every call, or at one in so many
CALLS = (
    "creat,open,openat,openat2,write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,fallocate,truncate,"
    "ftruncate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,"
    "chmod,fchmod,fchmodat,utimensat"
)
_OPENS_TO_READ = re.compile(r"open\w*\((?!.*\bO_(?:WRONLY|RDWR|CREAT|TRUNC)\b)")
# What Python says it is about to do, and which of its arguments are paths.
_EVENTS = {"open": 1, "os.rename": 2, "os.link": 2, "os.remove": 1, "os.mkdir": 1, "os.rmdir": 1, "os.chmod": 1}


class Call(NamedTuple):
    """One of the calls of an operation: which, and the how-manieth of that name, from 1."""

    name: str
    number: int


Strike = Callable[[Callable[[], None], str, Call | None], tuple[str, list[Call]]]


def by_strace(work: Callable[[], None], way: str = KILL, at: Call | None = None) -> tuple[str, list[Call]]:
    """Do something in a process of its own, with a fault at one of its system calls, or none.

    Returns:
        what it said, or that it was killed; and its calls that change the state folder.
    """
    what = f"signal={KILL}" if way == KILL else f"error={way}"
    inject = [f"--inject={at.name}:{what}:when={at.number}"] if at else []
    with tempfile.NamedTemporaryFile("r", errors="replace") as log:
        pid, ours = apart.begun(work, wait=True)
        command = ["strace", "-f", "-y", "-s", "0", "-o", log.name, f"--trace={CALLS}", *inject, "-p", str(pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            while "attached" not in (line := tracer.stderr.readline()):
                assert line, "strace could not attach: is it allowed to trace here?"
            ours.send(b"!")
            said = _ended(pid, apart.heard(ours))
        return said, list(_changes(pid, log))


def _changes(pid: int, log: Iterable[str]) -> Iterator[Call]:
    """A process's traced calls that change the state folder; threads, which count apart, write nothing there."""
    state, counts = str(paths.state_dir()), Counter[str]()
    for line in log:
        thread, _, call = line.partition(" ")
        if thread == str(pid) and (name := re.match(r"\s*(\w+)\(", call)):
            counts[name[1]] += 1
            if state in call and not _OPENS_TO_READ.search(call):
                yield Call(name[1], counts[name[1]])


def by_python(work: Callable[[], None], way: str = KILL, at: Call | None = None) -> tuple[str, list[Call]]:
    """As ``by_strace``, at what Python announces to an audit hook before it does it."""
    state, count = str(paths.state_dir()), 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event not in _EVENTS or (event == "open" and not _writes(arguments)):
            return
        if any(_is_in(path, state, arguments) for path in arguments[: _EVENTS[event]]):
            count += 1
            if at and count == at.number:
                if way == KILL:
                    os.kill(os.getpid(), signal.SIGKILL)
                number = getattr(errno, way)
                raise OSError(number, os.strerror(number))

    def watched() -> str:
        sys.addaudithook(hook)
        work()
        return str(count)

    pid, ours = apart.begun(watched)
    said = _ended(pid, apart.heard(ours))
    return ("", [Call("any", i + 1) for i in range(int(said))]) if said.isdigit() else (said, [])


def _writes(arguments: tuple[Any, ...]) -> bool:
    return bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))


def _is_in(path: object, state: str, arguments: tuple[Any, ...]) -> bool:
    """Whether a path, perhaps below an open folder, lies in the state folder; only what is removed is named so."""
    text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
    return text.startswith(state) or (bool(text) and not text.startswith("/") and arguments[-1] not in (-1, None))


def by_moments(work: Callable[[], None], way: str = KILL, at: Call | None = None) -> tuple[str, list[Call]]:
    """As ``by_strace``, but killed after so many milliseconds, whatever it does just then; other ways do nothing."""
    started = time.monotonic()
    pid, ours = apart.begun(work)
    if at and way == KILL:
        time.sleep(at.number / 1000)
        os.kill(pid, signal.SIGKILL)  # it is not waited for yet, so that its number is nobody else's
    said = _ended(pid, apart.heard(ours))
    most = 1000 * (time.monotonic() - started)
    return said, [Call("millisecond", round(most * share / MOMENTS)) for share in range(MOMENTS)]


def _ended(pid: int, said: str) -> str:
    return KILL if os.WIFSIGNALED(os.waitpid(pid, 0)[1]) else said


class Tally(NamedTuple):
    """What became of an operation."""

    calls: int  # how many of its system calls change the state folder
    struck: Counter[str]  # how often each way of failing was met
    refused: int  # how often it ended in words
    faults: list[str]  # what must not be, in words


def strike(name: str, by: Strike, every: int = 1, ways: tuple[str, ...] = tuple(WAYS)) -> Tally:
    """Strike an operation at every call that changes the state folder, in every way.

    Args:
        name: one of ``OPERATIONS``.
        by: ``by_strace`` or ``by_python``.
        every: only one call in so many.
        ways: some of ``WAYS``.
    """
    operation, struck, refused, faults = OPERATIONS[name], Counter[str](), 0, []
    with apart.prepared(operation.prepare) as anew:
        states = _states(operation)
        anew()
        said, calls = by(operation.work, KILL, None)
        assert not said, said
        for way in ways:
            for call in calls[:: every * WAYS[way]]:
                anew()
                said, _ = by(operation.work, way, call)
                struck[way] += 1
                refused += said.startswith("refused: ")
                if wrong := _wrong(operation, states, said, way):
                    faults.append(f"{name}, {way} at {call.name} {call.number}: {wrong}")
                    say(faults[-1])
    return Tally(len(calls), struck, refused, faults)


def _states(operation: Operation) -> list[str]:
    """What is there before an operation, between its steps, and after it."""

    def tell() -> str:
        texts = [operations.shown()]
        texts += [operations.shown() for _ in operation.steps()]
        return "\0".join([*texts, operations.shown()])

    states = apart.forked(tell).split("\0")
    if not operation.side_by_side:
        return states
    both = ["\n".join(sorted({*one.splitlines(), *other.splitlines()})) for one, other in pairwise(states)]
    return [*both, *states]


def _wrong(operation: Operation, states: list[str], said: str, way: str) -> str:
    """What is not as it must be after a fault, or after doing it again; empty where all is well."""
    if said and not said.startswith("refused: ") and (said, way) != (KILL, KILL):
        return said[-400:]

    def look() -> str:
        left = operations.shown()
        if left not in states and not operation.any_between:
            return f"it left {left!r}, which is none of {states!r}"
        operation.work()
        came_to = operations.shown()
        if came_to != states[-1]:
            return f"done again it came to {came_to!r} instead of {states[-1]!r}"
        rubbish = operations.left_over()
        return f"left over: {rubbish}" if rubbish else ""

    try:
        return apart.forked(look)
    except RuntimeError as error:
        return str(error)


MEANS: dict[str, Strike] = {"strace": by_strace, "python": by_python, "moments": by_moments}


def main(
    only: Annotated[str, typer.Option(help=f"Some alone, with commas: {', '.join(OPERATIONS)}.")] = "",
    means: Annotated[str, typer.Option(help=f"{', '.join(MEANS)}.")] = "strace",
    every: Annotated[int, typer.Option(min=1, help="Only one call in so many.")] = 1,
) -> Sections:
    """Strike every operation and count."""
    if means == "strace" and not shutil.which("strace"):
        say("strace is not installed: nothing was struck. Install it, or give --means python.")
        return
    operations.be_small(SMALL)
    ways = (KILL,) if means == "moments" else tuple(WAYS)
    tallies = {name: strike(name, MEANS[means], every, ways) for name in (only.split(",") if only else OPERATIONS)}
    columns = ["operation", "calls that change the state folder", "killed", *list(WAYS)[1:], "refused in words"]
    rows = {name: [one.calls, *(one.struck[way] for way in WAYS), one.refused] for name, one in tallies.items()}
    yield from faults_of("Faults at every system call", columns, rows, {k: one.faults for k, one in tallies.items()})


if __name__ == "__main__":
    run(main, threads=None)
