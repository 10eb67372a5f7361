"""The generator's memory: what it draws from the latents of the training digits, and how far an image is from that."""

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from core.files.atomic import write_whole
from core.gan.features import manifold_features

NEIGHBOURS = 40
RIDGE = 0.1
CLOSEST = 2
COMPONENTS = 128
# Directions in which normal digits vary much tell little: each is divided by its variance to this power (0 leaves the
# space as it is, 1 is Mahalanobis' distance), small variances lifted by this share of the mean.
WHITENING = 0.25
_LIFT = 0.1
_CHUNK = 256


class Nearest(NamedTuple):
    """What of a memory n images are nearest to.

    Attributes:
        distance: to the patch, ``(n,)``.
        neighbours: rows of the memory, nearest first, ``(n, k)``.
        patch: their weights in the patch's nearest point, of sum 1, ``(n, k)``.
        closest: weights of the ``CLOSEST`` of them alone, of sum 1, ``(n, k)``.
    """

    distance: Tensor
    neighbours: Tensor
    patch: Tensor
    closest: Tensor


@dataclass(frozen=True)
class Memory:
    """Features of what the generator draws, in their principal components, partly whitened.

    Attributes:
        mean: ``(F,)``.
        basis: ``(F, COMPONENTS)``.
        scale: ``(COMPONENTS,)``, how much each component counts; all that lies outside of them counts 1.
        points: ``(m, COMPONENTS)``, scaled.
    """

    mean: Tensor
    basis: Tensor
    scale: Tensor
    points: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, images: Tensor) -> Self:
        """Of decoded images ``(m, 28, 28)``."""
        features = torch.cat([manifold_features(chunk) for chunk in images.split(_CHUNK)])  # (m, F)
        mean = features.mean(dim=0)
        centred = features - mean
        variances, vectors = _eigen(centred.T @ centred / len(features))
        basis = vectors[:, -COMPONENTS:].contiguous()
        lifted = variances.clamp_min(0) + (_LIFT * variances[-COMPONENTS:].mean()).clamp_min(1e-9)
        scale = (lifted[:-COMPONENTS].mean() / lifted[-COMPONENTS:]).pow(WHITENING / 2)
        return cls(mean, basis, scale, centred @ basis * scale)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """From the cache; None if it is not there or not whole."""
        if not path.exists():
            return None
        try:
            return cls(**load_file(path))
        except (SafetensorError, OSError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Into the cache."""
        tensors = {field.name: getattr(self, field.name).contiguous() for field in fields(self)}
        write_whole(path, lambda part: save_file(tensors, part))

    @cached_property
    def _squares(self) -> Tensor:
        """Squared length of each point, ``(m,)``."""
        return self.points.square().sum(dim=1)

    def nearest(self, features: Tensor) -> Nearest:
        """The ridge-regularised affine patch that the nearest memories span, and how far it is.

        The farther a neighbour, the dearer its weight, up to infinitely dear at the first one left out: so nothing
        jumps where neighbours change places.

        Args:
            features: ``(n, F)``.
        """
        n = len(features)
        centred = features - self.mean
        # Matrix products of few rows are rounded otherwise than those of many, and an image must stand at the same
        # distance alone and in any batch: rows are filled up to a multiple of eight.
        filled = F.pad(centred, (0, 0, 0, -n % 8)) @ self.basis  # (n up to 8, c)
        outside = (centred.square().sum(dim=1) - filled[:n].square().sum(dim=1)).clamp_min(0)  # (n,)
        filled = filled * self.scale
        query = filled[:n]  # (n, c)
        squared = torch.addmm(self._squares, filled, self.points.T, alpha=-2)[:n]  # less |q|^2
        k = min(NEIGHBOURS, len(self.points) - 1)
        nearest, neighbours = squared.topk(k + 1, dim=1, largest=False)
        nearest = (nearest + query.square().sum(dim=1, keepdim=True)).clamp_min(1e-9)
        neighbours = neighbours[:, :k]
        differences = self.points[neighbours] - query.unsqueeze(1)  # (n, k, c)
        gram = differences @ differences.transpose(1, 2)  # (n, k, k)
        dear = 1 / (1 - nearest[:, :k] / nearest[:, k:]).clamp_min(1e-3)  # (n, k)
        size = gram.diagonal(dim1=1, dim2=2).mean(dim=1, keepdim=True)
        gram.diagonal(dim1=1, dim2=2).add_(RIDGE * size * dear)
        factor, _ = torch.linalg.cholesky_ex(gram)  # the ridge makes it positive definite
        weights = torch.cholesky_solve(torch.ones_like(dear).unsqueeze(2), factor).squeeze(2)  # (n, k)
        weights = weights / weights.sum(dim=1, keepdim=True)
        inside = (weights.unsqueeze(1) @ differences).squeeze(1).square().sum(dim=1)  # (n,)
        return Nearest((inside + outside).sqrt(), neighbours, weights, _closest(nearest))


def _eigen(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, ascending, and eigenvectors; few digits, much alike, need double precision for them.

    In single precision the solver then raises, or gives NaN without a word.
    """
    try:
        variances, vectors = torch.linalg.eigh(covariance)
        solved = bool(torch.isfinite(vectors).all())
    except torch.linalg.LinAlgError:
        solved = False
    if not solved:
        variances, vectors = torch.linalg.eigh(covariance.double())
    return variances.float(), vectors.float()


def _closest(squared: Tensor) -> Tensor:
    """Weights of the closest ``(n, k)`` by squared distances ``(n, k + 1)``, down to 0 at the first one left out."""
    count = min(CLOSEST, squared.shape[1] - 1)
    weights = (squared[:, count : count + 1] - squared[:, :-1]).clamp_min(0)  # (n, k)
    weights[:, 0] += 1e-9  # where all are equally far
    return weights / weights.sum(dim=1, keepdim=True)
