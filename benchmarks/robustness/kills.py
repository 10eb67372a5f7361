"""Sudden death: work killed by SIGKILL at a random moment, done again, and compared with what was never disturbed.

    python -m benchmarks.robustness.kills [--kills 200] [--seed 0] [--only training] [--write]

Kinds of work in turn: a training, a batch, an import, a deletion, a calibration, a record in the history. Each is begun
in a process of its own, killed after a random share of the time that it takes, and begun again on what is left, until
it is done. Tensors and tables must be the undisturbed ones to the bit, no row of the history lost or double, its file
whole, and nothing left over once the state folder has been swept. Prints a Markdown table, with `--write` into
benchmarks/results.md; ends with 1 where there is a fault. Linux and macOS: processes are forked.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np

from benchmarks.results import Report, table
from core import datasets, paths, settings, upkeep
from core.batch import export, sources
from core.batch.findings import Review, Rule
from core.batch.run import resume, run
from core.batch.store import Store, batches_dir, sweep
from core.detector import Detector, estimator, registry
from core.history import History, Verdict
from core.operating_point import EVIDENCES, OperatingPoint
from core.training import run as training

DIGIT, MODEL = "5", "judge"
ROWS = 300  # of a batch and of a history
STEPS = 12  # an epoch, so that a training takes a second
AT_MOST = 1.1  # a kill comes after up to this share of the undisturbed time


@dataclass
class Tally:
    """What became of one kind of work.

    Attributes:
        kills: how often it was killed.
        midway: how many of them came before it was done.
        faults: what was not as if nothing had happened, in words.
    """

    kills: int = 0
    midway: int = 0
    faults: list[str] = field(default_factory=list)


def train() -> None:
    """Train a digit, or go on with that."""
    spec = training.RunSpec("trained", (DIGIT,), "digits", "dense", epochs=3)
    if not any(model.name == spec.name for model in registry.models("")) or training.folder(spec).exists():
        for _ in training.run(spec, resume=(training.folder(spec) / "spec.json").exists()):
            pass


def judge() -> None:
    """Judge a batch and write its table, as the command does."""
    detector = Detector.load(registry.own_folder("") / f"{MODEL}.safetensors")
    store = resume(batches_dir() / "batch", "a pile", detector, Rule(OperatingPoint(MODEL)))
    if not store.finished:
        for _ in run(store, sources.places([paths.state_dir() / "pile.npy"]), detector):
            pass
    export.write(Review(store, store_rule(store)), paths.state_dir() / "found.csv")


def store_rule(store: Store) -> Rule:
    """The rule that a batch was begun with."""
    return Rule(store.job.point, store.job.rate)


def bring() -> None:
    """Import a model, unless it is there."""
    if not any(model.name == "imported" for model in registry.models("")):
        registry.import_model((registry.own_folder("") / f"{MODEL}.safetensors").read_bytes(), "", "imported")


def delete() -> None:
    """Delete a finished batch, and the model."""
    if (batches_dir() / "batch").exists():
        Store(batches_dir() / "batch").delete()
    if any(model.name == "imported" for model in registry.models("")):
        registry.delete("imported", "")


def calibrate() -> None:
    """Calibrate the model on other digits, unless that is done."""
    if not any(model.name == "calibrated" for model in registry.models("")):
        detector = Detector.load(registry.own_folder("") / f"{MODEL}.safetensors")
        images = datasets.load("digits", "test").of(DIGIT)
        registry.add(detector.calibrated(images, None, "calibrated", "other writers").state_, "calibrated", "")


def record() -> None:
    """Record verdicts, each its own row."""
    History().record_all(verdict(i) for i in range(ROWS))


def verdict(number: int) -> Verdict:
    """A verdict on an image of its own."""
    half = dict.fromkeys(EVIDENCES, 0.5)
    return Verdict(
        source=f"upload: {number}",
        source_kind="upload",
        model=MODEL,
        evidence="fused",
        alpha=0.05,
        threshold=1.0,
        scores=half,
        p_values=half,
        p_value=0.5,
        class_id=0,
        image=np.full((28, 28), number / ROWS, np.float32),
    )


def prepare(kind: str) -> None:
    """A state folder in which the work can begin: a model, a pile, a finished batch."""
    if kind in ("batch", "import", "deletion", "calibration"):
        path = registry.own_folder("") / f"{MODEL}.safetensors"
        path.parent.mkdir(parents=True)
        path.write_bytes(_model())
    if kind in ("batch", "deletion"):
        images = np.resize(datasets.load("digits", "test").images, (ROWS, 28, 28))
        np.save(paths.state_dir() / "pile.npy", np.rint(images * 255).astype(np.uint8))
    if kind == "deletion":
        judge()
        bring()


def result(kind: str) -> str:
    """What the work came to, as text that is equal where it is the same."""
    if kind == "deletion":
        return ", ".join(sorted(model.name for model in registry.models("") if not model.shipped))
    if kind == "batch":
        rows = (paths.state_dir() / "found.csv").read_text().replace(str(paths.state_dir()), "")
        return hashlib.sha256(rows.encode()).hexdigest()
    if kind == "history":
        with sqlite3.connect(History().path) as file:
            sound = file.execute("PRAGMA integrity_check").fetchone()[0]
        return f"{sound}, {[str(one.source) for one in History().each() if isinstance(one, Verdict)]}"
    name = {"training": "trained", "import": "imported", "calibration": "calibrated"}[kind]
    return str(Detector.load(registry.own_folder("") / f"{name}.safetensors").fingerprint)


def left_over() -> list[str]:
    """What is in the state folder after a sweep and belongs to nothing."""
    upkeep.UNUSED_SECONDS = -1
    upkeep.sweep()
    sweep()
    state = paths.state_dir()
    signs = ("**/.*.part", "import-*", "**/.deleted-*", "runs/*")
    return [str(path.relative_to(state)) for sign in signs for path in state.glob(sign)]


WORK: dict[str, Callable[[], None]] = {
    "training": train,
    "batch": judge,
    "import": bring,
    "deletion": delete,
    "calibration": calibrate,
    "history": record,
}


def kill_often(kind: str, kills: int, seed: int) -> Tally:
    """Kill one kind of work so often, each time in a state folder made anew, and compare what it comes to."""
    chance, tally = random.Random(f"{kind}-{seed}"), Tally()
    with _state(), tempfile.TemporaryDirectory() as folder:
        _forked(partial(prepare, kind))
        prepared = shutil.copytree(paths.state_dir(), Path(folder) / "prepared")
        _forked(WORK[kind])
        expected = _forked(partial(result, kind))
        seconds = min(_duration(kind, prepared) for _ in range(3))
        for number in range(kills):
            _begin_with(prepared)
            tally.midway += _killed(WORK[kind], chance.uniform(0, AT_MOST * seconds))
            tally.kills += 1
            try:
                _forked(WORK[kind])
                came_to, rubbish = _forked(partial(result, kind)), _forked(lambda: "\n".join(left_over()))
            except RuntimeError as error:
                tally.faults.append(f"{kind} {number}: {error}")
                continue
            if came_to != expected:
                tally.faults.append(f"{kind} {number}: {came_to[:80]} instead of {expected[:80]}")
            if rubbish:
                tally.faults.append(f"{kind} {number}: left over {rubbish}")
    return tally


def _begin_with(prepared: Path) -> None:
    shutil.rmtree(paths.state_dir())
    shutil.copytree(prepared, paths.state_dir())


def _duration(kind: str, prepared: Path) -> float:
    """Seconds that the work takes where nothing disturbs it."""
    _begin_with(prepared)
    begun = time.monotonic()
    _killed(WORK[kind], float("inf"))
    return time.monotonic() - begun


@contextmanager
def _state() -> Iterator[None]:
    """A state folder of its own for a while."""
    before = os.environ.get(settings.STATE)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[settings.STATE] = str(Path(folder) / "state")
        paths.state_dir().mkdir()
        try:
            yield
        finally:
            os.environ.pop(settings.STATE)
            if before is not None:
                os.environ[settings.STATE] = before


def _forked(work: Callable[[], str | None]) -> str:
    """Do something in a process of its own and wait for it; what it returns.

    Raises:
        RuntimeError: it failed; the text is what it raised.
    """
    ours, theirs = os.pipe()
    if not (pid := os.fork()):
        os.close(ours)
        _end_with(work, theirs)
    os.close(theirs)
    with os.fdopen(ours, "rb") as file:
        said = file.read().decode()
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError(said)
    return said


def _killed(work: Callable[[], None], seconds: float) -> bool:
    """Begin something in a process of its own and kill it after so many seconds; whether it was still at work."""
    if not (pid := os.fork()):
        _end_with(work, os.open(os.devnull, os.O_WRONLY))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(min(0.001, seconds))
    os.kill(pid, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def _end_with(work: Callable[[], str | None], handle: int) -> None:
    """In the forked process: work, say what came of it, and end without a word to anything of the parent's."""
    code = 1
    try:
        said = work() or ""
        code = 0
    except BaseException:
        said = traceback.format_exc()[-1500:]
    os.write(handle, said.encode()[:60_000])
    os._exit(code)


