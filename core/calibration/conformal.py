"""Conformal p-values: from raw scores to promises, thresholds, and the band on the false-alarm rate.

``Calibration`` is the one door from a score to a p-value: where a detector knows how much writers differ, what comes
out of it is corrected for that, whoever asks.

Sources: split conformal p-values (Vovk, Gammerman, Shafer 2005); a band on the false-alarm rate that holds at all
thresholds at once (Bates, Candes, Lei, Romano, Sesia 2023, arXiv 2104.08279, here with equal local levels); scores of
digits whose own group the model has not seen, as in the jackknife+ and CV+ (Barber, Candes, Ramdas, Tibshirani 2021).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.calibration.tail import Tail
from core.errors import OddDigitError

CONFIDENCE = 0.95
FEW = 10  # calibration scores beyond a threshold that say little of how often it is passed
CAUTIOUS_AT, PILE = 0.05, 6  # the rate of a pile by as many people as a sixth of all is what ``caution`` speaks of
LIKELY = (0.1, 0.9)  # quantiles that "most likely between" leaves out on either side
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
class Calibration:
    """The scores of normal digits that every verdict is measured against.

    They are those of a calibration set that trained and validated nothing (split conformal), whose promise holds for
    exchangeable digits; or, corrected for what writers differ, those of digits scored by the model without what it
    learnt from their stretch of writers (``Calibration.of_strangers``), whose promise holds for people it never met; or
    stand for what few digits of one hand and other people's tell together (``few_digits.adapted``).

    Attributes:
        scores: raw scores, float64 ``(n,)``, ascending, finite, n >= 1. Higher is odder.
        exchangeable: of scores of strangers or of few digits, the calibration set that they stand in for; else None.
        stretches: of scores of strangers, which stretch of writers each is from, int64 ``(n,)``; else None.
        rates: of few digits, where the rate at each score as a threshold most likely lies, ``(n, 2)``; else None.

    >>> c = Calibration.fit([0.1, 0.2, 0.3, 0.4])
    >>> c.p_values([0.05, 0.25, 9.0]).tolist()
    [1.0, 0.6, 0.2]
    >>> c.threshold(0.4), c.threshold(0.1)
    (0.3, inf)
    """

    scores: NDArray[np.float64]
    exchangeable: "Calibration | None" = None
    stretches: NDArray[np.int64] | None = None
    rates: NDArray[np.float64] | None = None

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

    @classmethod
    def of_strangers(cls, scores: ArrayLike, stretches: ArrayLike, exchangeable: "Calibration") -> "Calibration":
        """Sort the scores of digits whose own stretch of writers the model did without.

        Each is lifted to the calibration set's threshold of the same alpha where it lies below, so that the promise to
        exchangeable digits stays kept, too; not where that threshold rests on fewer than ``FEW`` digits.

        Args:
            scores: ``(n,)``, finite.
            stretches: which stretch each is from, ``(n,)``.
            exchangeable: the calibration set that they stand in for.

        Raises:
            OddDigitError: no scores, one is not finite, or the stretches are others than theirs.
        """
        values, groups = np.asarray(scores, np.float64).ravel(), np.asarray(stretches, np.int64).ravel()
        if values.shape != groups.shape:
            raise OddDigitError(f"{values.size} scores came with {groups.size} stretches of writers: give one a score.")
        order = np.argsort(values, kind="stable")
        alphas = np.arange(values.size, 0, -1) / (values.size + 1)  # that each has as a threshold
        lifted = [exchangeable.threshold(a) if exchangeable.rank(a) >= FEW else -np.inf for a in alphas]
        return cls(np.maximum.accumulate(np.maximum(values[order], lifted)), exchangeable, groups[order])

    @cached_property
    def tail(self) -> Tail | None:
        """The extrapolation beyond the scores, or None; fitted when first asked for, as few ever are."""
        return Tail.fit(self.scores) if self.rates is None else None

    @property
    def n(self) -> int:
        """Number of calibration scores."""
        return int(self.scores.size)

    @property
    def own(self) -> int:
        """Number of digits of the calibration set itself, of strangers and of few digits, too."""
        return (self.exchangeable or self).n

    @property
    def floor(self) -> float:
        """The smallest p-value there can be, 1 / (n + 1)."""
        return 1 / (self.n + 1)

    def p_values(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Conformal p-values ``(1 + #{calibration >= s}) / (n + 1)``, ``(m,)`` in (0, 1].

        Raises:
            OddDigitError: a score is NaN.
        """
        at_least = self.n - self.scores.searchsorted(not_nan(scores))
        return (1 + at_least) / (self.n + 1)

    def rank(self, alpha: float) -> int:
        """The rank k = floor(alpha (n + 1)): how many calibration scores lie at or above the threshold; 0: none."""
        # The tiny lift keeps 0.3 * 10 at 3: floating-point products land just below the whole number.
        return int(np.floor(alpha * (self.n + 1) + 1e-9))

    def threshold(self, alpha: float) -> float:
        """The threshold on the score axis: a score above it has a p-value of at most alpha. Infinite where k = 0."""
        k = self.rank(alpha)
        if k < 1:
            return float("inf")
        return float(self.scores[self.n - min(k, self.n)]) if k <= self.n else float("-inf")

    def kept(self, alpha: float) -> float:
        """The rate that the threshold of an alpha promises: less than it where digits score alike or are few.

        >>> Calibration.fit([0.1, 0.3, 0.3, 0.3]).kept(0.6), Calibration.fit([0.1]).kept(0.05)
        (0.2, 0.0)
        """
        return float(self.alpha(self.threshold(alpha))[0]) if self.rank(alpha) >= 1 else 0.0

    def flags(self, scores: ArrayLike, alpha: float) -> NDArray[np.bool_]:
        """Whether each score lies beyond the threshold of ``alpha``, ``(m,)``."""
        return not_nan(scores) > self.threshold(alpha)

    def alpha(self, threshold: ArrayLike) -> NDArray[np.float64]:
        """Promised false-alarm rate of fixed thresholds, ``(m,)``: the largest p-value that a score beyond has."""
        beyond = self.n - np.searchsorted(self.scores, np.atleast_1d(threshold), side="right")
        return (1 + beyond) / (self.n + 1)

    def band(self, threshold: ArrayLike) -> NDArray[np.float64]:
        """Upper bound on the true false-alarm rate at thresholds on the score axis, ``(m,)``.

        It holds with 95 % confidence over the draw of calibration digits at *all* thresholds at once, so a person may
        move the threshold freely and look. One below every calibration score has the bound 1. It speaks of exchangeable
        digits: of strangers, whose digits come in stretches, ``between`` says what to expect. Of few digits it is what
        those promise alone.
        """
        from scipy.special import betaincinv

        if self.rates is not None and self.exchangeable is not None:
            return self.exchangeable.band(threshold)
        thresholds = np.atleast_1d(np.asarray(threshold, dtype=np.float64))
        k = self.n - np.searchsorted(self.scores, thresholds, side="right") + 1
        bound = np.ones(thresholds.shape)
        inside = k <= self.n
        bound[inside] = betaincinv(k[inside], self.n - k[inside] + 1, 1 - local_level(self.n))
        return bound if self.exchangeable is None else np.maximum(bound, self.exchangeable.band(thresholds))

    def bound(self, alpha: float) -> float:
        """``band`` at the threshold of an alpha; 0 where that is infinite."""
        return float(self.band(self.threshold(alpha))[0]) if self.rank(alpha) >= 1 else 0.0

    def between(self, threshold: ArrayLike) -> NDArray[np.float64] | None:
        """Where the false-alarm rate of a further stretch of writers, or of the hand of few digits, most likely lies.

        In eight of ten cases, ``(m, 2)``; of strangers by a beta distribution about the promise (``correlation``).
        None of exchangeable digits alone, which know nothing of people.
        """
        from scipy.special import betaincinv

        if self.rates is not None:
            return self.rates[(np.searchsorted(self.scores, np.atleast_1d(threshold), "right") - 1).clip(0)]
        if self.stretches is None:
            return None
        mean = np.clip(self.alpha(threshold), 1e-9, 1 - 1e-9)
        strength = 1 / max(self.correlation, 1e-9) - 1
        return np.stack([betaincinv(mean * strength, (1 - mean) * strength, q) for q in LIKELY], axis=1)

    @cached_property
    def caution(self) -> float:
        """By what factor further people may be flagged oftener than is promised; 1 where nothing is known of people.

        One standard deviation of the rate at 5 % of as many people as a sixth of the stretches are. A false discovery
        rate divided by it is kept for whole piles by others (``discoveries``).
        """
        if self.stretches is None:
            return 1.0
        return float(1 + np.sqrt((1 / CAUTIOUS_AT - 1) * self.correlation / (np.unique(self.stretches).size / PILE)))

    @cached_property
    def correlation(self) -> float:
        """How alike digits of one stretch are in being flagged (intraclass correlation), 0 .. 1, of strangers only.

        By moments: what the rates of the stretches vary beyond what so few digits of each must, as a share of what
        single digits vary, on average over usual thresholds; at least as much as may go unseen in so few digits.
        """
        assert self.stretches is not None
        thresholds = [self.threshold(alpha) for alpha in (0.02, 0.05, 0.1, 0.2)]
        own = [self.scores[self.stretches == stretch] for stretch in np.unique(self.stretches)]
        rates = np.stack([(part[:, None] > thresholds).mean(axis=0) for part in own])  # (stretches, thresholds)
        mean = np.clip(rates.mean(axis=0), 1e-9, 1 - 1e-9)
        fewness = float(np.mean([1 / part.size for part in own]))
        unseen = fewness * np.sqrt(2 / max(len(own) - 1, 1))  # one standard error
        return float(np.clip((rates.var(axis=0, ddof=1) / (mean * (1 - mean))).mean() - fewness, unseen, 0.5))


def local_level(n: int) -> float:
    """The per-order-statistic level behind ``Calibration.band`` for n calibration scores (see ``LOCAL_LEVELS``)."""
    sizes, levels = np.log(list(LOCAL_LEVELS)), np.log(list(LOCAL_LEVELS.values()))
    return float(np.exp(np.interp(np.log(n), sizes, levels)))


def images_needed(alpha: float) -> int:
    """Fewest calibration digits with which alpha can flag anything: the smallest n with alpha (n + 1) >= 1.

    >>> images_needed(0.05), images_needed(0.01)
    (19, 99)
    """
    return int(np.ceil(1 / alpha - 1e-9)) - 1


def not_nan(scores: ArrayLike) -> NDArray[np.float64]:
    """Scores as an array ``(m,)``.

    Raises:
        OddDigitError: one is NaN.
    """
    values = np.atleast_1d(np.asarray(scores, dtype=np.float64))
    if np.isnan(values).any():
        raise OddDigitError("a score is NaN: the image it came from is not a valid ink image.")
    return values
