"""Batches that belong to the server: handed in by a page, judged one after the other, there whoever looks.

Nobody waits for ever: visitors take turns, and a batch that has been judged for a while makes way for who waits.
"""

import functools
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from core import quota, settings
from core.batch import worker
from core.batch.findings import Rule
from core.batch.run import Progress, begin
from core.batch.store import Store, batches_dir, stores
from core.detector import Detector
from core.errors import BatchError, OddDigitError
from core.files.atomic import writing
from core.files.leftovers import is_leftover
from core.readers import sources
from core.readers.items import InMemory, Manner, Place, parts_of
from core.training.process import MESSAGE, Process, Worker, said, why
from core.words import clean_text

TICK_SECONDS = 0.1
KEPT = 10  # finished batches a visitor keeps; older ones make room


@dataclass(frozen=True)
class Upload:
    """A file as it was handed over: its name, which may be a path inside a folder, and its bytes."""

    name: str
    data: bytes | memoryview


@dataclass(frozen=True)
class State:
    """How a batch stands.

    Attributes:
        stage: "waiting", "running", "stopped" (to be gone on with), "finished" or "failed".
        progress: how far it is; None before the first rows.
        message: what went wrong, or what else is to be said; empty when nothing is.
    """

    stage: str
    progress: Progress | None = None
    message: str = ""

    @property
    def busy(self) -> bool:
        """Whether it is being worked on, or will be without anyone's doing."""
        return self.stage in ("waiting", "running")


