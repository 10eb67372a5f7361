"""The model to which every digit is normal: what it makes of letters, clothes and Japanese characters, and of digits.

    python -m benchmarks.detection.any_digit [--model mnist-any]

Normals are MNIST's test digits. A digit's plausible labels are those whose own p-value exceeds alpha.
"""

from typing import Annotated

import numpy as np
import typer

from benchmarks.common import Write, auroc, begin
from benchmarks.detection import outliers
from benchmarks.results import table
from core import datasets
from core.detector import Detector
from core.detector.readings import Readings
from core.operating_point import EVIDENCES

ALPHAS = (0.01, 0.05, 0.1)
MUST = (0.97, 0.999, 0.99)  # fused AUROC, in the order of outliers.SETS
MUST_HOLD, MUST_DIGITS = 0.93, 1.15


def main(
    model: Annotated[str, typer.Option(help="A model of several digits.")] = "mnist-any",
    write: Write = False,
) -> None:
    """Measure and print markdown tables."""
    report = begin(write)
    detector = Detector.load(model)
    test = datasets.load("mnist", "test")
    readings = detector.inspect(test.images)
    names = np.array(test.label_names)[test.labels]
    report.publish("Any digit", f"{against_outliers(detector, readings)}\n{plausible_digits(readings, names)}")


def against_outliers(detector: Detector, normal: Readings) -> str:
    """Markdown table: AUROC by evidence against each set, and the share caught at alpha 0.05."""
    rows: list[list[object]] = []
    for part, must in zip(outliers.SETS, MUST, strict=True):
        odd = part.evaluate(detector).scores
        areas = [auroc(normal.scores[name], odd[name]) for name in EVIDENCES]
        caught = (odd["fused"] > detector.calibrations_["fused"].threshold(0.05)).mean()
        rows.append([part.title, len(odd["fused"]), *areas, f"{100 * caught:.1f} %", f"{must:g}"])
    flagged = (normal.scores["fused"] > detector.calibrations_["fused"].threshold(0.05)).mean()
    title = f"AUROC of {detector.card_.name} against what is no digit; {100 * flagged:.1f} % of test digits flagged."
    columns = ["anomalies", "n", *EVIDENCES, "caught at 5 %", "fused must"]
    return f"{title}\n\n{table(columns, rows)}"


def plausible_digits(readings: Readings, truth: np.ndarray) -> str:
    """Markdown table: how often a digit's true label is among its plausible ones, and how many those are.

    Args:
        readings: of the test digits.
        truth: the label of each, as text, ``(n,)``.
    """
    labels = np.array(list(readings.digits))
    p_values = np.stack(list(readings.digits.values()), axis=1)  # (n, labels)
    own = labels[None] == truth[:, None]
    rows: list[list[object]] = []
    for alpha in ALPHAS:
        held = p_values > alpha
        count = held.sum(axis=1)
        shares = [(held & own).any(axis=1).mean(), (count == 0).mean(), (count == 1).mean(), (count > 1).mean()]
        rows.append([f"{alpha:g}", *(f"{100 * share:.1f} %" for share in shares), f"{count.mean():.3f}"])
    best = labels[p_values.argmax(axis=1)] == truth
    title = (
        f"Plausible digits of {len(truth):,} test digits. At 0.05 the true one must be held for {100 * MUST_HOLD:g} %, "
        f"with at most {MUST_DIGITS} on average. The most plausible one is the true one for {100 * best.mean():.1f} %."
    )
    columns = ["alpha", "true one held", "none plausible", "exactly one", "several", "on average"]
    return f"{title}\n\n{table(columns, rows)}"


if __name__ == "__main__":
    typer.run(main)
