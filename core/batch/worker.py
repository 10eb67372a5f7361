"""The process that judges one batch: ``python -m core.batch.worker FOLDER``, started and ended by ``queue``.

It is a process of its own because Python lets one thread run at a time: judging in a thread of the server would make
every stroke wait for it, and be starved by every page. It may be killed at any moment: every part is on disk. When
its standard input closes, the server is gone, and so are this process and its readers.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import HistoryError, OddDigitError
from core.files.atomic import write_whole
from core.jobs.process import GAVE_UP, ending, give_way, say

if TYPE_CHECKING:
    from core.batch.run import Progress
    from core.batch.store import Store
    from core.detector import Detector

PROGRESS, STOPPED = "progress.json", "stopped"


def main(folder: Path) -> int:
    """Judge the batch in a folder; returns the exit code, 0 when it is judged to its end."""
    return ending(partial(_work, folder), folder, "judging")


def _work(folder: Path) -> None:
    # What reads must not wait for torch, and the processes that read import this module again.
    from core.batch.store import Store
    from core.detector import Detector, registry
    from core.ink import apart

    store = Store(folder)
    if stopped(folder):
        keep_verdicts(store)
        return
    model = registry.find(store.job.point.model, store.job.visitor)
    judge(store, Detector.load(model.path), workers=apart.cores())


def judge(store: "Store", detector: "Detector", workers: int = 0, stop: Callable[[], bool] = lambda: False) -> None:
    """Judge what is left of a batch of uploads, say how far it is, and keep its verdicts when that is wanted."""
    from core.batch import second_opinions
    from core.batch.run import run
    from core.readers.sources import uploaded

    # One that was ended between its last part and its end has no files any more, and needs none.
    steps = () if store.finished else run(store, uploaded(store.input, store.job.names), detector, stop, workers)
    for progress in steps:
        text = json.dumps(asdict(progress))
        write_whole(store.folder / PROGRESS, lambda part, text=text: part.write_text(text))  # type: ignore[misc]
    if store.finished:
        try:
            second_opinions.add(store)
        except OddDigitError as error:
            store.note(f"No second opinions: {error}")
        keep_verdicts(store)


def keep_verdicts(store: "Store") -> None:
    """Record what is judged of a batch in the history, when that is wanted; what is there already stays one row."""
    from core.batch.export import keep
    from core.batch.findings import Review, Rule

    if not enters_history(store):
        return
    try:
        keep(Review(store, Rule(store.job.point, store.job.rate)))
    except HistoryError as error:
        say(store.folder, f"Not kept in the history: {error}")


def enters_history(store: "Store") -> bool:
    """Whether what is judged of a batch has its place in the history: a rate decides over whole batches only."""
    return bool(store.job.keep and store.parts and (store.finished or store.job.rate is None))


def stopped(folder: Path) -> bool:
    """Whether a batch was stopped, and nobody has let it go on."""
    return (folder / STOPPED).exists()


def progress_of(folder: Path) -> "Progress | None":
    """How far a batch is that is judged by a process; None before its first part."""
    from core.batch.run import Progress

    try:
        return Progress(**json.loads((folder / PROGRESS).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _end_with_the_server() -> None:
    while os.read(sys.stdin.fileno(), 64):
        pass
    # This process began a session, so its readers are in its group and end with it.
    os.killpg(os.getpid(), signal.SIGKILL) if hasattr(os, "killpg") else os._exit(GAVE_UP)


if __name__ == "__main__":
    give_way(as_session=False)  # strokes come first, but a batch must not starve
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    code = main(Path(sys.argv[1]))
    # Everything is on disk, and threads of libraries that wait for each other must not keep the server waiting.
    sys.stderr.flush()
    os._exit(code)
