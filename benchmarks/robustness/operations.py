"""Write operations: everything that the app keeps on disk, as steps that can be begun again wherever they were ended.

Each operation is prepared in a state folder of its own, goes on from whatever it finds there, and what it comes to can
be told in words that are equal where it is the same. ``system_calls`` ends them in different ways.
"""

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from core import datasets, paths, quota, settings, upkeep
from core.batch import corrections, export, run
from core.batch import store as batches
from core.batch.findings import Review, Rule
from core.batch.queue import BatchQueue, Upload
from core.datasets import uploads
from core.detector import Detector, estimator, file, registry
from core.files import tensors
from core.files.atomic import write_whole
from core.files.folder import folders
from core.history import Filter, History, Verdict
from core.operating_point import EVIDENCES, OperatingPoint
from core.readers import sources
from core.training import run as training
from core.training.job import all_jobs
from core.training.queue import Jobs

DIGIT, MODEL, TRAINED = "5", "judge", "trained"
RULE = Rule(OperatingPoint(MODEL))
GONE = "gone"  # an id of a visitor whose every thing is forgotten
IDLE = SimpleNamespace(exit_code=lambda: None, kill=lambda: None)  # a worker that does nothing and never ends by itself


@dataclass(frozen=True)
class Size:
    """How much work an operation is: seconds for a kill at a random moment, little for one at every system call."""

    rows: int = 300  # of a batch and of a history
    images: int = 140  # of the digit that is trained
    steps: int = 12  # of an epoch
    together: int = run.TOGETHER  # rows in a part


SIZE = Size()


@dataclass(frozen=True)
class Operation:
    """Something that is written."""

    # Does it, or what is left of it; between two steps what ``shown`` tells is whole and may stay.
    steps: Callable[[], Iterator[None]]
    prepare: Callable[[], None] = lambda: None  # makes a state folder in which it can begin
    any_between: bool = False  # whether more than the states between its steps may be left: it goes through many things
    side_by_side: bool = (
        False  # whether two successive states may stand beside each other, as a model by both its names
    )

    def work(self) -> None:
        """Do it, or what is left of it, to its end."""
        list(self.steps())


def own_file(visitor: str = "") -> Path:
    """Where the model lies that judges."""
    return registry.own_folder(visitor) / f"{MODEL}.safetensors"


def own_models() -> list[str]:
    """Names of the models that did not come with the project."""
    return [model.name for model in registry.models("") if not model.shipped]


def spec() -> training.RunSpec:
    """What is trained: a digit, from a set of one's own."""
    return training.RunSpec(TRAINED, (DIGIT,), f"npz:{paths.state_dir() / 'set.npz'}", "dense", epochs=2)


def train() -> Iterator[None]:
    """Train a digit, or go on with that."""
    kept = training.folder(spec())
    if TRAINED not in own_models() or kept.exists():
        yield from (None for _ in training.run(spec(), resume=(kept / "spec.json").exists()))


def judge() -> Iterator[None]:
    """Judge a batch, write its table as the command does, and set a label right."""
    detector = Detector.load(own_file())
    store = run.resume(batches.batches_dir() / "batch", batches.Job("a pile", RULE.point), detector)
    yield
    if not store.finished:
        yield from (None for _ in run.run(store, sources.places([paths.state_dir() / "pile.npy"]), detector))
    export.write(Review(store, Rule(store.job.point, store.job.rate)), paths.state_dir() / "found.csv")
    yield
    corrections.correct(store, {0: "7"})
    yield
    store.note("A label was set right.")


def hand_in() -> Iterator[None]:
    """Hand a batch in, as the page does; who sees it there already does not do so again."""
    if not batches.stores("local"):
        pile = Upload("pile.npy", (paths.state_dir() / "pile.npy").read_bytes())
        BatchQueue(launch=lambda _: IDLE).submit([pile], Detector.load(own_file()), RULE, "local", keep=False)
    yield


def bring() -> Iterator[None]:
    """Import a model and give it another name, unless that is done."""
    if not {"imported", "renamed"} & {*own_models()}:
        registry.import_model(own_file().read_bytes(), "", "imported")
    yield
    if "imported" in own_models():  # perhaps beside what it was about to be called
        registry.rename("imported", "renamed", "")
    yield


