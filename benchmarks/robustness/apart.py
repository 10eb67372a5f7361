"""Processes of their own, forked for one piece of work, that may be killed or refused at any moment of it."""

import os
import shutil
import socket
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from core import paths, settings
from core.errors import OddDigitError

Work = Callable[[], str | None]


@contextmanager
def prepared(prepare: Work) -> Iterator[Callable[[], None]]:
    """A state folder of its own in which something can begin; gives what makes it anew."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {settings.STATE: f"{folder}/state"}):
        paths.state_dir().mkdir()
        forked(prepare)
        kept = shutil.copytree(paths.state_dir(), f"{folder}/prepared")

        def anew() -> None:
            shutil.rmtree(paths.state_dir())
            shutil.copytree(kept, paths.state_dir())

        yield anew


def forked(work: Work) -> str:
    """Do something in a process of its own and wait for it; what it returns.

    Raises:
        RuntimeError: it failed; the text is what it raised.
    """
    pid, ours = begun(work)
    said = heard(ours)
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError(said)
    return said


def begun(work: Work, wait: bool = False) -> tuple[int, socket.socket]:
    """A process of its own that does something, its number, and where it says what came of it.

    Args:
        work: what it does; a refusal in the project's own words is no failure.
        wait: have it begin only when a byte is sent.
    """
    ours, theirs = socket.socketpair()
    if not (pid := os.fork()):
        ours.close()
        code = 1
        try:
            if wait:
                theirs.recv(1)
            said = work() or ""
            code = 0
        except OddDigitError as error:
            said = f"refused: {error}"
        except BaseException:
            said = traceback.format_exc()[-1500:]
        theirs.send(said.encode()[:60_000])
        os._exit(code)
    theirs.close()
    return pid, ours


def heard(ours: socket.socket) -> str:
    """All that a process says before it ends."""
    with ours, ours.makefile("rb") as file:
        return file.read().decode(errors="replace")
