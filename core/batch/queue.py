"""Batches that belong to the server: handed in by a page, judged one after the other, there whoever looks."""

import functools
import queue
import shutil
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core import settings
from core.batch import export, sources
from core.batch.findings import Review, Rule
from core.batch.items import InMemory, Place, place_of
from core.batch.run import Progress, begin, run
from core.batch.store import Store, batches_dir, stores, sweep
from core.detector import Detector
from core.errors import BatchError, HistoryError, OddDigitError
from core.files.atomic import writing
from core.files.leftovers import is_leftover
from core.history import clean_text

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
    """Takes batches in and judges them in one thread of the server's."""

    def __init__(self) -> None:
        sweep()
        self._waiting: queue.Queue[tuple[Store, Detector]] = queue.Queue()
        self._states: dict[Path, State] = {}
        self._stops: dict[Path, threading.Event] = {}
        threading.Thread(target=self._work, name="batches", daemon=True).start()

    def submit(
        self, uploads: Sequence[Upload], detector: Detector, rule: Rule, whole: bool, keep: bool, visitor: str
    ) -> Store:
        """Take files in and begin to judge them; they lie on disk until that is done, and no longer.

        Args:
            uploads: the files, in order.
            detector: what judges.
            rule: what decides, at first.
            whole: take every picture as one digit.
            keep: record verdicts in the history.
            visitor: whose batch it is.

        Raises:
            BatchError: no files, no room for them, or the visitor has as many batches at work as they may.
        """
        if not uploads:
            raise BatchError("there are no files: choose some first.")
        busy = sum(self.state(store).busy for store in stores(visitor))
        if busy >= settings.BATCHES:
            raise BatchError(
                f"{busy} of your batches are not judged yet, and no more are taken: wait for one or stop one."
            )
        wanted = [upload for upload in uploads if not is_leftover(_parts(upload.name))]
        left_out, uploads = len(uploads) - len(wanted), wanted
        if not uploads:
            raise BatchError("there are only files of the system's, nothing to judge: choose pictures.")
        self._make_room(visitor)
        folder = batches_dir() / uuid.uuid4().hex
        names = names_of(uploads)
        title = names[0] if len(names) == 1 else f"{len(names):,} files"
        try:
            with writing(folder):
                (folder / "input").mkdir(parents=True)
                for i, upload in enumerate(uploads):
                    (folder / "input" / f"{i:06d}").write_bytes(upload.data)
            total = sources.count(_places(folder / "input", names))
            store = begin(folder, title, detector, rule, whole, total, keep=keep, visitor=visitor, names=names)
        except OddDigitError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if left_out:
            store.note(f"{left_out:,} of the system's files were left out.")
        self._enqueue(store, detector)
        return store

    def go_on(self, store: Store, detector: Detector) -> None:
        """Judge what is left of a batch that was stopped or interrupted.

        Raises:
            BatchError: its files are gone.
        """
        if not store.input.is_dir():
            raise BatchError(f"{store.job.title}: its files are gone; hand them in again.")
        if not self.state(store).busy:
            self._enqueue(store, detector)

    def stop(self, store: Store) -> None:
        """End the work on a batch after the digit at hand; what is judged stays."""
        if event := self._stops.get(store.folder):
            event.set()

    def delete(self, store: Store) -> None:
        """Stop and remove a batch."""
        self.stop(store)
        store.delete()
        self._states.pop(store.folder, None)

    def state(self, store: Store) -> State:
        """How a batch stands, also one that an earlier server began."""
        return self._states.get(store.folder) or State("finished" if store.finished else "stopped")

    def _enqueue(self, store: Store, detector: Detector) -> None:
        self._states[store.folder] = State("waiting")
        self._stops[store.folder] = threading.Event()
        self._waiting.put((store, detector))

    def _work(self) -> None:
        while True:
            store, detector = self._waiting.get()
            try:
                self._judge(store, detector)
            except OddDigitError as error:
                self._end(store, "failed", str(error))
            # A worker that dies would leave every later batch waiting for ever.
            except Exception as error:
                self._end(store, "failed", f"{store.job.title}: {type(error).__name__}: {error}")

    def _judge(self, store: Store, detector: Detector) -> None:
        stop = self._stops[store.folder]
        self._states[store.folder] = State("running")
        for progress in run(store, _places(store.input, store.job.names), detector, stop.is_set):
            self._states[store.folder] = State("running", progress)
        message = ""
        if store.job.keep and store.parts:
            try:
                export.keep(Review(store, Rule(store.job.point, store.job.rate)))
            except HistoryError as error:
                message = f"Not kept in the history: {error}"
        self._end(store, "finished" if store.finished else "stopped", message)

    def _end(self, store: Store, stage: str, message: str) -> None:
        if store.folder in self._states:
            self._states[store.folder] = replace(self._states[store.folder], stage=stage, message=message)

    def _make_room(self, visitor: str) -> None:
        done = [store for store in stores(visitor) if not self.state(store).busy]
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
    return sources.count([Place(upload.name, InMemory(upload.data), len(upload.data)) for upload in uploads])


def _parts(name: str) -> list[str]:
    return name.replace("\\", "/").split("/")


def _places(folder: Path, names: Sequence[str]) -> list[Place]:
    return [place_of(folder / f"{i:06d}", name, sources.label_of(_parts(name))) for i, name in enumerate(names)]
