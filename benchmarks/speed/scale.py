"""Throughput of the Ray engine against workers, on this machine, and what it means for a hundred million images.

    pip install -r requirements-ray.txt
    python -m benchmarks.speed.scale [--model mnist-5] [--images 20000] [--pictures 4000] [--workers 1 2] [--write]

A stack of ink images, and a folder of pictures of 64 px, which must be read before they are judged. Timed from the
first finished unit to the last, so that starting Ray and loading the model, which happen once, are left out; they are
printed beside it. Pictures are also read and judged by the local engine with as many workers, timed from its first
block of rows on. Prints a Markdown table, which `--write` puts into benchmarks/results.md.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.results import Report, table
from benchmarks.speed.scans import scan
from core import datasets
from core.batch import ray_engine, ray_partitions
from core.batch.findings import Rule
from core.batch.run import Progress, run
from core.batch.store import Job, Store
from core.detector import Detector
from core.operating_point import OperatingPoint
from core.readers import sources
from core.readers.items import AS_FOUND

MANY = 100_000_000


def main() -> None:
    """Judge the same pile once with each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mnist-5")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--pictures", type=int, default=4_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/results.md")
    options = parser.parse_args()
    report = Report(options.write)
    pixels = np.rint(datasets.load("mnist", "test").images * 255).astype(np.uint8)
    rule = Rule(OperatingPoint(options.model))
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "pile.npy", np.resize(pixels, (options.images, 28, 28)))
        cut = ray_partitions.units(ray_partitions.places(str(folder / "pile.npy")))
        scans = folder / "scans"
        scans.mkdir()
        for i, digit in enumerate(np.resize(pixels, (options.pictures, 28, 28))):
            (scans / f"{i:06d}.png").write_bytes(scan(digit, 64, "PNG"))
        pictures = ray_partitions.units(ray_partitions.places(str(scans)))
        detector = Detector.load(options.model)
        for workers in options.workers:
            start, rate = timed(ray_engine.score(cut, rule, AS_FOUND, workers, str(folder / f"rows-{workers}")))
            rows.append(row("a stack", workers, start, rate, None))
            store = Store.create(
                folder / f"local-{workers}",
                Job("scans", rule.point, None, detector.card_.normal, detector.fingerprint, total=options.pictures),
                detector.calibrations_["fused"],
            )
            _, local = timed(run(store, sources.places([scans]), detector, workers=workers))
            start, rate = timed(ray_engine.score(pictures, rule, AS_FOUND, workers, str(folder / f"scans-{workers}")))
            rows.append(row("pictures", workers, start, rate, rate / local))
    columns = ["of", "workers", "start", "a second", "a second and worker", "100 million", "of local", "load"]
    about = f"{options.model}, a stack of {options.images:,} images and {options.pictures:,} PNG of 64 px."
    report.publish("Scale", f"{about}\n\n{table(columns, rows)}")


def row(of: str, workers: int, start: float, rate: float, share: float | None) -> list[object]:
    """The cells of a run."""
    days, load = f"{MANY / rate / 86_400:.1f} days", f"{os.getloadavg()[0]:.1f}"
    against = "" if share is None else f"{share:.2f}"
    return [of, workers, f"{start:.0f} s", f"{rate:,.0f}", f"{rate / workers:,.0f}", days, against, load]


def timed(run: Iterator[Progress]) -> tuple[float, float]:
    """One run: (seconds to its first rows, rows per second after them)."""
    began = time.perf_counter()
    first = at = 0.0
    judged_first = judged = 0
    for progress in run:
        at, judged = time.perf_counter() - began, progress.rows
        if not first:
            first, judged_first = at, judged
    return first, (judged - judged_first) / max(at - first, 1e-9)


if __name__ == "__main__":
    main()
