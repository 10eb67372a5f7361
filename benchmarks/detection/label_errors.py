"""How wrong labels are ranked: errors put at random into MNIST's test labels, found again by one model of all digits.

    python -m benchmarks.detection.label_errors [--model mnist-any] [--shares 0.01 0.03] [--draws 20] [--write]

Prints a Markdown table, which `--write` puts into benchmarks/results.md.
Nothing here was tuned on the test set: the ranking is the one that the Batch page uses.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from benchmarks import common
from benchmarks.results import Report, table
from core import datasets
from core.batch.label_errors import LabelCheck
from core.detector import Detector

ALPHA = 0.05


def main() -> None:
    """Score the test set once, then draw the errors again and again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mnist-any")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.01, 0.03])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--images", type=int, default=None, help="only so many of the test images")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/results.md")
    options = parser.parse_args()
    report = Report(options.write)
    common.one_thread()
    detector, test = Detector.load(options.model), datasets.load("mnist", "test")
    images, labels = test.images[: options.images], test.labels[: options.images]
    p_values = np.stack(list(detector.inspect(images).digits.values()), axis=1)
    rows = []
    for share in options.shares:
        draws = np.array([one_draw(p_values, labels, share, seed) for seed in range(options.draws)])
        precision, marked, right, recall = draws.mean(axis=0)
        shares = (f"{100 * right:.1f} %", f"{100 * recall:.1f} %")
        rows.append([f"{100 * share:g} %", float(precision), float(draws[:, 0].min()), f"{marked:.0f}", *shares])
    columns = [
        "wrong labels",
        "average precision",
        "lowest draw",
        "marked probably mislabelled",
        "of those wrong",
        "found",
    ]
    title = f"{options.model}, {len(images):,} test images, {options.draws} draws each."
    report.publish("Label errors", f"{title}\n\n{table(columns, rows)}")


def one_draw(
    p_values: NDArray[np.float64], labels: NDArray[np.int64], share: float, seed: int
) -> tuple[float, float, float, float]:
    """Wrong labels drawn at random, each any other digit: (average precision, marked, share of those wrong, recall)."""
    rng = np.random.default_rng(seed)
    wrong = np.zeros(len(labels), bool)
    wrong[rng.choice(len(labels), round(share * len(labels)), replace=False)] = True
    given = np.where(wrong, (labels + rng.integers(1, 10, len(labels))) % 10, labels)
    check = LabelCheck(p_values, given[:, None] == np.arange(10), ALPHA)
    marked = check.mislabelled
    precision = float(average_precision_score(wrong, check.suspicion))
    return precision, float(marked.sum()), float(wrong[marked].mean()), float(marked[wrong].mean())


if __name__ == "__main__":
    main()
