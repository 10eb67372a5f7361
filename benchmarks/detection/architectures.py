"""The three kinds of networks on one digit: AUROC of every evidence, size, training time, speed.

    python -m benchmarks.detection.architectures [--digit 5] [--split development]

One row an architecture is written to architectures.csv as it is made, and an interrupted run goes on.
"""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks import common
from benchmarks.common import Quick, Write, auroc, begin
from benchmarks.detection import one_class
from benchmarks.detection.peers.contract import measure
from benchmarks.detection.peers.ours import Ours
from benchmarks.results import table
from core.gan.networks import ARCHITECTURES
from core.operating_point import EVIDENCES

KEY = ("architecture", "digit", "seed", "split")
COLUMNS = (*KEY, *EVIDENCES, "megabytes", "train_seconds", "cpu_seconds", "one_image_ms", "images_per_second")


def main(
    digit: Annotated[str, typer.Option(help="Which digit.")] = "5",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    split: Annotated[one_class.Split, typer.Option(help="Which images judge.")] = one_class.Split.development,
    quick: Quick = False,
    write: Write = False,
) -> None:
    """Train what is missing and print a markdown table."""
    report = begin(write)
    rows = common.rows_of("detection/architectures", COLUMNS, KEY, quick)
    training, test = one_class.images_of(split)
    if quick:
        training, test = training.take(np.arange(4_000)), test.take(np.arange(1_000))
    anomaly = np.array(test.label_names)[test.labels] != digit
    about = {"digit": digit, "seed": seed, "split": split}
    missing = [name for name in ARCHITECTURES if not rows.find(architecture=name, **about)]
    if missing and split is one_class.Split.test and not quick:
        one_class.log_use(one_class.TEST_LOG)
    for name in missing:
        sys.stderr.write(f"{name}\n")
        rows.append({"architecture": name} | about | figures(name, training.of(digit), test.images, anomaly, seed))
    kept = [row for row in rows.read() if about.items() <= (row | {"seed": int(row["seed"])}).items()]
    columns = ["architecture", *EVIDENCES, "MB", "trained in s", "processor s", "one image, ms", "images/s"]
    numbers = [(5, 4), (1, 2), (2, 1), (1, 1), (1, 0)]  # (columns, digits after the point)
    digits = [after for count, after in numbers for _ in range(count)]
    cells = [
        [row["architecture"], *(f"{float(row[c]):.{d}f}" for c, d in zip(COLUMNS[4:], digits, strict=True))]
        for row in kept
    ]
    title = f"Architectures on digit {digit}, {split} split: AUROC by evidence, and what it costs."
    report.publish("Architectures", f"{title}\n\n{table(columns, cells)}")


def figures(
    architecture: str, training: np.ndarray, test: np.ndarray, anomaly: np.ndarray, seed: int
) -> dict[str, float]:
    """Train one architecture on normal digits ``(n, 28, 28)`` and measure it on ``test``; size in MB."""
    peer = Ours(architecture)
    cost = measure(peer, training, test, anomaly, seed)
    assert peer.detector is not None
    scores = peer.detector.inspect(test).scores
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "detector.safetensors"
        peer.detector.save(file)
        size = file.stat().st_size / 1e6
    areas = {name: auroc(scores[name][~anomaly], scores[name][anomaly]) for name in EVIDENCES}
    spent = {name: getattr(cost, name) for name in COLUMNS[-4:]}
    return areas | {"megabytes": size} | spent


if __name__ == "__main__":
    typer.run(main)
