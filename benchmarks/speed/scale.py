"""Throughput of the Ray engine against workers, on this machine, and what it means for a hundred million images.

    pip install -r requirements-ray.txt
    python -m benchmarks.speed.scale [--images 20000] [--pictures 4000] [--workers 1,2] [--write]

A stack of ink images, and a folder of pictures of 64 px, which must be read before they are judged. Timed from the
first finished unit to the last, so that starting Ray and loading the model, which happen once, are left out; they are
printed beside it. Pictures are also read and judged by the local engine with as many workers, timed from its first
block of rows on.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.harness import Sections, run
from benchmarks.results import table
from benchmarks.samples import scan
from core import datasets
from core.batch import ray_engine, ray_partitions
from core.batch import run as batch
from core.batch.findings import Rule
from core.batch.store import Job
from core.detector import Detector
from core.operating_point import OperatingPoint
from core.readers import sources
from core.readers.items import AS_FOUND

MODEL, MANY = "mnist-5", 100_000_000


def main(
    images: Annotated[int, typer.Option(help="In the stack.")] = 20_000,
    pictures: Annotated[int, typer.Option(help="In the folder.")] = 4_000,
    workers: Annotated[str, typer.Option(help="How many at a time, one after the other.")] = "1,2",
) -> Sections:
    """Judge the same pile once with each number of workers."""
    pixels = np.rint(datasets.load("mnist", "test").images * 255).astype(np.uint8)
    rule, detector = Rule(OperatingPoint(MODEL)), Detector.load(MODEL)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "pile.npy", np.resize(pixels, (images, 28, 28)))
        scans = folder / "scans"
        scans.mkdir()
        for i, digit in enumerate(np.resize(pixels, (pictures, 28, 28))):
            (scans / f"{i:06d}.png").write_bytes(scan(digit, 64, "PNG"))
        cut, cut_pictures = (
            ray_partitions.units(ray_partitions.places(str(place))) for place in (folder / "pile.npy", scans)
        )
        for count in map(int, workers.split(",")):
            start, rate = timed(ray_engine.score(cut, rule, AS_FOUND, count, str(folder / f"rows-{count}")))
            rows.append(row("a stack", count, start, rate, None))
            store = batch.begin(
                folder / f"local-{count}", Job("scans", rule.point, rule.rate, total=pictures), detector
            )
            _, local = timed(batch.run(store, sources.places([scans]), detector, workers=count))
            start, rate = timed(ray_engine.score(cut_pictures, rule, AS_FOUND, count, str(folder / f"scans-{count}")))
            rows.append(row("pictures", count, start, rate, rate / local))
    columns = ["of", "workers", "start", "a second", "a second and worker", "100 million", "of local", "load"]
    yield "Scale", f"{MODEL}, a stack of {images:,} images and {pictures:,} PNG of 64 px.", table(columns, rows)


def row(of: str, workers: int, start: float, rate: float, share: float | None) -> list[object]:
    """The cells of a run."""
    days, load = f"{MANY / rate / 86_400:.1f} days", f"{os.getloadavg()[0]:.1f}"
    against = "" if share is None else f"{share:.2f}"
    return [of, workers, f"{start:.0f} s", f"{rate:,.0f}", f"{rate / workers:,.0f}", days, against, load]


def timed(steps: Iterator[batch.Progress]) -> tuple[float, float]:
    """One run: (seconds to its first rows, rows per second after them)."""
    began = time.perf_counter()
    first = at = 0.0
    judged_first = judged = 0
    for progress in steps:
        at, judged = time.perf_counter() - began, progress.rows
        if not first:
            first, judged_first = at, judged
    return first, (judged - judged_first) / max(at - first, 1e-9)


if __name__ == "__main__":
    run(main, threads=None)
