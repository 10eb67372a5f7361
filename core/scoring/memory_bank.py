"""Memory bank: what the generator draws of the training digits, described, and how far an image is from it.

A bank (the word is PatchCore's, Roth et al., CVPR 2022) holds no image and no training digit's feature: its points are
described *reconstructions*, in their partly whitened principal components. An image's distance is to the nearest point
that its neighbours there can be blended to: locally linear embedding's weights, Roweis & Saul, "Nonlinear
dimensionality reduction by locally linear embedding", Science 290 (2000).
"""

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
FEW_NEIGHBOURS = 2
RIDGE = 0.1
COMPONENTS = 128
# Directions in which normal digits vary much tell little: each is divided by its variance to this power (0 leaves the
# space as it is, 1 is Mahalanobis' distance), small variances lifted by this share of the mean.
WHITENING = 0.25
_LIFT = 0.1
_CHUNK = 256


class Neighbourhood(NamedTuple):
    """What of a memory bank n images are nearest to.

    Attributes:
        distance: to the neighbours' blend that comes nearest, ``(n,)``.
        indices: of the neighbours among the bank's points, nearest first, ``(n, k)``.
        blend: their weights in it, of sum 1 and of either sign, ``(n, k)``.
        few: weights, of sum 1 and none negative, of the ``FEW_NEIGHBOURS`` nearest alone, ``(n, k)``.
    """

    distance: Tensor
    indices: Tensor
    blend: Tensor
    few: Tensor


@dataclass(frozen=True)
class MemoryBank:
    """Features of what the generator draws, in their principal components, partly whitened.

    Attributes:
        mean: of the features, ``(F,)``.
        basis: principal components, ``(F, COMPONENTS)``.
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
        """Describe decoded images ``(m, 28, 28)``."""
        features = torch.cat([manifold_features(chunk) for chunk in images.split(_CHUNK)])  # (m, F)
        mean = features.mean(dim=0)
        centred = features - mean
        variances, vectors = _eigen(centred.T @ centred / len(features))  # (F,), (F, F)
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

    def nearest(self, features: Tensor) -> Neighbourhood:
        """Find the neighbours of described images ``(n, F)``, and blend them to come as near as they can."""
        query, outside = self._projected(features)  # (n up to 8, c), (n,)
        n = len(features)
        k = min(NEIGHBOURS, len(self.points) - 1)
        less_query = torch.addmm(self._squares, query, self.points.T, alpha=-2)[:n]  # (n, m): |p|^2 - 2 p.q
        squared, indices = less_query.topk(k + 1, dim=1, largest=False)  # one more, where the neighbourhood ends
        query, indices = query[:n], indices[:, :k]
        squared = (squared + query.square().sum(dim=1, keepdim=True)).clamp_min(1e-9)  # (n, k + 1)
        differences = self.points[indices] - query.unsqueeze(1)  # (n, k, c)
        blend = locally_linear_weights(differences, squared)  # (n, k)
        inside = (blend.unsqueeze(1) @ differences).squeeze(1).square().sum(dim=1)  # (n,)
        return Neighbourhood((inside + outside).sqrt(), indices, blend, _few_weights(squared))

    def _projected(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled components ``(n up to a multiple of 8, c)``, and the squared length of what lies outside, ``(n,)``.

        Matrix products of few rows are rounded otherwise than those of many, and an image must stand at the same
        distance alone and in any batch: hence the rows that fill up.
        """
        n = len(features)
        centred = features - self.mean  # (n, F)
        components = F.pad(centred, (0, 0, 0, -n % 8)) @ self.basis
        outside = (centred.square().sum(dim=1) - components[:n].square().sum(dim=1)).clamp_min(0)
        return components * self.scale, outside


def locally_linear_weights(differences: Tensor, squared: Tensor) -> Tensor:
    """Weights of sum 1 with which neighbours are blended to come nearest, small where a neighbour is far.

    Minimises ``|sum_j w_j d_j|^2 + RIDGE * mean |d|^2 * sum_j penalty_j w_j^2``. The penalty of locality grows with a
    neighbour's distance, up to infinity at the first one left out: nothing jumps where neighbours change places.

    Args:
        differences: neighbours minus query, nearest first, ``(n, k, c)``.
        squared: their squared lengths and that of the first one left out, ``(n, k + 1)``, above 0.

    Returns:
        ``(n, k)``.
    """
    gram = differences @ differences.transpose(1, 2)  # (n, k, k)
    penalty = 1 / (1 - squared[:, :-1] / squared[:, -1:]).clamp_min(1e-3)  # (n, k)
    diagonal = gram.diagonal(dim1=1, dim2=2)  # (n, k), a view
    diagonal.add_(RIDGE * diagonal.mean(dim=1, keepdim=True) * penalty)
    factor, _ = torch.linalg.cholesky_ex(gram)  # the ridge makes it positive definite
    weights = torch.cholesky_solve(torch.ones_like(penalty).unsqueeze(2), factor).squeeze(2)  # (n, k)
    return weights / weights.sum(dim=1, keepdim=True)


def _few_weights(squared: Tensor) -> Tensor:
    """Weights of the few nearest ``(n, k)`` by squared distances ``(n, k + 1)``, falling to 0 where they end."""
    count = min(FEW_NEIGHBOURS, squared.shape[1] - 1)
    weights = (squared[:, count : count + 1] - squared[:, :-1]).clamp_min(0)  # (n, k)
    weights[:, 0] += 1e-9  # where all are equally far
    return weights / weights.sum(dim=1, keepdim=True)


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
