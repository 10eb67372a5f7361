"""A batch against bare arrays: how much streaming, storing and exporting cost, and how much memory a pile takes.

    python -m benchmarks.speed.batch_speed [--images 10000] [--history] [--write]

Both are timed in one run, taking turns, on the same images, in seconds of the processor, which other programs' load is
not in. Measured are images per second, their ratio, and by how much the process's largest size grew over the batch.
"""

import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Annotated
from unittest.mock import patch

import numpy as np
import typer

from benchmarks.harness import Sections, busy, run
from benchmarks.results import table
from core import datasets, settings
from core.batch import export
from core.batch import run as batch
from core.batch.findings import Review, Rule
from core.batch.store import Job
from core.detector import Detector
from core.operating_point import OperatingPoint
from core.readers import sources

MODEL = "mnist-5"
TURN = 256  # images that bare arrays are timed on, again and again between portions of the batch
BARE = 10_240  # images after which they have been timed enough


def main(
    images: Annotated[int, typer.Option(help="In the pile.")] = 10_000,
    history: Annotated[bool, typer.Option("--history", help="Also record every verdict.")] = False,
) -> Sections:
    """Time the two in turns."""
    detector, test = Detector.load(MODEL), datasets.load("mnist", "test").images
    detector.scores(test[:2048])
    point = OperatingPoint(MODEL)
    # A history of its own, as a person's first pile has.
    with tempfile.TemporaryDirectory() as name, patch.dict(os.environ, {settings.STATE: f"{name}/state"}):
        folder = Path(name)
        np.save(folder / "pile.npy", np.resize(np.rint(test * 255).astype(np.uint8), (images, 28, 28)))
        store = batch.begin(folder / "batch", Job("pile", point, total=images), detector)
        start = largest()
        steps = batch.run(store, sources.places([folder / "pile.npy"]), detector)
        seconds, bare, timed = 0.0, 0.0, 0
        while True:
            began = time.process_time()
            step = next(steps, None)
            seconds += time.process_time() - began
            if step is None:
                break
            # Bare arrays keep pace with the batch, so that a busy machine slows both alike.
            while timed < min(step.items, BARE):
                bare += busy(detector.scores, test[:TURN])
                timed += TURN
        review = Review(store, Rule(point))
        exported = busy(export.write, review, folder / "found.csv")
        whole = {"batch": seconds, "batch with CSV": seconds + exported}
        if history:
            whole["batch with CSV and history"] = seconds + exported + busy(export.keep, review)
        grown = f"Memory above start: {(largest() - start) / 1e6:,.0f} MB."
    rate = timed / bare
    rows = [["Detector.scores on arrays", f"{rate:,.0f}", ""]]
    rows += [[what, f"{images / spent:,.0f}", f"{images / spent / rate:.2f}"] for what, spent in whole.items()]
    yield "Batch speed", f"{MODEL}, {images:,} images. {grown}", table(["what", "images/s", "ratio"], rows)


def largest() -> int:
    """The largest that the process has been so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    run(main)
