"""False discoveries: which of many digits to flag so that few of those are normal (Benjamini and Hochberg 1995)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.calibration.conformal import not_nan


def discoveries(p_values: ArrayLike, rate: float, caution: float = 1.0) -> NDArray[np.bool_]:
    """Benjamini-Hochberg: which of m digits to flag so that at most ``rate`` of the flagged are expected to be normal.

    Args:
        p_values: conformal p-values ``(m,)``; never tail estimates, which promise nothing.
        rate: false discovery rate, 0 < rate < 1.
        caution: factor by which p-values of whole piles may be too small together, ``Calibration.caution``.

    Raises:
        OddDigitError: a p-value is NaN.
    """
    values = not_nan(p_values)
    if values.size == 0:
        return np.zeros(0, dtype=bool)
    from scipy.stats import false_discovery_control

    return false_discovery_control(values) <= rate / caution


def discoveries_needed(n: int, m: int, rate: float) -> int:
    """How many of m digits must stand at the p-value floor before a false discovery rate can flag any of them.

    With n calibration scores no p-value falls below 1 / (n + 1), so that many digits at the floor are needed:
    ceil(m / (rate (n + 1))).

    >>> discoveries_needed(1_100, 10_000, 0.1), discoveries_needed(12_000, 10_000, 0.1)
    (91, 9)
    """
    return int(np.ceil(m / (rate * (n + 1)) - 1e-9))
