"""Batches that belong to the server: handed in by a page, judged one after the other, there whoever looks."""

import functools
import shutil
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core import quota, settings
from core.batch import worker
from core.batch.findings import Rule
from core.batch.run import Progress, begin
from core.batch.store import Job, Store, batches_dir, stores
from core.detector import Detector
from core.errors import BatchError, InkError, OddDigitError
from core.files.atomic import writing
from core.files.leftovers import is_leftover
from core.ink import apart
from core.jobs.process import Process, Worker, said, why
from core.jobs.queue import Entry, Queue, State
from core.readers import sources
from core.readers.items import AS_FOUND, InMemory, Manner, Place, parts_of
from core.words import clean_text

_TICK_SECONDS = 0.1
KEPT = 10  # finished batches a visitor keeps; older ones make room


@dataclass(frozen=True)
class Upload:
    """A file as it was handed over: its name, which may be a path inside a folder, and its bytes."""

    name: str
    data: bytes | memoryview


@dataclass(frozen=True)
class Standing:
    """How a batch stands.

    Attributes:
        state: where it stands.
        progress: how far it is; None before the first rows.
        message: what went wrong, or what else is to be said; empty when nothing is.
    """

    state: State
    progress: Progress | None = None
    message: str = ""


def start(folder: Path) -> Worker:
    """The process that judges the batch in a folder."""
    return Process(folder, "core.batch.worker")


class BatchQueue(Queue):
    """The server's batches: those handed in to it, and those of earlier servers that were let go on.

    Args:
        launch: starts what judges the batch in a folder; None starts a process.
        tick_seconds: how often the thread looks; 0 starts none, for whoever calls ``tick`` themselves.
    """

    def __init__(self, launch: Callable[[Path], Worker] | None = None, tick_seconds: float = _TICK_SECONDS) -> None:
        self._entries: dict[Path, Entry] = {}
        super().__init__(launch or start, tick_seconds)

    def submit(
        self,
        uploads: Sequence[Upload],
        detector: Detector,
        rule: Rule,
        visitor: str,
        manner: Manner = AS_FOUND,
        keep: bool = True,
    ) -> Store:
        """Take files in and begin to judge them; they lie on disk until that is done, and no longer.

        Args:
            uploads: the files, in order.
            detector: what judges.
            rule: what decides, at first.
            visitor: whose batch it is.
            manner: how pictures are read, and whether every digit is drawn.
            keep: record verdicts in the history.

        Raises:
            BatchError: no files, no room for them, or the visitor has as many batches at work as they may.
            QuotaError: the visitor may keep no more, or have no more opened just now.
        """
        if not uploads:
            raise BatchError("there are no files: choose some first.")
        if sum(entry.state.busy for entry in self.entries()) >= settings.ALL_BATCHES:
            raise BatchError("so many batches wait on this server that no more are taken: try again later.")
        busy = sum(self.standing(store).state.busy for store in stores(visitor))
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
            with writing(folder.parent):
                (folder / "input").mkdir(parents=True)
                for i, upload in enumerate(uploads):
                    (folder / "input" / f"{i:06d}").write_bytes(upload.data)
            with quota.turn(visitor):
                total = _count(sources.uploaded(folder / "input", names))
            job = Job(title, rule.point, rule.rate, manner=manner, total=total, keep=keep, visitor=visitor, names=names)
            store = begin(folder, job, detector)
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
        if not self.standing(store).state.busy:
            self._enqueue(store)

    def stop(self, store: Store) -> None:
        """End the work on a batch at once; what is judged stays, and enters the history when that is wanted."""
        with self._mutex:
            if not self.standing(store).state.busy:
                return
            with suppress(OSError):  # on a full disk it is kept in the history when it has gone on to its end
                (store.folder / worker.STOPPED).touch()
            self._end(store.folder)
            self._set(store.folder, State.PAUSED)
            if worker.stopped(store.folder) and worker.enters_history(store):
                with suppress(OddDigitError, OSError):  # recorded by a process again: it may be much
                    self._workers[store.folder] = self._launch(store.folder)

    def delete(self, store: Store) -> None:
        """Stop and remove a batch."""
        with self._mutex:
            self._end(store.folder)
            self._set(store.folder, State.PAUSED)
            store.delete()
            self._entries.pop(store.folder, None)

    def standing(self, store: Store) -> Standing:
        """How a batch stands, also one that an earlier server began."""
        if entry := self._entries.get(store.folder):
            return Standing(entry.state, worker.progress_of(store.folder), entry.cause)
        return Standing(State.DONE if store.finished else State.INTERRUPTED)

    def entries(self) -> list[Entry]:
        """The batches of all visitors that this server has had to do with."""
        return list(self._entries.values())

    def _enqueue(self, store: Store) -> None:
        with self._mutex, writing(store.folder):
            for report in (worker.PROGRESS, worker.STOPPED):
                (store.folder / report).unlink(missing_ok=True)
            turn = max((entry.turn for entry in self.entries()), default=0) + 1
            self._entries[store.folder] = Entry(store.folder, store.job.visitor, State.WAITING, turn)
        self._woken.set()

    def _set(self, folder: Path, state: State, cause: str = "") -> None:
        if entry := self._entries.get(folder):
            self._entries[folder] = entry._replace(state=state, cause=cause)

    def _ended(self, folder: Path, code: int) -> None:
        state, store = self._entries[folder].state, Store(folder)
        if state is State.PAUSED:  # what it had judged was recorded
            self._set(folder, state, said(folder))
        elif state is State.RUNNING and code == 0:
            self._set(folder, State.DONE if store.finished else State.PAUSED, said(folder))
        elif state is State.RUNNING:
            self._set(folder, State.FAILED, said(folder) or f"{store.job.title}: {why(code)}")

    def _got_on(self, folder: Path, since: float) -> bool:
        store = Store(folder)
        return not store.finished and any(part.stat().st_mtime > since for part in store.parts)

    def _patience(self) -> float:
        return settings.BATCH_SECONDS

    def _make_room(self, visitor: str) -> None:
        done = [store for store in stores(visitor) if not self.standing(store).state.busy]
        for store in done[KEPT - 1 :]:
            self.delete(store)


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
    return _count([Place(upload.name, InMemory(bytes(upload.data)), len(upload.data)) for upload in uploads])


def _count(places: Sequence[Place]) -> int:
    """About how many digits there are; a file a digit, where looking into them takes too long."""
    with suppress(InkError):
        if not all(map(sources.is_named_picture, places)):
            return apart.call("the files", sources.count, places, seconds=apart.FILE_SECONDS)
    return len(places)
