"""Few digits: a calibration set too small to promise anything alone, helped by what is known of other people.

A hierarchical model (Gelman et al., Bayesian Data Analysis, ch. 5): on the axis on which known people's scores are a
standard normal, another hand's are normal, shifted and scaled. How far is a prior of two kinds of people, those that a
detector learnt from and strangers; the digits weigh it twice, by their scores and by how far they lie to one side of
those of the detector's training. Unlike a conformal p-value what comes out is an estimate.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.calibration.conformal import LIKELY, Calibration

ENOUGH = 200  # own digits from which on they alone decide, as split conformal
FEWEST_KNOWN = 500  # digits by others below which nothing is known of how scores are spread
SCORES = 999  # that stand for the estimate: p-values down to .001


class Kind(NamedTuple):
    """What hands of a kind of people are like; location and scale of each.

    Attributes:
        shift: of Student's t, of how their scores are shifted.
        log_scale: of a normal, of the logarithm of how they are scaled.
        aside: of a lognormal, of how much each digit adds to Rayleigh's statistic (``odds_of_strangers``).
    """

    shift: tuple[float, float]
    log_scale: tuple[float, float]
    aside: tuple[float, float]


# About the moments of the half that the table does not measure, less what so few digits must vary; the share makes the
# two kinds fare alike there: `python -m benchmarks.promise.few_digits --first-half` prints both. Both halves were
# in sight while ways were compared (benchmarks/results.md).
KNOWN = Kind((-0.02, 0.06), (0.0, 0.04), (0.0073, 0.0))
STRANGERS = Kind((0.2, 0.22), (0.12, 0.06), (0.029, 0.5))
SHARE = 0.27  # of strangers among the people who calibrate
FREEDOM = 5
NOISE = 0.1  # standard deviation of the logarithm of Rayleigh's statistic
_SHIFTS, _SCALES = np.linspace(-1.6, 4, 141), np.exp(np.linspace(-0.24, 0.48, 13))
_AXIS = np.linspace(-7, 9, 321)

Floats = NDArray[np.float64]


def adapted(own: Calibration, known: Calibration, odds: float = 0.0) -> Calibration:
    """What own digits tell together with other people's; the own ones themselves where those suffice, or help nothing.

    The threshold of an alpha is where the rate is expected to be nearest to it, in the mean square.

    Args:
        own: scores of the own digits.
        known: what the detector was measured against before.
        odds: what ``odds_of_strangers`` says of the own digits.
    """
    if own.n >= ENOUGH or known.n < FEWEST_KNOWN:
        return own
    axis = Axis(known)
    posterior = weights(axis.of(own.scores), odds)
    asked = np.arange(SCORES, 0, -1) / (SCORES + 1)
    at = np.interp(asked, expected(posterior)[::-1], _AXIS[::-1])
    likely = np.stack([np.interp(at, _AXIS, edge) for edge in _likely(posterior)], axis=1)
    scores = np.maximum.accumulate(axis.back(at).astype(np.float32).astype(np.float64))  # a file has single precision
    return Calibration(scores, own, rates=likely.astype(np.float32).astype(np.float64))


def odds_of_strangers(statistic: float, n: int) -> float:
    """Log-likelihood ratio of strangers to known people, by Rayleigh's statistic of n digits (``scoring.two_sample``).

    It is 1 on average for digits that lie on all sides of a detector's training digits, and grows with their number
    where they lie to one side.
    """
    steps = np.linspace(-2, 2, 9)  # of a standard normal, standardised
    share = np.exp(-np.square(steps) / 2)
    likelihood = []
    for kind in (STRANGERS, KNOWN):
        each = kind.aside[0] * np.exp(kind.aside[1] * steps)
        off = (np.log(max(statistic, 1e-3)) - np.log1p(n * each)) / NOISE
        likelihood.append(np.log(share) - np.square(off) / 2)
    return float(np.logaddexp.reduce(likelihood[0]) - np.logaddexp.reduce(likelihood[1]))


def weights(z: Floats, odds: float) -> Floats:
    """How plausible each shift and scale is after digits at places ``(n,)`` of the axis, flat, of sum 1."""
    spread = (z - _SHIFTS[:, None])[:, None] / _SCALES[:, None]  # (shifts, scales, n)
    strange, known = (_prior(kind) for kind in (STRANGERS, KNOWN))
    prior = np.logaddexp(strange + np.log(SHARE) + odds, known + np.log1p(-SHARE))
    logs = prior - z.size * np.log(_SCALES) - 0.5 * np.square(spread).sum(axis=2)
    posterior = np.exp(logs - logs.max())
    return np.ravel(posterior / posterior.sum())


def expected(posterior: Floats) -> Floats:
    """For each place of the axis the rate that it is the best threshold for, falling.

    The mean over all hands is weighed by their density there, as the derivative of the mean square is.
    """
    density = _densities()
    mean = posterior @ (_rates() * density) / np.maximum(posterior @ density, 1e-300)
    return np.asarray(np.minimum.accumulate(mean))


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
def _prior(kind: Kind) -> Floats:
    """Logarithm of a kind's prior over shifts and scales, ``(shifts, scales)``."""
    shift = np.square((_SHIFTS - kind.shift[0]) / kind.shift[1]) / FREEDOM
    scale = np.square((np.log(_SCALES) - kind.log_scale[0]) / kind.log_scale[1])
    logs: Floats = np.add.outer(-(FREEDOM + 1) / 2 * np.log1p(shift), -scale / 2)
    return np.asarray(logs - np.logaddexp.reduce(logs, axis=None))


def _places() -> Floats:
    """Places of the axis as a hand of each shift and scale has them, ``(shifts x scales, places)``."""
    return np.asarray((_SHIFTS[:, None, None] - _AXIS) / _SCALES[:, None]).reshape(-1, _AXIS.size)


@cache
def _rates() -> Floats:
    """Share of a hand's digits beyond each place of the axis, ``(shifts x scales, places)``."""
    from scipy.special import ndtr

    return np.asarray(ndtr(_places()))


@cache
def _densities() -> Floats:
    """Density of a hand's digits at each place of the axis, up to a constant, ``(shifts x scales, places)``."""
    return np.asarray(np.exp(-np.square(_places()) / 2) / np.tile(_SCALES, _SHIFTS.size)[:, None])


@cache
def _order() -> NDArray[np.int64]:
    return np.argsort(_rates(), axis=0)


def _likely(posterior: Floats) -> list[Floats]:
    """Edges of where the rate most likely lies at each place of the axis."""
    up_to = np.cumsum(posterior[_order()], axis=0)
    edges = [_order()[(up_to < share).sum(axis=0).clip(max=posterior.size - 1), range(_AXIS.size)] for share in LIKELY]
    return [_rates()[edge, range(_AXIS.size)] for edge in edges]
