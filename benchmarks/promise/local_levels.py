"""How far each order statistic's own bound must reach so that all n bounds hold together: computed, not simulated.

The true false-alarm rate of a threshold at the k-th largest of n calibration scores is the k-th smallest of n uniforms,
so the band of ``core.calibration.conformal`` holds everywhere when U(k) <= b(k) for all k, where b(k) is the 1 - level
quantile of Beta(k, n - k + 1). A uniform sample of n is a Poisson process of rate n given its n points (Moscovich and
Nadler 2017), whose count at b(k) must be at least k: one short convolution a step follows its distribution exactly.
"""

import numpy as np
from scipy.special import betaincinv, gammaln

from benchmarks.results import table
from core.calibration.conformal import CONFIDENCE, LOCAL_LEVELS

NEGLIGIBLE = 1e-18  # share of the largest probability below which a count is dropped
PRECISION = 5e-4  # relative, of the level found


def coverage(n: int, level: float) -> float:
    """Probability that all n bounds hold at once when each is a ``1 - level`` bound of its own."""
    k = np.arange(1, n + 1)
    bounds = betaincinv(k, n - k + 1, 1 - level)
    counts = np.ones(1)  # counts[i]: probability of i more points than the least allowed, bounds so far held
    for expected in n * np.diff(bounds, prepend=0.0):
        arrivals = np.arange(int(expected + 9 * np.sqrt(expected)) + 15)
        poisson = np.exp(arrivals * np.log(expected) - expected - gammaln(arrivals + 1))
        counts = np.convolve(counts, poisson)[1:]
        counts = counts[: np.flatnonzero(counts > NEGLIGIBLE * counts.max())[-1] + 1]
    none_after = np.exp(-n * (1 - bounds[-1]))
    return float(counts[0] * none_after / np.exp(n * np.log(n) - n - gammaln(n + 1)))


def level(n: int) -> float:
    """The local level with which the band holds with exactly 95 % confidence."""
    if n == 1:
        return 1 - CONFIDENCE
    low, high = (1 - CONFIDENCE) / (2 * n), 1 - CONFIDENCE
    while high / low > 1 + PRECISION:
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if coverage(n, middle) > CONFIDENCE else (low, middle)
    return low


def computed() -> str:
    """The table of ``core.calibration.conformal.LOCAL_LEVELS``: what is computed beside what is in use."""
    rows = [[str(n), f"{level(n):.6f}", f"{constant:g}"] for n, constant in LOCAL_LEVELS.items()]
    return table(["n", "computed", "in use"], rows)
