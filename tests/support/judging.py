"""Judging of batches in a thread of the test instead of a process: quicker, and of detectors that lie on no shelf."""

import threading
from collections.abc import Callable
from pathlib import Path

from core.batch import worker
from core.batch.store import Store
from core.detector import Detector
from core.jobs.process import ending


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
