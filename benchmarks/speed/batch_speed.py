"""A batch against bare arrays: how much streaming, storing and exporting cost, and how much memory a pile takes.

    python -m benchmarks.speed.batch_speed [--model mnist-5] [--images 10000] [--history] [--write]

Both are timed in one run, taking turns, on the same images, in seconds of the processor, which other programs' load is
not in. Prints images per second, their ratio, and by how much the process's largest size grew over the batch; `--write`
puts it into benchmarks/results.md.
"""

import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.common import Write, begin
from benchmarks.results import table
from core import datasets
from core.batch import export
from core.batch.findings import Review, Rule
from core.batch.run import begin as begin_batch
from core.batch.run import run
from core.batch.store import Job
from core.detector import Detector
from core.operating_point import OperatingPoint
from core.readers import sources

PORTION = 2048  # images that bare arrays are timed on, again and again between portions of the batch


def main(
    model: Annotated[str, typer.Option(help="What judges.")] = "mnist-5",
    images: Annotated[int, typer.Option(help="In the pile.")] = 10_000,
    history: Annotated[bool, typer.Option("--history", help="Also record every verdict.")] = False,
    write: Write = False,
) -> None:
    """Time the two in turns."""
    report = begin(write)
    detector, test = Detector.load(model), datasets.load("mnist", "test")
    pixels = np.rint(test.images * 255).astype(np.uint8)
    arrays = test.images[:PORTION]
    detector.scores(arrays)
    point = OperatingPoint(model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["ODD_DIGIT_STATE"] = str(folder / "state")  # a history of its own, as a person's first pile has
        stack = np.lib.format.open_memmap(folder / "pile.npy", "w+", np.uint8, (images, 28, 28))
        for at in range(0, images, len(pixels)):
            stack[at : at + len(pixels)] = pixels[: images - at]
        del stack
        store = begin_batch(folder / "batch", Job("pile", point, total=images), detector)
        start = largest()
        bare, batch = 0.0, 0.0
        bare_images, done = 0, 0
        steps = run(store, sources.places([folder / "pile.npy"]), detector)
        while True:
            began = time.process_time()
            step = next(steps, None)
            batch += time.process_time() - began
            if step is None:
                break
            # Bare arrays keep pace with the batch, so that a busy machine slows both alike.
            while bare_images < min(step.items, 5 * PORTION) and step.items > done:
                began = time.process_time()
                detector.scores(arrays[:256])
                bare += time.process_time() - began
                bare_images += 256
            done = step.items
        began = time.process_time()
        review = Review(store, Rule(point))
        export.write(review, folder / "found.csv")
        exported = time.process_time() - began
        recorded = 0.0
        if history:
            began = time.process_time()
            export.keep(review)
            recorded = time.process_time() - began
        scored = bare_images / bare
        rows = [["Detector.scores on arrays", f"{scored:,.0f}", ""]]
        for word, seconds in (
            ("batch", batch),
            ("batch with CSV", batch + exported),
            ("batch with CSV and history", batch + exported + recorded),
        ):
            if word.endswith("history") and not history:
                continue
            rate = images / seconds
            rows.append([word, f"{rate:,.0f}", f"{rate / scored:.2f}"])
        grown = f"Memory above start: {(largest() - start) / 1e6:,.0f} MB."
    rates = table(["what", "images/s", "ratio"], rows)
    report.publish("Batch speed", f"{model}, {images:,} images. {grown}\n\n{rates}")


def largest() -> int:
    """The largest that the process has been so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    typer.run(main)
