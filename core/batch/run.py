"""A batch from its first item to its last: streamed, resumed where it was, stopped at a word, never by a bad file."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.batch.notes import of_rows
from core.batch.orientation import LOOK, Image, say_better
from core.batch.score import judge
from core.batch.store import Job, Store, trash
from core.errors import BatchError
from core.readers import pool, sources
from core.readers.items import Manner, Place

if TYPE_CHECKING:
    from core.detector import Detector
from core.readers.rows import Row

TOGETHER = 256  # rows judged and written at a time
PATIENCE, LEAST = 2.0, 64  # seconds after which fewer are, but not so few that judging each takes long
FEW = 32  # items for which another process that reads is not worth its start
LONGEST_WAIT = 10.0  # seconds after which any number is


@dataclass(frozen=True)
class Progress:
    """How far a batch is.

    Attributes:
        items: items finished.
        total: items there are, about; never below ``items``.
        rows: rows judged or refused so far.
        refused: how many of this run's rows were refused.
        seconds: since this run began.
        seconds_left: guess from this run's own pace; None while there is none.
    """

    items: int
    total: int
    rows: int
    refused: int
    seconds: float
    seconds_left: float | None

    @property
    def fraction(self) -> float:
        """Share done, 0 .. 1."""
        return self.items / self.total if self.total else 1.0


def begin(folder: Path, asked: Job, detector: "Detector") -> Store:
    """A new batch in a folder, nothing of it judged yet; what the detector is and when it began is added to the job.

    Raises:
        WriteError: the folder cannot be written.
    """
    normal, model_hash = detector.card_.normal, detector.fingerprint
    job = replace(asked, normal=normal, model_hash=model_hash, created=time.time())
    return Store.create(folder, job, detector.calibrations_[asked.point.evidence])


def resume(folder: Path, asked: Job, detector: "Detector") -> Store:
    """The batch in a folder, to be gone on with; a new one where there is none, or none that is whole."""
    if folder.exists():
        try:
            store = Store(folder)
            store.check()
            return store
        except BatchError:
            trash(folder)
    return begin(folder, asked, detector)


def run(
    store: Store,
    batch: Sequence[Place],
    detector: "Detector",
    stop: Callable[[], bool] = lambda: False,
    workers: int = 0,
) -> Iterator[Progress]:
    """Judge what is left of a batch and write it into the store.

    Memory holds a few hundred digits at a time, whatever the size of the batch.

    Args:
        store: where rows go; what it holds already is not judged again.
        batch: the same places as when the batch was begun.
        detector: the same detector, too.
        stop: asked between items; True ends the run, to be gone on with later.
        workers: processes that read; 0 reads in this one.

    Yields:
        progress after every part written, the last of them when the batch is finished.

    Raises:
        BatchError: another process works on the batch, or rows cannot be written.
    """
    if detector.fingerprint != store.job.model_hash:
        raise BatchError(f"{store.job.point.model} has changed since this batch was begun: begin it anew.")
    with store.alone():
        store.check()
        first, written = store.done
        items, refused = first, 0
        rows: list[Row] = []
        looked_at: list[Image] = []
        began = last_write = time.monotonic()

        def write(items: int, last: bool = False) -> Progress:
            nonlocal rows, written, refused, last_write
            if rows:
                store.append(judge(rows, detector, store.job.point.evidence, store.job.manner.full), items, written)
            for counted in of_rows(rows):
                store.note(counted)
            refused += sum(bool(row.error) for row in rows)
            looked_at.extend([row.image for row in rows if row.image is not None][: LOOK - len(looked_at)])
            written, rows = written + len(rows), []
            last_write = time.monotonic()
            seconds = last_write - began
            total = items if last else max(store.job.total, items)
            left = (total - items) * seconds / (items - first) if items > first else None
            return Progress(items, total, written, refused, seconds, left)

        workers = min(workers, 1 + store.job.total // FEW)
        with closing(pool.read(batch, first, store.job.manner, workers)) as readings:
            for position, of_item, note in readings:
                if stop():
                    break
                rows += of_item
                if note:
                    store.note(note)
                items = position + 1
                waited = time.monotonic() - last_write
                if len(rows) >= TOGETHER or (waited > PATIENCE and len(rows) >= LEAST) or waited > LONGEST_WAIT:
                    yield write(items)
            else:
                yield write(items, last=True)
                if said := say_better(looked_at, detector):
                    store.note(said)
                store.finish()
                return
        if rows:
            yield write(items)


def key(batch: Sequence[Place], model_hash: str, evidence: str, manner: Manner) -> str:
    """A name that is the same for the same unchanged files, model and way of reading."""
    digest = hashlib.sha256(repr((model_hash, evidence, manner)).encode())
    for place, labels in sources.paired(batch):
        for one in (place, labels):
            digest.update(repr(None if one is None else (one.name, one.size, one.stamp)).encode())
    return digest.hexdigest()[:24]
