"""Throughput of the Ray engine against workers, on this machine, and what it means for a hundred million images.

    pip install -r requirements-ray.txt
    python -m benchmarks.speed.scale [--model mnist-5] [--images 20000] [--workers 1 2] [--write]

Timed from the first finished unit to the last, so that starting Ray and loading the model, which happen once, are left
out; they are printed beside it. Prints a Markdown table, which `--write` puts into benchmarks/results.md.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.results import Report, table
from core import datasets
from core.batch import ray_engine, ray_partitions
from core.batch.findings import Rule
from core.batch.items import AS_FOUND
from core.operating_point import OperatingPoint

MANY = 100_000_000


def main() -> None:
    """Judge the same pile once with each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mnist-5")
    parser.add_argument("--images", type=int, default=20_000)
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
        for workers in options.workers:
            start, rate = timed(cut, rule, workers, folder / f"rows-{workers}")
            days = MANY / rate / 86_400
            load = f"{os.getloadavg()[0]:.1f}"
            rows.append([workers, f"{start:.0f} s", f"{rate:,.0f}", f"{rate / workers:,.0f}", f"{days:.1f} days", load])
    columns = ["workers", "start", "images/s", "images/s a worker", "100 million images", "load of the machine"]
    report.publish("Scale", f"{options.model}, {options.images:,} images.\n\n{table(columns, rows)}")


def timed(cut: list[ray_partitions.Unit], rule: Rule, workers: int, rows: Path) -> tuple[float, float]:
    """One run: (seconds to the first unit, images per second after it)."""
    began = time.perf_counter()
    first = at = 0.0
    judged_first = judged = 0
    for progress in ray_engine.score(cut, rule, AS_FOUND, workers, str(rows)):
        at, judged = time.perf_counter() - began, progress.rows
        if not first:
            first, judged_first = at, judged
    return first, (judged - judged_first) / max(at - first, 1e-9)


if __name__ == "__main__":
    main()
