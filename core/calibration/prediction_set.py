"""Prediction set: which digits an ink image could be. It is empty exactly where the verdict is an anomaly.

Verdict and prediction set are two tests: the first compares with all normal digits together, the second with those of
each kind. Near the threshold they could differ; here the first decides, and the second says which.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def agreeing(digits: Mapping[str, Floats], p_value: Floats) -> dict[str, Floats]:
    """p-values as each digit, scaled so that the most plausible digit's is the image's own.

    So the image is odd at an alpha exactly where it is as every digit; order and ratios stay.

    Args:
        digits: label -> p-values as that digit ``(n,)``, above 0.
        p_value: those of the verdict ``(n,)``.

    >>> agreeing({"4": np.array([0.5]), "9": np.array([0.25])}, np.array([0.4]))
    {'4': array([0.4]), '9': array([0.2])}
    """
    best = np.stack(list(digits.values())).max(axis=0)
    return {name: np.where(values == best, p_value, values * (p_value / best)) for name, values in digits.items()}


def prediction_set(digits: Mapping[str, float], alpha: float, anomaly: bool) -> tuple[str, ...]:
    """The digits whose p-value exceeds alpha, most plausible first: at least one of a normal image, none of an anomaly.

    A fixed threshold may stand between two calibration scores, where the p-value does not tell: hence the verdict.

    >>> prediction_set({"4": 0.2, "9": 0.6, "0": 0.01}, 0.05, False), prediction_set({"4": 0.04}, 0.05, False)
    (('9', '4'), ('4',))
    >>> prediction_set({"4": 0.05}, 0.04, True)
    ()
    """
    if anomaly or not digits:
        return ()
    ranked = sorted(digits, key=lambda name: -digits[name])
    return tuple(name for name in ranked if digits[name] > alpha) or (ranked[0],)
