"""How the scores of several digits become one: each scored on its own, standardised, and the smallest taken."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.features import Described
from core.operating import EVIDENCES
from core.scoring import Evidences, Scorer

Scores = dict[str, NDArray[np.float64]]
Standards = Mapping[str, Mapping[str, tuple[float, float]]]


@dataclass(frozen=True)
class Scored:
    """What the scorers of a model say about n images.

    Attributes:
        nearest: the evidences of the digit that each image is nearest to. Its scores are the model's raw ones: the
            scorer's own for one digit, else the smallest standardised one.
        digits: which digit that is, ``(n,)``.
        own: digit -> evidence -> that digit's own scores ``(n,)``.
    """

    nearest: Evidences
    digits: NDArray[np.str_]
    own: dict[str, Scores]


def score(scorers: Mapping[str, Scorer], standards: Standards, images: NDArray[np.float32]) -> Scored:
    """Score images against every digit of a model.

    Args:
        scorers: one a digit.
        standards: digit -> evidence -> (centre, scale), from ``standards_of``.
        images: ink images ``(n, 28, 28)``, few enough to be held once for every digit.
    """
    features = Described.of(torch.from_numpy(images))  # the same for every digit's scorer
    found = {name: scorer.score(images, features) for name, scorer in scorers.items()}
    own = {name: {e: _on_grid(part.scores[e]) for e in EVIDENCES} for name, part in found.items()}
    if len(found) == 1:
        ((name, only),) = found.items()
        return Scored(replace(only, scores=own[name]), np.full(len(images), name), own)
    standing = {e: np.stack([_standardised(own[name][e], *standards[name][e]) for name in found]) for e in EVIDENCES}
    parts, rows = list(found.values()), np.arange(len(images))
    nearest = standing["fused"].argmin(axis=0)

    def pick(key: str) -> NDArray[Any]:
        return np.stack([getattr(part, key) for part in parts])[nearest, rows]

    chosen = Evidences(
        scores={e: values.min(axis=0) for e, values in standing.items()},
        reconstruction=pick("reconstruction"),
        heat_map=pick("heat_map"),
        realism=pick("realism"),
        reconstruction_realism=pick("reconstruction_realism"),
    )
    return Scored(chosen, np.array(list(found))[nearest], own)


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
