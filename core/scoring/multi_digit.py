"""Several digits: how their scores become one, and how odd an image would be as each of them.

Every digit scores on its own and is standardised; the smallest is the model's score. As one certain digit, an image is
also the odder the nearer another digit is: a 1 with a flag is a strange 1, but a stranger 7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.operating_point import EVIDENCES
from core.scoring.scorer import Evidences, Scale, Scorer, score_all

# How much it counts that another digit is nearer, in standardised scores a unit of the logarithm of the distances'
# ratio; chosen on validation images (benchmarks/detection/rivals.py).
RIVALRY = 5.0

Floats = NDArray[np.float64]
Scores = dict[str, Floats]
Standards = Mapping[str, Mapping[str, tuple[float, float]]]


@dataclass(frozen=True)
class Scored:
    """What the scorers of a model say about n images.

    Attributes:
        nearest: the evidences of the digit that each image is nearest to. Its scores are the model's raw ones: the
            scorer's own for one digit, else the smallest standardised one.
        digits: which digit that is, ``(n,)``: the one whose memory bank is nearest.
        nonconformity: digit -> evidence -> how odd each image would be as that digit ``(n,)``: the scorer's own raw
            score for one digit, else standardised, and higher the nearer another digit's memory bank is.
    """

    nearest: Evidences
    digits: NDArray[np.str_]
    nonconformity: dict[str, Scores]


def score(scorers: Mapping[str, Scorer], standards: Standards, images: NDArray[np.float32]) -> Scored:
    """Score images against every digit of a model.

    Args:
        scorers: one a digit.
        standards: digit -> evidence -> (centre, scale), from ``standards_of``.
        images: ink images ``(n, 28, 28)``, few enough to be held once for every digit.
    """
    names, each = list(scorers), score_all(list(scorers.values()), images)
    if len(names) == 1:
        own = {e: _on_grid(each[0].scores[e]) for e in EVIDENCES}
        return Scored(replace(each[0], scores=own), np.full(len(images), names[0]), {names[0]: own})
    standardised = {
        e: np.stack(
            [_standardised(part.scores[e], *standards[name][e]) for name, part in zip(names, each, strict=True)]
        )
        for e in EVIDENCES
    }  # (digits, n) each
    distances = np.stack([part.scores["manifold"] for part in each])  # (digits, n)
    penalties = RIVALRY * behind(distances)
    nearest, rows = distances.argmin(axis=0), np.arange(len(images))

    def pick(values: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.stack(values)[nearest, rows]

    chosen = Evidences(
        scores={e: values.min(axis=0) for e, values in standardised.items()},
        reconstruction=pick([part.reconstruction for part in each]),
        residual=pick([part.residual for part in each]),
        probability=pick([part.probability for part in each]),
        reconstruction_probability=pick([part.reconstruction_probability for part in each]),
    )
    nonconformity = {
        name: {e: _on_grid(standardised[e][i] + penalties[i]) for e in EVIDENCES} for i, name in enumerate(names)
    }
    return Scored(chosen, np.array(names)[nearest], nonconformity)


def behind(distances: Floats) -> Floats:
    """How far each digit lies behind the nearest other one: the logarithm of their ratio, 0 for the nearest itself.

    Args:
        distances: to each digit's memory bank, ``(digits, n)``, at least two digits.

    >>> behind(np.array([[1.0], [1.0], [np.e]])).ravel().tolist()
    [0.0, 0.0, 1.0]
    """
    logarithms = np.log(np.maximum(distances, 1e-6))
    return logarithms - logarithms.min(axis=0)


def standards_of(scorer: Scorer, validation: NDArray[np.float32]) -> dict[str, Scale]:
    """Centre and spread of each evidence on a digit's validation images: median, and the way to the 90th percentile.

    Validation rather than calibration images: a score that depends on the calibration images would not be
    exchangeable with theirs, and the promise only nearly hold.
    """
    standards = {}
    for e, scores in scorer.score(validation).scores.items():
        middle, high = np.quantile(scores, [0.5, 0.9])
        standards[e] = Scale(float(middle), float(max(high - middle, 1e-9)))
    return standards


def _standardised(scores: Floats, centre: float, spread: float) -> Floats:
    return _on_grid((_on_grid(scores) - centre) / spread)


def _on_grid(scores: Floats) -> Floats:
    """Scores as a file stores them, so that a stored score compares exactly with one computed later."""
    return scores.astype(np.float32).astype(np.float64)
