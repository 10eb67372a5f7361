"""A queue of jobs that lie in folders: one at a time, each done by a process of its own, in turns between visitors.

Nobody waits for ever: who has worked for a while, and has kept what came of it, makes way for who waits.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from core.errors import OddDigitError
from core.jobs.process import MESSAGE, Worker

MADE_WAY = "it made way for another visitor and goes on in its turn."


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    DONE = "done"

    @property
    def busy(self) -> bool:
        """Whether a job is being worked on, or will be without anyone's doing."""
        return self in (State.WAITING, State.RUNNING)


class Entry(NamedTuple):
    """A job as its queue sees it.

    Attributes:
        folder: where it lies.
        visitor: whose turn it is.
        state: where it stands.
        turn: its place among those of one visitor.
        cause: why it stands still, for people; empty otherwise.
    """

    folder: Path
    visitor: str
    state: State
    turn: float
    cause: str = ""


class Queue(ABC):
    """Jobs of one kind, worked off by a thread; every method may be called from any thread.

    Args:
        launch: starts the worker for the job in a folder.
        tick_seconds: how often the thread looks; 0 starts none, for whoever calls ``tick`` themselves.
    """

    def __init__(self, launch: Callable[[Path], Worker], tick_seconds: float) -> None:
        self._launch = launch
        self._workers: dict[Path, Worker] = {}
        self._begun: dict[Path, float] = {}  # when the worker of a job was started, Unix time
        self._served: dict[str, int] = {}  # which turn a visitor had last
        self._mutex = threading.RLock()
        self._closed, self._woken = threading.Event(), threading.Event()
        if tick_seconds:
            threading.Thread(target=self._run, args=(tick_seconds,), name=type(self).__name__, daemon=True).start()

    @abstractmethod
    def entries(self) -> list[Entry]:
        """All jobs there are."""

    @abstractmethod
    def _set(self, folder: Path, state: State, cause: str = "") -> None:
        """Note where a job stands."""

    @abstractmethod
    def _ended(self, folder: Path, code: int) -> None:
        """Note what the worker of a job came to, from its exit code."""

    @abstractmethod
    def _got_on(self, folder: Path, since: float) -> bool:
        """Whether a job has kept something since a moment, Unix time, that ending it now would not lose."""

    @abstractmethod
    def _patience(self) -> float:
        """Seconds after which a job makes way for another visitor's."""

    def _may_work(self) -> bool:
        """Whether this process is the one that works the queue."""
        return True

    def tick(self) -> None:
        """Note which workers have ended, and start the next job if none is at work."""
        with self._mutex:
            if self._closed.is_set() or not self._may_work():
                return
            for folder, worker in list(self._workers.items()):
                if (code := worker.exit_code()) is not None:
                    self._ended(folder, code)
                    del self._workers[folder]
            entries = self.entries()
            waiting = in_turn(entries, self._served)
            running = next((entry for entry in entries if entry.state is State.RUNNING), None)
            if waiting and running and self._has_had_its_time(running, waiting):
                self._end(running.folder)
                self._set(running.folder, State.WAITING, MADE_WAY)
                running = None
            if waiting and not running and not self._workers:
                self._start(waiting[0])

    def close(self) -> None:
        """End all workers and let go of the queue, as a dying server would."""
        with self._mutex:
            self._closed.set()
            for folder in list(self._workers):
                self._end(folder)

    def _run(self, seconds: float) -> None:
        while not self._closed.is_set():
            self._woken.wait(seconds)
            self._woken.clear()
            self._look()

    def _look(self) -> None:
        with suppress(OddDigitError, OSError):  # a disk that is full for a while: what could not be noted is noted then
            self.tick()

    def _has_had_its_time(self, running: Entry, waiting: list[Entry]) -> bool:
        begun = self._begun.get(running.folder, time.time())
        others = any(entry.visitor != running.visitor for entry in waiting)
        return others and time.time() - begun > self._patience() and self._got_on(running.folder, begun)

    def _start(self, entry: Entry) -> None:
        self._set(entry.folder, State.RUNNING)
        self._begun[entry.folder] = time.time()
        self._served[entry.visitor] = max(self._served.values(), default=0) + 1
        try:
            (entry.folder / MESSAGE).unlink(missing_ok=True)
            self._workers[entry.folder] = self._launch(entry.folder)
        except (OSError, OddDigitError) as error:
            self._set(entry.folder, State.FAILED, f"no process could be started for it ({error}): let it go on.")

    def _end(self, folder: Path) -> None:
        """End the worker of a job, if it has one; what is finished is on disk."""
        if worker := self._workers.pop(folder, None):
            worker.kill()


def in_turn(entries: list[Entry], served: dict[str, int]) -> list[Entry]:
    """Those that wait, in the order in which they will run: each visitor's own one after the other, in turns.

    Args:
        entries: jobs of all visitors.
        served: which turn a visitor had last, counted from 1.

    >>> a1, a2, b1 = (Entry(Path(n), n[0], State.WAITING, turn) for turn, n in enumerate(("a1", "a2", "b1")))
    >>> [str(entry.folder) for entry in in_turn([a1, a2, b1], {})]
    ['a1', 'b1', 'a2']
    """
    waiting: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.turn):
        if entry.state is State.WAITING:
            waiting.setdefault(entry.visitor, []).append(entry)
    served, order = dict(served), []
    while waiting:
        whose = min(waiting, key=lambda visitor: (served.get(visitor, 0), waiting[visitor][0].turn))
        order.append(waiting[whose].pop(0))
        served[whose] = max(served.values(), default=0) + 1
        if not waiting[whose]:
            del waiting[whose]
    return order
