"""Few digits: a calibration set too small to promise anything alone, helped by what is known of other people.

A hierarchical model (Gelman et al., Bayesian Data Analysis, ch. 5): on the axis on which known people's scores are a
standard normal, another hand's are normal, shifted and scaled. How far hands are shifted and scaled is the prior, the
own digits weigh it, and a p-value is the mean over what remains possible. Unlike a conformal one it is an estimate.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.calibration.conformal import LIKELY, Calibration

ENOUGH = 200  # own digits from which on they alone decide, as split conformal
KNOWN = 500  # digits by others below which nothing is known of how scores are spread
SCORES = 999  # that stand for the estimate: p-values down to .001
# Location and scale, of Student's t, of how hands are shifted, and of the logarithm of how they are scaled: chosen on
# one half of what `python -m benchmarks.promise.few_digits` measures, which reports the other.
SHIFT, LOG_SCALE, FREEDOM = (0.1, 0.28), (0.05, 0.07), 5
_SHIFTS, _SCALES = np.linspace(-2, 4, 73), np.exp(np.linspace(-0.4, 0.6, 13))
_AXIS = np.linspace(-7, 9, 321)

Floats = NDArray[np.float64]


def adapted(own: Calibration, known: Calibration) -> Calibration:
    """What own digits tell together with other people's; the own ones themselves where those suffice, or help nothing.

    Args:
        own: scores of the own digits.
        known: what the detector was measured against before.
    """
    if own.n >= ENOUGH or known.n < KNOWN:
        return own
    scale = Axis(known)
    posterior = weights(scale.of(own.scores))
    beyond = posterior @ _rates()
    asked = np.arange(SCORES, 0, -1) / (SCORES + 1)
    at = np.interp(asked, beyond[::-1], _AXIS[::-1])
    likely = np.stack([np.interp(at, _AXIS, edge) for edge in _likely(posterior)], axis=1)
    scores = np.maximum.accumulate(scale.back(at).astype(np.float32).astype(np.float64))  # a file has single precision
    return Calibration(scores, own, rates=likely.astype(np.float32).astype(np.float64))


def weights(z: Floats) -> Floats:
    """How plausible each shift and scale is after digits at places ``(n,)`` of the axis, flat, of sum 1."""
    spread = (z - _SHIFTS[:, None])[:, None] / _SCALES[:, None]  # (shifts, scales, n)
    logs = _prior() - z.size * np.log(_SCALES) - 0.5 * np.square(spread).sum(axis=2)
    posterior = np.exp(logs - logs.max())
    return np.ravel(posterior / posterior.sum())


class Axis:
    """The axis on which the scores of known people are a standard normal; straight on beyond the last of them."""

    def __init__(self, known: Calibration) -> None:
        from scipy.special import ndtri

        self._scores, self._z = known.scores, ndtri(np.arange(1, known.n + 1) / (known.n + 1))
        tenth = known.n - known.n // 10
        self._slope = max(self._scores[-1] - self._scores[tenth], 1e-9) / (self._z[-1] - self._z[tenth])

    def of(self, scores: Floats) -> Floats:
        """Places of scores, ``(n,)``."""
        beyond = np.maximum(scores - self._scores[-1], 0) / self._slope
        return np.interp(scores, self._scores, self._z) + beyond

    def back(self, z: Floats) -> Floats:
        """Scores at places, ``(n,)``."""
        return np.interp(z, self._z, self._scores) + np.maximum(z - self._z[-1], 0) * self._slope


@cache
def _prior() -> Floats:
    """Logarithm of the prior over shifts and scales, ``(shifts, scales)``, up to a constant."""
    shift, scale = (_SHIFTS - SHIFT[0]) / SHIFT[1], (np.log(_SCALES) - LOG_SCALE[0]) / LOG_SCALE[1]
    both: Floats = np.add.outer(*(np.log1p(np.square(part) / FREEDOM) for part in (shift, scale)))
    return -(FREEDOM + 1) / 2 * both


@cache
def _rates() -> Floats:
    """Share of a hand's digits beyond each place of the axis, ``(shifts x scales, places)``."""
    from scipy.special import ndtr

    return np.asarray(ndtr((_SHIFTS[:, None, None] - _AXIS) / _SCALES[:, None])).reshape(-1, _AXIS.size)


@cache
def _order() -> NDArray[np.int64]:
    return np.argsort(_rates(), axis=0)


def _likely(posterior: Floats) -> list[Floats]:
    """Edges of where the rate most likely lies at each place of the axis."""
    up_to = np.cumsum(posterior[_order()], axis=0)
    edges = [_order()[(up_to < share).sum(axis=0).clip(max=posterior.size - 1), range(_AXIS.size)] for share in LIKELY]
    return [_rates()[edge, range(_AXIS.size)] for edge in edges]