@cache
def _model() -> bytes:
    """The file of a small detector: what matters here is that it is one."""
    images, labels, _ = training.normal_images(datasets.load("digits", "train"), (DIGIT,))
    fitted = Detector("dense", epochs=1).fit(images, labels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{MODEL}.safetensors"
        training.finish(fitted, MODEL, "digits", [datasets.load("digits", "test")]).save(path)
        return path.read_bytes()


def kill(kills: int, seed: int, only: str = "") -> dict[str, Tally]:
    """Kill each kind of work, so often in all."""
    estimator.TrainingSettings = partial(estimator.TrainingSettings, steps=STEPS)  # type: ignore[misc, assignment]
    if only not in ("training", "history"):
        _model()  # here, so that no process makes it again
    kinds = [kind for kind in WORK if only in ("", kind)]
    shares = {kind: kills // len(kinds) + (i < kills % len(kinds)) for i, kind in enumerate(kinds)}
    return {kind: kill_often(kind, share, seed) for kind, share in shares.items()}


def main() -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", choices=["", *WORK])
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/results.md")
    options = parser.parse_args()
    report = Report(options.write)
    tallies = kill(options.kills, options.seed, options.only)
    rows: list[list[object]] = [[kind, one.kills, one.midway, len(one.faults)] for kind, one in tallies.items()]
    rows.append(["all", *(sum(int(str(row[i])) for row in rows) for i in (1, 2, 3))])
    faults = [fault for tally in tallies.values() for fault in tally.faults]
    said = f"Faults: {'; '.join(faults[:10])}" if faults else "No fault."
    report.publish("Sudden death", table(["work", "kills", "before it was done", "faults"], rows) + f"\n{said}")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
