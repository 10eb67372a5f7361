"""From raw scores to promises: conformal p-values, thresholds, the band on the false-alarm rate, false discoveries.

Sources: split conformal p-values (Vovk, Gammerman, Shafer 2005); a band on the false-alarm rate that holds at all
thresholds at once (Bates, Candes, Lei, Romano, Sesia 2023, arXiv 2104.08279, here with equal local levels);
Benjamini and Hochberg 1995 for false discoveries; Pickands 1975 for the generalised Pareto tail.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import OddDigitError

CONFIDENCE = 0.95
TAIL_MINIMUM = 500
TAIL_SHARE = 0.1
# Level at which each order statistic's own upper bound must stand so that all n hold together with 95 % confidence,
# rounded down; between the sizes, log-log. `python -m benchmarks.promise.calibration --local-levels` computes them.
LOCAL_LEVELS = {
    1: 0.05,
    2: 0.02716,
    3: 0.01932,
    5: 0.01294,
    10: 0.00794,
    20: 0.00521,
    50: 0.00328,
    100: 0.00246,
    300: 0.001687,
    1_000: 0.001217,
    3_000: 0.000954,
    12_000: 0.00074,
    60_000: 0.000581,
}


@dataclass(frozen=True)
class Tail:
    """Generalised Pareto beyond a high quantile of the calibration scores: an extrapolation, for ranking and wording.

    Attributes:
        start: score where the tail begins.
        share: share of calibration scores beyond ``start``.
        shape: Pareto shape xi; 0 is an exponential tail.
        scale: Pareto scale sigma, in score units, > 0.
    """

    start: float
    share: float
    shape: float
    scale: float

    @classmethod
    def fit(cls, scores: NDArray[np.float64]) -> "Tail | None":
        """Fit by maximum likelihood; None below 500 scores or when the upper scores do not differ."""
        if scores.size < TAIL_MINIMUM:
            return None
        from scipy.stats import genpareto

        start = float(np.quantile(scores, 1 - TAIL_SHARE))
        beyond = scores[scores > start] - start
        if beyond.size < 10 or np.ptp(beyond) == 0:
            return None
        shape, _, scale = genpareto.fit(beyond, floc=0)
        return cls(start, beyond.size / scores.size, float(shape), float(scale))

    def survival(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Estimated share of normal digits at least this odd, ``(n,)``; NaN below the start of the tail."""
        beyond = np.atleast_1d(np.asarray(scores, dtype=np.float64)) - self.start
        reach = 1 + self.shape * beyond / self.scale
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            power = np.where(reach > 0, np.power(np.maximum(reach, 0.0), -1 / self.shape), 0.0)
            tail = np.exp(-beyond / self.scale) if abs(self.shape) < 1e-9 else power
        return np.where(beyond >= 0, self.share * tail, np.nan)


