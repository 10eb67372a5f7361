"""Readings without a network: scores chosen by the test, against calibration scores that are easy to count."""

import numpy as np

from core.calibration.conformal import Calibration
from core.detector.readings import Readings
from core.operating_point import EVIDENCES


def calibration(n: int = 99) -> Calibration:
    """Scores 1, 2, ... n: a score of 95.5 leaves n - 95 at or above it, and 1 / (n + 1) is the smallest p-value."""
    return Calibration.fit(np.arange(1, n + 1))


def readings(*scores: float, normal: tuple[str, ...] = ("5",), n: int = 99) -> Readings:
    """Readings of one image a score, every evidence scoring alike; each image has its own row number as ink.

    Of several normal digits, the first has the p-value of the score itself, the second half of it, and so on.
    """
    values = np.array(scores, dtype=np.float64)
    scale = calibration(n)
    p_values = scale.p_values(values) if len(values) else values
    digits = {name: p_values / (i + 1) for i, name in enumerate(normal)} if len(normal) > 1 else {}
    images = np.zeros((len(values), 28, 28), np.float32)
    images[:, 4, 4] = np.arange(len(values)) / 10
    return Readings(
        model="stand-in",
        normal=normal,
        images=images,
        reconstruction=images / 2,
        residual=images / 2,
        probability=values / 1000,
        reconstruction_probability=values / 500,
        scores=dict.fromkeys(EVIDENCES, values),
        p_values=dict.fromkeys(EVIDENCES, p_values),
        digit_p_values=dict.fromkeys(EVIDENCES, digits) if digits else {},
        calibrations=dict.fromkeys(EVIDENCES, scale),
    )
