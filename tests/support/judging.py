"""Judging of batches in the test's own process, at once or in a thread: quicker, and of detectors on no shelf."""

import threading
from collections.abc import Callable
from pathlib import Path

from core.batch import run, worker
from core.batch.findings import Review, Rule
from core.batch.store import Job, Store
from core.detector import Detector
from core.jobs.process import ending
from core.operating_point import OperatingPoint
from core.readers import sources
from core.readers.items import AS_FOUND, Manner


class Thread:
    """Judges a batch as the process does, and ends at a word as the process does when it is killed."""

    def __init__(self, store: Store, detector: Detector) -> None:
        self._store, self._detector = store, detector
        self._killed = threading.Event()
        self._code: int | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        code = ending(self._judge, self._store.folder, "judging")
        self._code = -9 if self._killed.is_set() else code

    def _judge(self) -> None:
        if worker.stopped(self._store.folder):
            worker.keep_verdicts(self._store)
        else:
            worker.judge(self._store, self._detector, stop=self._killed.is_set)

    def say(self, word: str) -> None:
        """Orders are not heard."""

    def exit_code(self) -> int | None:
        """None while it works, then what the process would have ended with."""
        return self._code

    def kill(self) -> None:
        """End it and wait until it is gone."""
        self._killed.set()
        self._thread.join()


def by(detector: Detector) -> Callable[[Path], Thread]:
    """What a queue starts instead of processes: threads that judge by one detector."""
    return lambda folder: Thread(Store(folder), detector)


def by_name(folder: Path) -> Thread:
    """A thread that judges by the detector that the batch names."""
    store = Store(folder)
    return Thread(store, Detector.load(store.job.point.model))


def judged_batch(
    folder: Path, detector: Detector, point: OperatingPoint, *paths: Path, manner: Manner = AS_FOUND
) -> Review:
    """A batch of a visitor, "ann", judged to its end in a folder of its own."""
    store = run.begin(folder, Job("a pile", point, manner=manner, visitor="ann"), detector)
    for _ in run.run(store, sources.places(paths), detector):
        pass
    return Review(store, Rule(point))
