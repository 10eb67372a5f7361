"""Several digits: how their scores become one, and how odd an image would be as each of them.

Every digit scores on its own and is standardised; the smallest is the model's score. As one certain digit, an image is
also the odder the nearer another digit is: a 1 with a flag is a strange 1, but a stranger 7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.operating_point import DISTANCES
from core.scoring.evidences import Evidences, Images, Scale, describe, distance_scores, logarithm, on_grid
from core.scoring.memory_bank import Neighbourhood, nearest_in_each
from core.scoring.scorer import Scorer

# How much it counts that another digit is nearer, in standardised scores a unit of the logarithm of the distances'
# ratio; chosen on validation images (benchmarks/results.md).
RIVALRY = 5.0

Floats = NDArray[np.float64]
Scores = dict[str, Floats]
Standards = Mapping[str, Mapping[str, tuple[float, float]]]


@dataclass(frozen=True)
class Scored:
    """What the scorers of a model say about n images.

    Attributes:
        scores: evidence -> the model's raw scores ``(n,)``: the scorer's own for one digit. Of several digits, each
            is standardised; of distances the smallest is taken, of what is drawn that of the digit drawn.
        digits: whose memory bank is nearest, ``(n,)``.
        nonconformity: digit -> evidence in ``DISTANCES`` -> how odd each image would be as that digit ``(n,)``: the
            scorer's own raw score for one digit, else standardised, and higher the nearer another digit's bank is.
        seen: what is to be seen of the digits drawn; None where nothing was.
    """

    scores: Scores
    digits: NDArray[np.str_]
    nonconformity: dict[str, Scores]
    seen: Evidences | None


def score(scorers: Mapping[str, Scorer], standards: Standards, images: Images, draw: bool = True) -> Scored:
    """Score images against every digit of a model.

    Args:
        scorers: one a digit.
        standards: digit -> evidence -> (centre, scale), from ``standards_of``.
        images: ink images ``(n, 28, 28)``, few enough to be held once for every digit.
        draw: whether to draw the nearest digit too; without, there are scores of ``DISTANCES`` only, the same ones.
    """
    names, each = list(scorers), list(scorers.values())
    neighbourhoods = nearest_in_each([scorer.bank for scorer in each], describe(images))
    own = distance_scores([scorer.scale for scorer in each], neighbourhoods)  # (digits, n) each
    nearest = own["manifold"].argmin(axis=0)  # (n,)
    digits = np.array(names)[nearest]
    seen = _drawn(each, images, neighbourhoods, nearest) if draw else None
    drawn = {} if seen is None else seen.scores
    if len(each) == 1:
        alone = {e: values[0] for e, values in own.items()}
        return Scored(alone | drawn, digits, {names[0]: alone}, seen)
    scales = {e: np.array([standards[name][e] for name in names]).T for e in (*DISTANCES, *drawn)}  # (2, digits) each
    standardised = {e: _standardised(own[e], *scales[e][:, :, None]) for e in DISTANCES}  # (digits, n) each
    scores = {e: values.min(axis=0) for e, values in standardised.items()}
    for e, values in drawn.items():
        scores[e] = _standardised(values, *scales[e][:, nearest])  # (n,)
    penalties = RIVALRY * behind(own["manifold"])  # (digits, n)
    odd = {e: on_grid(standardised[e] + penalties) for e in DISTANCES}
    nonconformity = {name: {e: odd[e][i] for e in DISTANCES} for i, name in enumerate(names)}
    return Scored(scores, digits, nonconformity, seen)


def _drawn(
    scorers: Sequence[Scorer], images: Images, neighbourhoods: Sequence[Neighbourhood], nearest: NDArray[np.int64]
) -> Evidences:
    """What each image's nearest digit makes of it."""
    parts, order = [], []
    for i, (scorer, neighbourhood) in enumerate(zip(scorers, neighbourhoods, strict=True)):
        rows = np.flatnonzero(nearest == i)
        if len(rows) == len(images):
            return scorer.compare(images, neighbourhood)
        if len(rows):
            parts.append(scorer.compare(images[rows], neighbourhood.take(torch.from_numpy(rows))))
            order.append(rows)
    return Evidences.joined(parts).take(np.concatenate(order).argsort())


def behind(distances: Floats) -> Floats:
    """How far each digit lies behind the nearest other one: the logarithm of their ratio, 0 for the nearest itself.

    Args:
        distances: to each digit's memory bank, ``(digits, n)``, at least two digits.

    >>> behind(np.array([[1.0], [1.0], [np.e]])).ravel().tolist()
    [0.0, 0.0, 1.0]
    """
    logarithms = logarithm(distances)
    return logarithms - logarithms.min(axis=0)


def standards_of(scorer: Scorer, validation: Images) -> dict[str, Scale]:
    """Centre and spread of each evidence on a digit's validation images: median, and the way to the 90th percentile.

    Validation rather than calibration images: a score that depends on the calibration images would not be
    exchangeable with theirs, and the promise only nearly hold.
    """
    standards = {}
    for e, scores in scorer.score(validation).scores.items():
        middle, high = np.quantile(scores, [0.5, 0.9])
        standards[e] = Scale(float(middle), float(max(high - middle, 1e-9)))
    return standards


def _standardised(scores: Floats, centre: Floats, spread: Floats) -> Floats:
    return on_grid((scores - centre) / spread)