def delete() -> Iterator[None]:
    """Delete a finished batch, and the model."""
    if (batches.batches_dir() / "batch" / "job.json").exists():
        batches.Store(batches.batches_dir() / "batch").delete()
    yield
    if "renamed" in own_models():
        registry.delete("renamed", "")
    yield


def calibrate() -> Iterator[None]:
    """Calibrate the model on other digits, unless that is done."""
    if "calibrated" not in own_models():
        detector = Detector.load(own_file())
        images = datasets.load("digits", "test").of(DIGIT)[: SIZE.images]
        registry.add(detector.calibrated(images, None, "calibrated", "other writers").state_, "calibrated", "")
    yield


def decode() -> Iterator[None]:
    """Load the model, whose memory bank is decoded and cached."""
    assert Detector.load(own_file()).fingerprint
    yield


def record() -> Iterator[None]:
    """Record verdicts, each its own row; judge one of them, delete some and bring them back."""
    history = History()
    history.record_all(verdict(i) for i in range(SIZE.rows))
    yield
    last = history.browse(limit=1)[0].id or 0
    history.mark(last, "wrong", "7")
    yield
    history.delete(Filter(ids=(last,)))
    yield
    history.undo_delete()
    yield
    history.forget()  # nothing, on one person's machine


def queue_training() -> Iterator[None]:
    """Put a training into the queue, have it run, hold it, let it go on to its end, and delete what is left of it."""
    jobs = Jobs(launch=lambda _: IDLE, tick_seconds=0)
    try:
        if not all_jobs() and TRAINED not in own_models():
            if training.folder(spec()).exists():  # begun, and ended before it was a job
                training.discard(spec())
            jobs.submit(spec())
        yield
        for job in all_jobs():
            if job.state in ("interrupted", "paused"):
                jobs.resume(job.id, "")
            yield
            jobs.tick()
            yield
            if TRAINED not in own_models():
                made = own_file().with_stem(TRAINED)
                write_whole(made, lambda part: part.write_bytes(_model()))
            yield
            jobs.delete(job.id, "")
        yield
    finally:
        jobs.close()


def upload() -> Iterator[None]:
    """Keep a person's picture to train on."""
    uploads.keep([("fives/five.png", (paths.ASSETS / "five.png").read_bytes())], DIGIT, "")
    yield


def forget() -> Iterator[None]:
    """Forget everything of a visitor."""
    os.environ[settings.SHARED] = "1"
    upkeep.forget(GONE)
    yield


def verdict(number: int, visitor: str = "") -> Verdict:
    """A verdict on an image of its own."""
    half = dict.fromkeys(EVIDENCES, 0.5)
    decided: dict[str, Any] = {"model": MODEL, "evidence": "fused", "alpha": 0.05, "threshold": 1.0}
    decided |= {"scores": half, "p_values": half, "p_value": 0.5, "class_id": 0}
    image = np.full((28, 28), number / 300, np.float32)
    return Verdict(source=f"upload: {number}", source_kind="upload", image=image, visitor=visitor, **decided)


def _with_model(visitor: str = "") -> None:
    own_file(visitor).parent.mkdir(parents=True)
    own_file(visitor).write_bytes(_model())


