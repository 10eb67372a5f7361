"""The process behind a running job, as the job manager sees it."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from core import paths

LOG = "worker.log"


class Worker(Protocol):
    """Something that trains one job and can be told what to do."""

    def say(self, word: str) -> None:
        """Pass on an order: a word of ``core.training.worker``."""

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

    def __init__(self, folder: Path, module: str = "core.training.worker") -> None:
        with (folder / LOG).open("wb") as log:
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
