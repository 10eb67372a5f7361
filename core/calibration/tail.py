"""Tail estimate: how rare scores beyond the last calibration score may be, a generalised Pareto fit (Pickands 1975)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

TAIL_MINIMUM = 500
TAIL_SHARE = 0.1


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
