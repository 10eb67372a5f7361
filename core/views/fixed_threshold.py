"""The experiment this project grew from, repeated today: 50 normal digits, 54 others, and a threshold set by hand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.calibration.evaluation import Confusion, Evaluation
from core.detector.readings import Readings
from core.errors import OddDigitError

FIXED_THRESHOLDS = (0.2, 0.08)
ON_EVIDENCE = "pixel"
NORMALS, ANOMALIES = 50, 54


@dataclass(frozen=True)
class Replay:
    """One repetition of the experiment.

    Attributes:
        original: each of ``FIXED_THRESHOLDS`` on the mean squared error, and what it finds among the digits drawn.
        largest: the largest mean squared error among them.
        yours: what a calibrated threshold finds among the same digits.
    """

    original: tuple[tuple[float, Confusion], ...]
    largest: float
    yours: Confusion

    def story(self) -> str:
        """What went wrong, in two sentences."""
        caught = " and ".join(f"{fixed:.2f} catches {counts.caught}" for fixed, counts in self.original)
        return (
            "The method this app grew from drew its line by hand, at a mean squared error of "
            f"{FIXED_THRESHOLDS[0]:.2f}, where nobody could see it against the errors, and caught 0 of {ANOMALIES} "
            f"anomalies: the line lay above all of them. Measured like that, the errors of the {NORMALS + ANOMALIES} "
            f"digits below reach {self.largest:.3f}: of {ANOMALIES} anomalies {caught}, a calibrated line "
            f"{self.yours.caught}."
        )


def draw(evaluation: Evaluation, seed: int) -> NDArray[np.int64]:
    """Rows of 50 normal digits and then 54 anomalies, drawn at random, ``(104,)``.

    Raises:
        OddDigitError: the evaluation holds too few of either.
    """
    if evaluation.n_normal < NORMALS or evaluation.n_anomaly < ANOMALIES:
        raise OddDigitError(
            f"The experiment takes {NORMALS} normal digits and {ANOMALIES} others; this model was evaluated on "
            f"{evaluation.n_normal:,} and {evaluation.n_anomaly:,}."
        )
    rng = np.random.default_rng(seed)
    normal = rng.choice(np.flatnonzero(~evaluation.anomaly), NORMALS, replace=False)
    odd = rng.choice(np.flatnonzero(evaluation.anomaly), ANOMALIES, replace=False)
    return np.concatenate([normal, odd])


def replay(readings: Readings, evidence: str, threshold: float) -> Replay:
    """Count what the original's thresholds and a calibrated one find.

    Args:
        readings: of the digits of ``draw``, in its order.
        evidence: the evidence of the calibrated one.
        threshold: that one on its score axis.
    """
    errors = mean_squared_error(readings)
    return Replay(
        tuple((fixed, count(errors, fixed)) for fixed in FIXED_THRESHOLDS),
        float(errors.max()),
        count(readings.scores[evidence], threshold),
    )


def mean_squared_error(readings: Readings) -> NDArray[np.float64]:
    """The original's score, ``(n,)``: squared difference to the reconstruction, mean over all 784 pixels.

    Most of those are paper. The ``pixel`` evidence divides by the ink instead, so its numbers are larger.
    """
    difference = readings.images.astype(np.float64) - readings.reconstruction
    return (difference**2).mean(axis=(1, 2))


def count(scores: NDArray[np.float64], threshold: float) -> Confusion:
    """What a threshold finds among the digits of ``draw``, from their scores ``(104,)``."""
    flagged = scores > threshold
    false_alarms, caught = int(flagged[:NORMALS].sum()), int(flagged[NORMALS:].sum())
    return Confusion(NORMALS - false_alarms, false_alarms, ANOMALIES - caught, caught)
