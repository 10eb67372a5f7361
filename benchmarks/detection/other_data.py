"""The same recipe on other digits than MNIST's: scikit-learn's 8x8 ones and, where they lie in the data folder, USPS's.

    python -m benchmarks.detection.other_data [--sets digits,npz:usps_test.npz]

One model a label, a few hundred images each or fewer; tested on the part of the set that ``datasets.load`` sets aside.
Nothing about the recipe was chosen on these sets.
"""

import sys
import time
from typing import Annotated

import numpy as np
import typer

from benchmarks.common import Write, begin
from benchmarks.results import table
from core import datasets
from core.detector import Detector
from core.operating_point import EVIDENCES

ALPHA = 0.05


def main(
    sets: Annotated[str, typer.Option(help="Data sets as core.datasets names them.")] = "digits,npz:usps_test.npz",
    epochs: Annotated[int | None, typer.Option(min=1, help="None takes the recipe's own.")] = None,
    write: Write = False,
) -> None:
    """Train on every label of every set and print a markdown table."""
    report = begin(write)
    rows: list[list[object]] = []
    for name in sets.split(","):
        training, test = datasets.load(name, "train"), datasets.load(name, "test")
        labels = sorted({training.label_names[i] for i in training.labels})
        by_label = [figures(training, test, label, epochs) for label in labels]
        middle = np.mean(by_label, axis=0)
        worst = np.min([areas[len(EVIDENCES) - 1] for areas in by_label])
        rates = [f"{100 * share:.1f} %" for share in middle[-3:-1]]
        per = f"{len(training) / len(training.label_names):.0f}"
        areas = [f"{value:.4f}" for value in middle[: len(EVIDENCES)]]
        rows.append([name, per, len(test), *areas, f"{worst:.4f}", *rates, f"{middle[-1]:.0f}"])
        sys.stderr.write(f"{name} done\n")
    columns = ["set", "images a label", "test images", *EVIDENCES, "least fused", "caught at 5 %", "false alarms", "s"]
    title = "Other data: mean over labels of the AUROC by evidence, one label normal, all others anomalies."
    report.publish("Other data", f"{title}\n\n{table(columns, rows)}")


def figures(training: datasets.Dataset, test: datasets.Dataset, label: str, epochs: int | None) -> list[float]:
    """AUROC by evidence, share caught and false alarms at alpha 0.05 (fused), seconds of training."""
    started = time.perf_counter()
    detector = Detector(epochs=epochs).fit(training.of(label), [label] * len(training.of(label)))
    seconds = time.perf_counter() - started
    evaluation = detector.evaluate(test)
    counts = evaluation.confusion("fused", detector.calibrations_["fused"].threshold(ALPHA))
    areas = [evaluation.auroc(name) or float("nan") for name in EVIDENCES]
    return [*areas, counts.detection_rate, counts.false_alarm_rate, seconds]


if __name__ == "__main__":
    typer.run(main)
