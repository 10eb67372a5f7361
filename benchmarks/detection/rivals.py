"""How much it counts that another digit is nearer (``multi_digit.RIVALRY``): chosen on training images only.

    python -m benchmarks.detection.rivals --write

The digits of ``mnist-any`` are measured on validation images: one half stands for calibration images and the other
judges, then the other way round. No test image and no picture from anywhere else takes part.
"""

from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.common import Write, begin
from benchmarks.results import table
from core import datasets
from core.calibration.conformal import Calibration
from core.detector import Detector
from core.detector.inputs import chunks
from core.scoring import multi_digit
from core.scoring.evidences import describe
from core.scoring.memory_bank import nearest_in_each

FACTORS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0)
ALPHA = 0.05

Floats = NDArray[np.float64]


def main(
    images: Annotated[int, typer.Option(min=40, help="Validation images a digit; there are 542 to 674.")] = 1000,
    write: Write = False,
) -> None:
    """Print a markdown table of factors."""
    report = begin(write)
    detector = Detector.load("mnist-any")
    given, labels = tune_images(detector, images)
    fused, distances = measured(detector, given)
    rows = [[f"{factor:g}", *judged(fused + factor * multi_digit.behind(distances), labels)] for factor in FACTORS]
    title = (
        f"Validation images of the ten digits, {len(labels):,}, at alpha {ALPHA:g}: p-values of digits when it counts "
        f"that another digit is nearer. In use: {multi_digit.RIVALRY:g}."
    )
    columns = ["factor", "own digit held", "other digits rejected", "plausible digits", "most plausible right"]
    report.publish("Rivals", f"{title}\n\n{table(columns, rows)}")


def tune_images(detector: Detector, most: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Validation images of every digit ``(n, 28, 28)``, and which of the detector's digits each is ``(n,)``."""
    training = datasets.load("mnist", "train")
    parts = []
    for name in detector.scorers_:
        own = training.of(name)
        parts.append(own[datasets.split(len(own), detector.card_.split_seed).validation][:most])
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def measured(detector: Detector, images: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Standardised fused score as each digit, and distance to its memory: ``(digits, n)`` each."""
    scorers = list(detector.scorers_.values())
    parts: list[list[dict[str, Floats]]] = []
    for chunk in chunks(images):
        each = nearest_in_each([scorer.bank for scorer in scorers], describe(chunk))
        parts.append([scorer.distance_scores(near) for scorer, near in zip(scorers, each, strict=True)])
    fused, distances = (
        np.stack([np.concatenate([own[e] for own in digit]) for digit in zip(*parts, strict=True)])
        for e in ("fused", "manifold")
    )
    centre, scale = np.array([detector.state_.standards[name]["fused"] for name in detector.scorers_]).T[:, :, None]
    return (fused - centre) / scale, distances


def judged(claims: Floats, labels: NDArray[np.int64]) -> list[str]:
    """The cells of a row of the table.

    Args:
        claims: how odd each image is as each digit, ``(digits, n)``.
        labels: which it is, ``(n,)``.
    """
    first = np.arange(len(labels)) % 2 == 0
    p = np.empty_like(claims)
    for digit, claim in enumerate(claims):
        for half in (first, ~first):
            p[digit, ~half] = Calibration.fit(claim[half & (labels == digit)]).p_values(claim[~half])
    own = np.arange(len(claims))[:, None] == labels
    right = (np.where(p == p.max(axis=0), -claims, -np.inf).argmax(axis=0) == labels).mean()
    return [
        f"{100 * (p[own] > ALPHA).mean():.2f} %",
        f"{100 * (p[~own] <= ALPHA).mean():.2f} %",
        f"{(p > ALPHA).sum(axis=0).mean():.3f}",
        f"{100 * right:.2f} %",
    ]


if __name__ == "__main__":
    typer.run(main)
