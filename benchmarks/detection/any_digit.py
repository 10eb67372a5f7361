"""The model to which every digit is normal: what it makes of letters, clothes and Japanese characters, and of digits.

    python -m benchmarks.detection.any_digit

Normals are MNIST's test digits. A digit's plausible labels are those whose own p-value exceeds alpha.
"""

import numpy as np

from benchmarks.detection import outliers
from benchmarks.harness import Sections, auroc, look, percent, run
from benchmarks.results import table
from core import datasets
from core.detector import Detector
from core.detector.readings import Readings
from core.operating_point import EVIDENCES

ALPHAS = (0.01, 0.05, 0.1)
MUST = (0.97, 0.999, 0.99)  # fused AUROC, in the order of outliers.SETS
MUST_HOLD, MUST_DIGITS = 0.93, 1.15


def main() -> Sections:
    """Judge MNIST's test digits and three sets of what is no digit."""
    look()
    detector, test = Detector.load("mnist-any"), datasets.load("mnist", "test")
    readings = detector.inspect(test.images)
    names = np.array(test.label_names)[test.labels]
    yield "Any digit", *against_outliers(detector, readings), *plausible_digits(readings, names)


def against_outliers(detector: Detector, normal: Readings) -> tuple[str, str]:
    """AUROC by evidence against each set, and the share caught at alpha 0.05."""
    rows: list[list[object]] = []
    threshold = detector.calibrations_["fused"].threshold(0.05)
    for part, must in zip(outliers.SETS, MUST, strict=True):
        odd = part.evaluate(detector).scores
        areas = [auroc(normal.scores[name], odd[name]) for name in EVIDENCES]
        rows.append([part.title, len(odd["fused"]), *areas, percent((odd["fused"] > threshold).mean()), f"{must:g}"])
    flagged = percent((normal.scores["fused"] > threshold).mean())
    title = f"AUROC of {detector.card_.name} against what is no digit; {flagged} of test digits flagged."
    return title, table(["anomalies", "n", *EVIDENCES, "caught at 5 %", "fused must"], rows)


def plausible_digits(readings: Readings, truth: np.ndarray) -> tuple[str, str]:
    """How often a digit's true label, as text ``(n,)``, is among its plausible ones, and how many those are."""
    labels = np.array(list(readings.digits))
    p_values = np.stack(list(readings.digits.values()), axis=1)  # (n, labels)
    own = labels[None] == truth[:, None]
    rows: list[list[object]] = []
    for alpha in ALPHAS:
        held = p_values > alpha
        count = held.sum(axis=1)
        shares = [(held & own).any(axis=1).mean(), (count == 0).mean(), (count == 1).mean(), (count > 1).mean()]
        rows.append([f"{alpha:g}", *map(percent, shares), f"{count.mean():.3f}"])
    best = labels[p_values.argmax(axis=1)] == truth
    title = (
        f"Plausible digits of {len(truth):,} test digits. At 0.05 the true one must be held for {100 * MUST_HOLD:g} %, "
        f"with at most {MUST_DIGITS} on average. The most plausible one is the true one for {percent(best.mean())}."
    )
    return title, table(["alpha", "true one held", "none plausible", "exactly one", "several", "on average"], rows)


if __name__ == "__main__":
    run(main)
