"""Evidences: what a scorer says about images, as numbers on the grid that files keep, and how they fuse."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.scoring.memory_bank import Neighbourhood, bank_features

_DIGITS = 6  # significant digits that a score keeps: few enough to be told apart in the float32 of a file

Floats = NDArray[np.float64]
Images = NDArray[np.float32]


class Scale(NamedTuple):
    """What a number is standardised by: ``(value - centre) / spread``."""

    centre: float
    spread: float

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Mean and standard deviation."""
        return cls(float(values.mean()), float(max(values.std(), 1e-6)))

    @classmethod
    def read(cls, stored: Sequence[float]) -> Self:
        """From a file.

        Raises:
            ValueError: they are not two finite numbers, the second above 0.
        """
        centre, spread = (float(value) for value in stored)
        if not (math.isfinite(centre) and 0 < spread < math.inf):
            raise ValueError(f"a scale of {spread} about {centre}")
        return cls(centre, spread)


@dataclass(frozen=True)
class Evidences:
    """What a scorer says about n images.

    Attributes:
        scores: per name in ``operating_point.EVIDENCES`` ``(n,)`` float64, not negative, higher = odder, on the grid
            that files keep, so that an image scores the same alone, in any batch and from a file.
            ``pixel``: squared difference to the reconstruction, per ink in both, 0..1;
            ``gradient``: distance to it in gradient-orientation features;
            ``manifold``: distance to what the generator can draw, in features of its own;
            ``discriminator``: minus the logarithm of ``probability``;
            ``fused``: ``log(1 + exp(z))`` of the logarithm of the distance, standardised: about linear for anomalies.
            Neither residual nor discriminator adds to it what it costs (benchmarks/results.md), so that it is known
            before anything is drawn.
        reconstruction: ``(n, 28, 28)`` float32, the image on the generator's manifold that stands for the input: for
            what is odd, what the nearest of the digits it was trained on look like.
        residual: ``(n, 28, 28)`` float32 in -1..1, input minus reconstruction: positive where there is ink that
            a normal digit would not have, negative where ink is missing, 0 where they agree.
        probability: ``(n,)`` in 0..1, the discriminator's that the image is a real normal digit.
        reconstruction_probability: ``(n,)``, the same of its reconstruction.
    """

    scores: dict[str, Floats]
    reconstruction: Images
    residual: Images
    probability: Floats
    reconstruction_probability: Floats

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Those of several lots of images as one, in order; at least one lot."""
        if len(parts) == 1:
            return parts[0]
        scores = {name: np.concatenate([part.scores[name] for part in parts]) for name in parts[0].scores}
        rest = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)[1:]}
        return cls(scores, **rest)

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Those of some of the images."""
        scores = {name: values[rows] for name, values in self.scores.items()}
        return replace(self, scores=scores, **{f.name: getattr(self, f.name)[rows] for f in fields(self)[1:]})


def distance_scores(scales: Sequence[Scale], neighbourhoods: Sequence[Neighbourhood]) -> dict[str, Floats]:
    """The evidences in ``operating_point.DISTANCES`` of n images to each of several scorers, ``(scorers, n)`` each.

    Args:
        scales: of the logarithm of normal digits' distances to each scorer's memory bank.
        neighbourhoods: of the images in each of these banks.
    """
    distances = array(torch.stack([neighbourhood.distance for neighbourhood in neighbourhoods]))  # (scorers, n)
    centres, spreads = np.array(scales).T[:, :, None]  # (scorers, 1) each
    standing = (logarithm(distances) - centres) / spreads
    manifold, fused = on_grid(np.stack((distances, np.logaddexp(0, standing))))
    return {"manifold": manifold, "fused": fused}


def describe(images: Images) -> Tensor:
    """What memory banks know images ``(n, 28, 28)`` by, ``(n, FEATURES)``."""
    return bank_features(tensor(images))


def on_grid(scores: Floats) -> Floats:
    """Scores rounded to six significant digits, and as the float32 of a file reads them.

    What differs in the last bit scores the same, and what was stored compares exactly with what is computed later.
    """
    size = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(scores), 1e-12))) + 1 - _DIGITS)
    return (np.round(scores / size) * size).astype(np.float32).astype(np.float64)


def logarithm(distances: Floats) -> Floats:
    """Of distances, which may be 0."""
    return np.log(np.maximum(distances, 1e-6))


def tensor(images: Images) -> Tensor:
    """Images as they come in: the one way from NumPy to torch."""
    return torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))


def array(measured: Tensor) -> Floats:
    """Numbers as they go out: the one way from torch to NumPy, besides images, which stay float32."""
    return measured.double().numpy()