def _with_set() -> None:
    digits = datasets.load("digits", "train")
    chosen = np.r_[np.flatnonzero(digits.labels == int(DIGIT))[: SIZE.images], : SIZE.images // 2]
    np.savez(paths.state_dir() / "set.npz", images=digits.images[chosen], labels=digits.labels[chosen])


def _with_pile() -> None:
    _with_model()
    images = np.resize(datasets.load("digits", "test").images, (SIZE.rows, 28, 28))
    np.save(paths.state_dir() / "pile.npy", np.rint(images * 255).astype(np.uint8))


def _with_batch() -> None:
    _with_pile()
    list(chain(judge(), bring()))


def _with_visitor() -> None:
    os.environ[settings.SHARED] = "1"
    quota.seen(GONE, "cookie")
    _with_model(GONE)
    History(visitor=GONE).record_all(verdict(i, GONE) for i in range(3))
    asked = batches.Job("a pile", RULE.point, visitor=GONE)
    run.begin(batches.batches_dir() / "batch", asked, Detector.load(own_file(GONE)))


OPERATIONS = {
    "training": Operation(train, _with_set),
    "batch": Operation(judge, _with_pile),
    "handing in": Operation(hand_in, _with_pile),
    "import": Operation(bring, _with_model, side_by_side=True),
    "deletion": Operation(delete, _with_batch),
    "calibration": Operation(calibrate, _with_model),
    "cache": Operation(decode, _with_model),
    "history": Operation(record),
    "queue": Operation(queue_training, _with_model),
    "upload": Operation(upload),
    "visitor": Operation(forget, _with_visitor, any_between=True),
}


def shown() -> str:
    """Everything that is kept, as its readers see it; raises where something is damaged."""
    lines = []
    for folder in (registry.own_folder(""), paths.visitors_dir() / GONE / "models"):
        for path in sorted(folder.glob("*.safetensors")):
            _, content = tensors.read(path, checked=True)
            learnt = content[8 + int.from_bytes(content[:8], "little") :]
            lines.append(f"model {path.stem} {hashlib.sha256(learnt).hexdigest()[:12]}")
    jobs = {job.spec.name: job.state for job in all_jobs()}
    runs = {kept.parent.name for kept in registry.runs_folder("").glob("[!.]*/spec.json")}
    lines += [f"job {name} {state}" for name, state in jobs.items()]
    lines += [f"run {name}" for name in runs - {*jobs, *own_models()}]
    for folder in folders(batches.batches_dir()):
        store = batches.Store(folder)
        store.check()
        rows = hashlib.sha256(b"".join(path.name.encode() for path in store.parts)).hexdigest()[:12]
        lines.append(f"batch {store.done} {rows} {corrections.read(store)} {sorted(store.notes)}")
    for path in uploads.folder("").glob("*.npz"):
        lines.append(f"upload {path.name} {len(datasets.load(f'npz:{path}', 'all').images)}")
    if (table := paths.state_dir() / "found.csv").exists():
        text = table.read_text().replace(str(paths.state_dir()), "")
        lines.append(f"table {hashlib.sha256(text.encode()).hexdigest()[:12]}")
    if History().path.exists():
        with sqlite3.connect(History().path) as history:
            sound = history.execute("PRAGMA integrity_check").fetchone()[0]
            tables = history.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            query = "SELECT source, mark, true_label FROM verdicts WHERE deletion IS NULL"
            kept = sorted(map(str, history.execute(query if tables else "SELECT 1 WHERE 0")))
            lines += [f"history {sound} {len(kept)} {kept}"] * (sound != "ok" or bool(kept))
    return "\n".join(lines)


def left_over() -> str:
    """What is in the state folder after a sweep and belongs to nothing."""
    upkeep.UNUSED_SECONDS = -1
    upkeep.sweep()
    state = paths.state_dir()
    tasks = [path for kind in ("jobs", "batches") for path in state.glob(f"{kind}/*/")]
    rubbish = [path for sign in ("**/.*.part", "import-*", "**/.deleted-*", "runs/*") for path in state.glob(sign)]
    rubbish += [folder for folder in tasks if not (folder / "job.json").exists()]
    return "\n".join(str(path.relative_to(state)) for path in rubbish)


@cache
def _model() -> bytes:
    """The file of a small detector: what matters here is that it is one."""
    images, labels, _ = training.normal_images(datasets.load("digits", "train"), (DIGIT,))
    fitted = Detector("dense", epochs=1).fit(images[: SIZE.images], labels[: SIZE.images])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{MODEL}.safetensors"
        training.finish(fitted, MODEL, "digits", [datasets.load("digits", "test")]).save(path)
        return path.read_bytes()


def be_small(size: Size) -> None:
    """Take operations of a size from now on, and make once, here, what all of them need."""
    global SIZE
    SIZE = size
    # What is done in a thread of its own could not be told from what others do.
    file.ThreadPoolExecutor = lambda _: nullcontext(SimpleNamespace(map=map))  # type: ignore[misc, assignment]
    run.TOGETHER, run.PATIENCE, run.LONGEST_WAIT = size.together, float("inf"), float("inf")
    estimator.TrainingSettings = partial(estimator.TrainingSettings, steps=size.steps)  # type: ignore[misc, assignment]
    _model()
