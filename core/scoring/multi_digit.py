"""How the scores of several digits become one, and how odd an image would be as each of them.

Every digit scores on its own and is standardised; the smallest is the model's score. As one certain digit, an image is
also the odder the nearer another digit is: a 1 with a flag is a strange 1, but a stranger 7.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.gan.features import Described
from core.operating_point import EVIDENCES
from core.scoring.scorer import Evidences, Scorer, score_all

# How much it counts that another digit is nearer, in standardised scores a unit of the logarithm of the distances'
# ratio; chosen on tune images (benchmarks/detection/rivals.py).
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
        digits: which digit that is, ``(n,)``: the one whose memory is nearest.
        claims: digit -> evidence -> how odd each image would be as that digit ``(n,)``: the scorer's own raw score
            for one digit, else standardised, and higher the nearer another digit's memory is.
    """

    nearest: Evidences
    digits: NDArray[np.str_]
    claims: dict[str, Scores]


def score(scorers: Mapping[str, Scorer], standards: Standards, images: NDArray[np.float32]) -> Scored:
    """Score images against every digit of a model.

    Args:
        scorers: one a digit.
        standards: digit -> evidence -> (centre, scale), from ``standards_of``.
        images: ink images ``(n, 28, 28)``, few enough to be held once for every digit.
    """
    features = Described.of(torch.from_numpy(images))  # the same for every digit's scorer
    found = dict(zip(scorers, score_all(list(scorers.values()), images, features), strict=True))
    if len(found) == 1:
        ((name, only),) = found.items()
        own = {e: _on_grid(only.scores[e]) for e in EVIDENCES}
        return Scored(replace(only, scores=own), np.full(len(images), name), {name: own})
    standing = {
        e: np.stack([_standardised(_on_grid(part.scores[e]), *standards[name][e]) for name, part in found.items()])
        for e in EVIDENCES
    }  # (digits, n) each
    distances = np.stack([part.scores["manifold"] for part in found.values()])  # (digits, n)
    penalties = RIVALRY * behind(distances)
    parts, rows = list(found.values()), np.arange(len(images))
    nearest = distances.argmin(axis=0)

    def pick(key: str) -> NDArray[Any]:
        return np.stack([getattr(part, key) for part in parts])[nearest, rows]

    chosen = Evidences(
        scores={e: values.min(axis=0) for e, values in standing.items()},
        reconstruction=pick("reconstruction"),
        heat_map=pick("heat_map"),
        realism=pick("realism"),
        reconstruction_realism=pick("reconstruction_realism"),
    )
    claims = {name: {e: _on_grid(standing[e][i] + penalties[i]) for e in EVIDENCES} for i, name in enumerate(found)}
    return Scored(chosen, np.array(list(found))[nearest], claims)


def behind(distances: Floats) -> Floats:
    """How far each digit lies behind the nearest other one: the logarithm of their ratio, 0 for the nearest itself.

    Args:
        distances: to each digit's memory, ``(digits, n)``, at least two digits.

    >>> behind(np.array([[1.0], [1.0], [np.e]])).ravel().tolist()
    [0.0, 0.0, 1.0]
    """
    logarithms = np.log(np.maximum(distances, 1e-6))
    return logarithms - logarithms.min(axis=0)


def standards_of(scorer: Scorer, tune: NDArray[np.float32]) -> dict[str, tuple[float, float]]:
    """Centre and scale of each evidence on a digit's tune images: median, and the way to the 90th percentile.

    Tune rather than calibration images: a score that depends on the calibration images would not be exchangeable
    with theirs, and the promise only nearly hold.
    """
    scores = scorer.score(tune).scores
    found = {}
    for e in EVIDENCES:
        middle, high = np.quantile(scores[e], [0.5, 0.9])
        found[e] = (float(middle), float(max(high - middle, 1e-9)))
    return found


def _standardised(scores: NDArray[np.float64], centre: float, scale: float) -> NDArray[np.float64]:
    return _on_grid((scores - centre) / scale)


def _on_grid(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores as a file stores them, so that a stored score compares exactly with one computed later."""
    return scores.astype(np.float32).astype(np.float64)
