"""The process that does one job: as its queue sees it, and how it makes way for others and ends.

Importing this needs neither torch nor NumPy.
"""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from core import paths
from core.errors import OddDigitError
from core.files.atomic import write_whole, writing

LOG, MESSAGE = "worker.log", "message.txt"
GAVE_UP, NO_ROOM = 1, 4
NICENESS = 5


class Worker(Protocol):
    """Something that does one job and can be told what to do."""

    def say(self, word: str) -> None:
        """Pass on an order, a word that it knows."""

    def exit_code(self) -> int | None:
        """None while it works; 0 when it has finished the job; anything else when it has not."""

    def kill(self) -> None:
        """End it at once and wait until it is gone."""


class Process:
    """A worker that is a process of its own.

    Args:
        folder: the job's folder.
        module: what does the job there.
    """

    def __init__(self, folder: Path, module: str) -> None:
        with writing(folder):  # a full disk takes not even its log
            log = (folder / LOG).open("wb")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(folder)],
                cwd=paths.ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the server's terminal is the server's to handle
            )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def say(self, word: str) -> None:
        """Pass on an order; one that has just ended does not hear it any more."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(word.encode() + b"\n")
            self._process.stdin.flush()

    def exit_code(self) -> int | None:
        """None while it works, then what it ended with; minus a signal's number when that ended it."""
        code = self._process.poll()
        if code is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        return code

    def kill(self) -> None:
        """End it at once and wait until it is gone."""
        # It began a session: whatever it has started is in its group.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self._process.kill()
        self._process.wait()
        self.exit_code()


def give_way(as_session: bool) -> None:
    """Let whatever else the machine does, drawing and scoring above all, come before this process.

    Args:
        as_session: also where Linux weighs whole sessions against each other; without it a process of a session of
            its own keeps that session's share of the machine.
    """
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    if as_session:
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICENESS))


def ending(work: Callable[[], object], folder: Path, doing: str) -> int:
    """Do what this process is for; gives its exit code: 0, ``GAVE_UP`` where that broke off and it said why, or
    ``NO_ROOM`` where it could not even say so.

    Args:
        work: what it is for.
        folder: of its job, where it leaves word of what went wrong.
        doing: what it is for, in a word such as "training".
    """
    try:
        work()
    except OddDigitError as error:
        reason = str(error)
    except OSError as error:
        traceback.print_exc()
        reason = f"the disk or a file could not be used ({error}): make room, then let it go on."
    except Exception as error:
        traceback.print_exc()
        reason = f"{doing} broke off: {type(error).__name__}: {error}"
    else:
        return 0
    try:
        say(folder, reason)
    except OSError:
        return NO_ROOM
    return GAVE_UP


def say(folder: Path, message: str) -> None:
    """Leave word of what went wrong, where the job is still there."""
    if folder.is_dir():
        write_whole(folder / MESSAGE, lambda part: part.write_text(message, "utf-8"))


def said(folder: Path) -> str:
    """What went wrong; empty when nothing did, or it could not be said."""
    try:
        return (folder / MESSAGE).read_text("utf-8")
    except (OSError, ValueError):
        return ""


def why(code: int) -> str:
    """What an exit code says of a process that could leave no word."""
    if code == NO_ROOM:
        return "the disk is full or cannot be written, so not even the reason could be kept: make room, then resume it."
    if code < 0:
        return f"its process was ended from outside (signal {-code}), perhaps for lack of memory: resume it."
    return f"its process ended with code {code}"