class BatchQueue:
    """Takes batches in and has them judged one after the other, each by a process of its own.

    Args:
        launch: starts what judges the batch of a store; None starts a process.
    """

    def __init__(self, launch: Callable[[Store], Worker] | None = None) -> None:
        self._launch = launch or start
        self._waiting: list[Store] = []
        self._served: dict[str, int] = {}  # which turn a visitor had last
        self._states: dict[Path, State] = {}
        self._workers: dict[Path, Worker] = {}
        self._mutex = threading.RLock()
        self._handed_in = threading.Condition(self._mutex)
        threading.Thread(target=self._work, name="batches", daemon=True).start()

    def submit(
        self,
        uploads: Sequence[Upload],
        detector: Detector,
        rule: Rule,
        together: bool,
        keep: bool,
        visitor: str,
        full: bool = False,
    ) -> Store:
        """Take files in and begin to judge them; they lie on disk until that is done, and no longer.

        Args:
            uploads: the files, in order.
            detector: what judges.
            rule: what decides, at first.
            together: take every picture as one digit.
            keep: record verdicts in the history.
            visitor: whose batch it is.
            full: draw every digit, as ``items.Manner`` says.

        Raises:
            BatchError: no files, no room for them, or the visitor has as many batches at work as they may.
            QuotaError: the visitor may keep no more, or have no more opened just now.
        """
        if not uploads:
            raise BatchError("there are no files: choose some first.")
        if sum(state.busy for state in list(self._states.values())) >= settings.ALL_BATCHES:
            raise BatchError("so many batches wait on this server that no more are taken: try again later.")
        busy = sum(self.state(store).busy for store in stores(visitor))
        if busy >= settings.BATCHES:
            raise BatchError(
                f"{busy} of your batches are not judged yet, and no more are taken: wait for one or stop one."
            )
        wanted = [upload for upload in uploads if not is_leftover(parts_of(upload.name))]
        left_out, uploads = len(uploads) - len(wanted), wanted
        if not uploads:
            raise BatchError("there are only files of the system's, nothing to judge: choose pictures.")
        self._make_room(visitor)
        quota.check(visitor, sum(len(upload.data) for upload in uploads))
        folder = batches_dir() / uuid.uuid4().hex
        names = names_of(uploads)
        title = names[0] if len(names) == 1 else f"{len(names):,} files"
        try:
            with writing(folder):
                (folder / "input").mkdir(parents=True)
                for i, upload in enumerate(uploads):
                    (folder / "input" / f"{i:06d}").write_bytes(upload.data)
            with quota.turn(visitor):
                total = sources.count(sources.uploaded(folder / "input", names))
            manner = Manner(together, full=full)
            store = begin(folder, title, detector, rule, manner, total, keep=keep, visitor=visitor, names=names)
        except OddDigitError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if left_out:
            store.note(f"{left_out:,} of the system's files were left out.")
        self._enqueue(store)
        return store

    def go_on(self, store: Store) -> None:
        """Judge what is left of a batch that was stopped or interrupted.

        Raises:
            BatchError: its files are gone.
        """
        if not store.input.is_dir():
            raise BatchError(f"{store.job.title}: its files are gone; hand them in again.")
        if not self.state(store).busy:
            self._enqueue(store)

    def stop(self, store: Store) -> None:
        """End the work on a batch at once; what is judged stays, and enters the history when that is wanted."""
        with self._mutex:
            if not self.state(store).busy:
                return
            with suppress(OSError):  # on a full disk it is kept in the history when it has gone on to its end
                (store.folder / worker.STOPPED).touch()
            self._states[store.folder] = State("stopped", worker.progress_of(store.folder))
            if working := self._workers.get(store.folder):
                working.kill()

    def delete(self, store: Store) -> None:
        """Stop and remove a batch."""
        self.stop(store)
        store.delete()
        self._states.pop(store.folder, None)

    def state(self, store: Store) -> State:
        """How a batch stands, also one that an earlier server began."""
        state = self._states.get(store.folder)
        if state is None:
            return State("finished" if store.finished else "stopped")
        return replace(state, progress=worker.progress_of(store.folder)) if state.stage == "running" else state

    def _enqueue(self, store: Store) -> None:
        with writing(store.folder):
            for report in (worker.PROGRESS, MESSAGE, worker.STOPPED):
                (store.folder / report).unlink(missing_ok=True)
        with self._handed_in:
            self._states[store.folder] = State("waiting")
            self._waiting.append(store)
            self._handed_in.notify()

    def _next(self) -> Store:
        """The next batch of the visitor whose turn is longest ago; waits for one."""
        with self._handed_in:
            self._handed_in.wait_for(lambda: self._waiting)
            store = min(self._waiting, key=lambda store: self._served.get(store.job.visitor, 0))
            self._waiting.remove(store)
            self._served[store.job.visitor] = max(self._served.values(), default=0) + 1
            return store

    def _work(self) -> None:
        while True:
            store = self._next()
            try:
                self._judge(store)
            # A thread that dies would leave every later batch waiting for ever.
            except Exception as error:
                reason = str(error) if isinstance(error, OddDigitError) else f"{type(error).__name__}: {error}"
                self._end(store, "failed", f"{store.job.title}: {reason}")

    def _judge(self, store: Store) -> None:
        with self._mutex:
            state = self._states.get(store.folder)
            if state is None or state.stage != "waiting":
                return  # stopped or deleted before its turn
            self._states[store.folder] = State("running")
            working = self._workers[store.folder] = self._launch(store)
        begun, judged = time.monotonic(), len(store.parts)
        while (code := working.exit_code()) is None:
            time.sleep(TICK_SECONDS)
            if time.monotonic() - begun > settings.BATCH_SECONDS and self._makes_way(store, judged):
                return
        del self._workers[store.folder]
        if worker.stopped(store.folder) and worker.enters_history(store):
            self._keep(store)
            return
        message = said(store.folder)
        if code == 0:
            self._end(store, "finished" if store.finished else "stopped", message)
        else:
            self._end(store, "failed", message or f"{store.job.title}: {why(code)}")

    def _makes_way(self, store: Store, judged: int) -> bool:
        """Put a batch that has got on since it had ``judged`` parts behind those of other visitors, if any wait."""
        with self._mutex:
            state = self._states.get(store.folder)
            others = any(other.job.visitor != store.job.visitor for other in self._waiting)
            got_on = len(store.parts) > judged and not store.finished
            if state is None or state.stage != "running" or not others or not got_on:
                return False
            self._workers.pop(store.folder).kill()
            self._states[store.folder] = State("waiting", worker.progress_of(store.folder))
            self._waiting.append(store)
            return True

    def _keep(self, store: Store) -> None:
        """Have what is judged of a stopped batch recorded, by a process again: it may be much."""
        keeping = self._launch(store)
        while keeping.exit_code() is None:
            time.sleep(TICK_SECONDS)
        with self._mutex:
            state = self._states.get(store.folder)
            if state is not None and state.stage == "stopped":
                self._states[store.folder] = replace(state, message=said(store.folder))

    def _end(self, store: Store, stage: str, message: str) -> None:
        with self._mutex:
            state = self._states.get(store.folder)
            if state is not None and state.stage == "running":
                self._states[store.folder] = State(stage, worker.progress_of(store.folder), message)

    def _make_room(self, visitor: str) -> None:
        done = [store for store in stores(visitor) if not self.state(store).busy]
        for store in done[KEPT - 1 :]:
            self.delete(store)


def start(store: Store) -> Worker:
    """The process that judges a batch."""
    with writing(store.folder):  # a full disk takes not even its log
        return Process(store.folder, "core.batch.worker")


def of_server() -> BatchQueue:
    """The one queue of this process, started on first use."""
    return _at(batches_dir())


@functools.cache
def _at(folder: Path) -> BatchQueue:  # noqa: ARG001 - another state folder, as in tests, is another queue
    return BatchQueue()


def names_of(uploads: Sequence[Upload]) -> tuple[str, ...]:
    """What the uploads of a batch are called in it; two files of one name are told apart."""
    seen: dict[str, int] = {}
    names = []
    for upload in uploads:
        name = clean_text(upload.name) or "file"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)


def about(uploads: Sequence[Upload]) -> int:
    """About how many digits the uploads hold, for what must be said beforehand."""
    return sources.count([Place(upload.name, InMemory(upload.data), len(upload.data)) for upload in uploads])
