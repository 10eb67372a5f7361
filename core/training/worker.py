"""The process that trains one job: ``python -m core.training.worker FOLDER``, started and told what to do by ``queue``.

It is a process of its own because Python lets one thread run at a time: training in a thread of the server makes every
stroke wait for it. Orders come as words on standard input; when that closes, the server is gone and so is this
process, at once: every finished epoch is on disk. What it has to say it writes into the job's folder.
"""

import os
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from core import datasets
from core.jobs.process import ending, give_way
from core.training import run
from core.training.job import Report, frames_folder, read_job, read_report, write_report
from core.training.snapshots import Watcher

FINISH = "finish"
ORPHANED = 3


class Orders:
    """What the server wants, as heard in words, one a line.

    Args:
        handle: file descriptor they come from; its end ends the process.
        finishing: whether to make a detector of what is learnt as soon as there is something.
    """

    def __init__(self, handle: int, finishing: bool = False) -> None:
        self._finishing = finishing
        threading.Thread(target=self._listen, args=(handle,), daemon=True).start()

    def enough(self) -> bool:
        """Whether training should end with what has been learnt."""
        return self._finishing

    def _listen(self, handle: int) -> None:
        # Read without Python's buffered files: one that is being waited for would break the exit of the process.
        heard = b""
        while piece := os.read(handle, 64):
            *words, heard = (heard + piece).split(b"\n")
            self._finishing = self._finishing or FINISH.encode() in words
        os._exit(ORPHANED)


class Clock:
    """Seconds of work and what is left of them.

    Args:
        spent: seconds that earlier sessions worked.
        after: what is to be done after training, as a share of training.
    """

    def __init__(self, spent: float, after: float = 0.0) -> None:
        self._spent = spent
        self._after = after
        self._whole: float | None = None
        self._started = time.monotonic()
        self._first: tuple[float, float] | None = None

    @property
    def seconds(self) -> float:
        """Seconds of work, earlier sessions included."""
        return self._spent + time.monotonic() - self._started

    def left(self, fraction: float) -> float | None:
        """Seconds that the rest takes at this session's pace, or None while there is none to judge by.

        Args:
            fraction: of training, 0..1.
        """
        now = self.seconds
        if self._first is None:
            self._first = (now, fraction)
        since, done = now - self._first[0], fraction - self._first[1]
        if fraction < 1 and done > 0 and since > 1:
            self._whole = since / done
        return None if self._whole is None else self._whole * (1 - fraction + self._after)


def main(folder: Path, orders: Orders) -> int:
    """Train the job in a folder; returns the exit code, 0 when its detector is on the shelf."""
    return ending(partial(_train, folder, orders), folder, "training")


def _train(folder: Path, orders: Orders) -> None:
    job, before = read_job(folder), read_report(folder)
    clock = Clock(before.seconds, job.after)
    _fetch(folder, before, job.spec.dataset)
    watcher = Watcher(frames_folder(folder))
    for progress in run.run(job.spec, resume=True, watch=watcher, enough=orders.enough):
        report = Report(
            stage=progress.stage,
            epoch=progress.epoch,
            epochs=progress.epochs,
            fraction=progress.fraction,
            seconds=clock.seconds,
            seconds_left=clock.left(progress.fraction),
            losses=progress.losses,
            written=time.time(),
        )
        write_report(folder, report)


def _fetch(folder: Path, before: Report, dataset: str) -> None:
    """Fetch a data set that is not on this machine yet, and say how far that is."""
    if datasets.available(dataset):
        return
    said = 0.0

    def say(_: float, line: str) -> None:
        nonlocal said
        if time.monotonic() - said > 0.5:
            said = time.monotonic()
            write_report(folder, replace(before, stage=line, written=time.time()))

    datasets.load(dataset, "all", progress=say)


if __name__ == "__main__":
    give_way(as_session=True)
    place = Path(sys.argv[1])
    sys.exit(main(place, Orders(sys.stdin.fileno(), read_job(place).finishing)))