@dataclass(frozen=True)
class Calibration:
    """The scores of normal digits that trained and tuned nothing: the yardstick of every verdict.

    Attributes:
        scores: raw scores, float64 ``(n,)``, ascending, finite, n >= 1. Higher is odder.

    >>> c = Calibration.fit([0.1, 0.2, 0.3, 0.4])
    >>> c.p_values([0.05, 0.25, 9.0]).tolist()
    [1.0, 0.6, 0.2]
    >>> c.threshold(0.4), c.threshold(0.1)
    (0.3, inf)
    """

    scores: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.scores.ndim != 1 or self.scores.size == 0:
            raise OddDigitError("a calibration needs at least one score of a normal digit.")
        if not np.isfinite(self.scores).all():
            raise OddDigitError("calibration scores hold NaN or infinity: the scores of normal digits must be finite.")
        if (np.diff(self.scores) < 0).any():
            raise OddDigitError("calibration scores are out of order: build them with Calibration.fit.")

    @classmethod
    def fit(cls, scores: ArrayLike) -> "Calibration":
        """Sort the scores.

        Raises:
            OddDigitError: no scores, or one is not finite.
        """
        return cls(np.sort(np.asarray(scores, dtype=np.float64).ravel()))

    @cached_property
    def tail(self) -> Tail | None:
        """The extrapolation beyond the scores, or None; fitted when first asked for, as few ever are."""
        return Tail.fit(self.scores)

    @property
    def n(self) -> int:
        """Number of calibration scores."""
        return int(self.scores.size)

    @property
    def floor(self) -> float:
        """The smallest p-value there can be, 1 / (n + 1)."""
        return 1 / (self.n + 1)

    def p_values(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Conformal p-values ``(1 + #{calibration >= s}) / (n + 1)``, ``(m,)`` in (0, 1].

        Raises:
            OddDigitError: a score is NaN.
        """
        values = _finite(scores)
        at_least = self.n - np.searchsorted(self.scores, values, side="left")
        return (1 + at_least) / (self.n + 1)

    def rank(self, alpha: float) -> int:
        """The rank k = floor(alpha (n + 1)): how many calibration scores stand at or above the line; 0 never flags."""
        # The tiny lift keeps 0.3 * 10 at 3: floating-point products land just below the whole number.
        return int(np.floor(alpha * (self.n + 1) + 1e-9))

    def threshold(self, alpha: float) -> float:
        """The line on the score axis: a score above it has a p-value of at most alpha. Infinite where k = 0."""
        k = self.rank(alpha)
        if k < 1:
            return float("inf")
        return float(self.scores[self.n - min(k, self.n)]) if k <= self.n else float("-inf")

    def flags(self, scores: ArrayLike, alpha: float) -> NDArray[np.bool_]:
        """Whether each score lies beyond the line of ``alpha``, ``(m,)``."""
        return _finite(scores) > self.threshold(alpha)

    def alpha(self, threshold: ArrayLike) -> NDArray[np.float64]:
        """Promised false-alarm rate of fixed lines, ``(m,)``: the largest p-value that a score beyond one can have."""
        beyond = self.n - np.searchsorted(self.scores, np.atleast_1d(threshold), side="right")
        return (1 + beyond) / (self.n + 1)

    def band(self, threshold: ArrayLike) -> NDArray[np.float64]:
        """Upper bound on the true false-alarm rate at lines on the score axis, ``(m,)``.

        It holds with 95 % confidence over the draw of calibration digits at *all* lines at once, so a person may move
        the line freely and look. A line below every calibration score has the bound 1.
        """
        from scipy.special import betaincinv

        lines = np.atleast_1d(np.asarray(threshold, dtype=np.float64))
        k = self.n - np.searchsorted(self.scores, lines, side="right") + 1
        bound = np.ones(lines.shape)
        inside = k <= self.n
        bound[inside] = betaincinv(k[inside], self.n - k[inside] + 1, 1 - local_level(self.n))
        return bound

    def fixed_bound(self, alpha: float) -> float:
        """Upper bound, with 95 % confidence, for one alpha chosen beforehand; 0 where k = 0."""
        from scipy.special import betaincinv

        k = self.rank(alpha)
        return float(betaincinv(k, self.n - k + 1, CONFIDENCE)) if 1 <= k <= self.n else float(k > self.n)


def local_level(n: int) -> float:
    """The per-order-statistic level behind ``Calibration.band`` for n calibration scores (see ``LOCAL_LEVELS``)."""
    sizes, levels = np.log(list(LOCAL_LEVELS)), np.log(list(LOCAL_LEVELS.values()))
    return float(np.exp(np.interp(np.log(n), sizes, levels)))


def images_needed(alpha: float) -> int:
    """Fewest calibration digits with which a line at alpha can flag anything: the smallest n with alpha (n + 1) >= 1.

    >>> images_needed(0.05), images_needed(0.01)
    (19, 99)
    """
    return int(np.ceil(1 / alpha - 1e-9)) - 1


def discoveries(p_values: ArrayLike, rate: float) -> NDArray[np.bool_]:
    """Benjamini-Hochberg: which of m digits to flag so that at most ``rate`` of the flagged are expected to be normal.

    Args:
        p_values: conformal p-values ``(m,)``; never tail estimates, which promise nothing.
        rate: false discovery rate, 0 < rate < 1.

    Raises:
        OddDigitError: a p-value is NaN.
    """
    values = _finite(p_values)
    if values.size == 0:
        return np.zeros(0, dtype=bool)
    from scipy.stats import false_discovery_control

    return false_discovery_control(values) <= rate


def discoveries_needed(n: int, m: int, rate: float) -> int:
    """How many of m digits must stand at the p-value floor before a false discovery rate can flag any of them.

    With n calibration scores no p-value falls below 1 / (n + 1), so that many digits at the floor are needed:
    ceil(m / (rate (n + 1))).

    >>> discoveries_needed(1_100, 10_000, 0.1), discoveries_needed(12_000, 10_000, 0.1)
    (91, 9)
    """
    return int(np.ceil(m / (rate * (n + 1)) - 1e-9))


def _finite(scores: ArrayLike) -> NDArray[np.float64]:
    values = np.atleast_1d(np.asarray(scores, dtype=np.float64))
    if np.isnan(values).any():
        raise OddDigitError("a score is NaN: the image it came from is not a valid ink image.")
    return values
