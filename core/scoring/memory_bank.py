"""Memory bank: what the generator draws of the training digits, described, and how far an image is from it.

A bank (the word is PatchCore's, Roth et al., CVPR 2022) holds no image and no training digit's feature: its points are
described *reconstructions*, in partly whitened principal components of their features. An image's distance is to the
nearest point that its neighbours there can be blended to: locally linear embedding's weights, Roweis & Saul,
"Nonlinear dimensionality reduction by locally linear embedding", Science 290 (2000).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor
from torch.nn import functional as F

from core.files import tensors as tensor_files
from core.gan.features import MANIFOLD_FEATURES, features_of_views, views
from core.gan.networks import whole_rows
from core.scoring.holes import HOLE_FEATURES, hole_features

NEIGHBOURS = 40
FEW_NEIGHBOURS = 2
RIDGE = 0.1
# A multiple of 16: where rows do not fill the processor's registers, few are rounded otherwise than many, and an image
# must stand at the same distance alone and in any batch.
COMPONENTS = 128
# Directions in which normal digits vary much tell little: each is divided by its variance to this power (0 leaves the
# space as it is, 1 is Mahalanobis' distance), small variances lifted by this share of the mean.
WHITENING = 0.25
_LIFT = 0.1
# What lies outside the components is half noise of the pen, and counts half (as a square).
OUTSIDE = 0.5
# How much holes count: such that nearest neighbours differ in them by this share of what they differ by in all, as far
# as ``MOST_HOLES``, since digits that have no holes would give no limit.
HOLES = 0.2
MOST_HOLES = 1.1
# Points a bank has at most. Chosen far apart (``farthest_first``) they tell as much as all 4,000 of a digit, and cost
# less than half: benchmarks/results.md. A multiple of how many images are drawn at once.
MOST_POINTS = 1792
_EVERY = 8  # point that is asked for its nearest neighbour
_ITERATIONS = 1  # more find components that tell no better
_CHUNK = 256
_FEWER = 32  # images whose directions of edges, a hundred numbers a pixel, stay in the processor's cache
_ROWS = 64  # neighbourhoods solved at once: their differences stay in the processor's cache

FEATURES = MANIFOLD_FEATURES + HOLE_FEATURES


def bank_features(images: Tensor) -> Tensor:
    """What a memory bank knows images by: directions of edges, and holes; ``(n, 28, 28) -> (n, FEATURES)``."""
    described = []
    for chunk in images.float().split(_CHUNK):
        seen = views(chunk)  # (3, n, 28, 28)
        directions = torch.cat([features_of_views(part) for part in seen.split(_FEWER, dim=1)])
        described.append(torch.cat((directions, hole_features(seen[::2])), dim=1))
    return torch.cat(described)


class Neighbourhood(NamedTuple):
    """What of a memory bank n images are nearest to.

    Attributes:
        distance: to the neighbours' blend that comes nearest, ``(n,)``.
        indices: of the neighbours among the bank's points, nearest first, ``(n, k)``.
        blend: their weights in it, of sum 1 and of either sign, ``(n, k)``.
        squared: squared distances to each of them and to the first one left out, ``(n, k + 1)``, above 0.
    """

    distance: Tensor
    indices: Tensor
    blend: Tensor
    squared: Tensor

    @property
    def few(self) -> Tensor:
        """Weights, of sum 1 and none negative, of the ``FEW_NEIGHBOURS`` nearest alone, ``(n, k)``."""
        return _few_weights(self.squared)

    def take(self, rows: Tensor) -> Self:
        """Those of some of the images."""
        return type(self)(*(values[rows] for values in self))


class SearchResult(NamedTuple):
    """What the search in a bank finds for n images, before it is blended.

    Attributes:
        query: the images among the bank's points, ``(n, c)``.
        outside: squared length of what no component holds, ``(n,)``.
        indices: of the neighbours, nearest first, ``(n, k)``.
        squared: their squared distances and that of the first one left out, ``(n, k + 1)``, above 0.
    """

    query: Tensor
    outside: Tensor
    indices: Tensor
    squared: Tensor


@dataclass(frozen=True)
class MemoryBank:
    """Features of what the generator draws, in their principal components, partly whitened.

    Attributes:
        weights: how much each feature counts, ``(FEATURES,)``.
        mean: of the weighted features, ``(FEATURES,)``.
        basis: their principal components, ``(FEATURES, COMPONENTS)``.
        scale: ``(COMPONENTS,)``, how much each component counts; all that lies outside of them counts ``OUTSIDE``.
        points: ``(m, COMPONENTS)``, scaled.
    """

    weights: Tensor
    mean: Tensor
    basis: Tensor
    scale: Tensor
    points: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, images: Tensor, hole_weight: float | None = None) -> Self:
        """Describe decoded images ``(m, 28, 28)``; the weight of holes is measured where it is not known."""
        features = bank_features(images)  # (m, F)
        weights = torch.ones(FEATURES)
        weights[MANIFOLD_FEATURES:] = _hole_weight(features) if hole_weight is None else hole_weight
        features *= weights
        mean = features.mean(dim=0)
        centred = features - mean
        variances, basis = principal_components(centred, COMPONENTS)  # (c,), (F, c)
        rest = (centred.square().sum() / len(centred) - variances.sum()).clamp_min(0) / (FEATURES - COMPONENTS)
        lift = (_LIFT * variances.mean()).clamp_min(1e-9)
        scale = ((rest + lift) / (variances + lift)).pow(WHITENING / 2)
        return cls(weights, mean, basis, scale, centred @ basis * scale)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """From the cache; None if it is not there or not what was written."""
        try:
            # Copies laid out as torch lays out its own, since how a product is rounded may depend on that.
            return cls(
                **{name: value.clone() for name, value in from_bytes(tensor_files.read(path, checked=True)[1]).items()}
            )
        except (SafetensorError, OSError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Into the cache."""
        tensors = {field.name: getattr(self, field.name).contiguous() for field in fields(self)}
        tensor_files.write(path, to_bytes(tensors))

    @cached_property
    def _squares(self) -> Tensor:
        """Squared length of each point, ``(m,)``."""
        return self.points.square().sum(dim=1)

    @cached_property
    def _columns(self) -> Tensor:
        """The points ``(c, m)``, laid out as a product with few rows reads them: in half the time."""
        return self.points.T.contiguous()

    @property
    def hole_weight(self) -> float:
        """How much each feature of holes counts."""
        return float(self.weights[-1])

    def nearest(self, features: Tensor) -> Neighbourhood:
        """Find the neighbours of described images ``(n, FEATURES)``, and blend them to come as near as they can."""
        return nearest_in_each([self], features)[0]

    def search(self, features: Tensor) -> SearchResult:
        """Find the neighbours of described images ``(n, FEATURES)``, and where their neighbourhood ends."""
        query, outside = self._projected(features)  # (n up to 8, c), (n,)
        n = len(features)
        k = min(NEIGHBOURS, len(self.points) - 1)
        less_query = torch.addmm(self._squares, query, self._columns, alpha=-2)[:n]  # (n, m): |p|^2 - 2 p.q
        squared, indices = less_query.topk(k + 1, dim=1, largest=False)
        query = query[:n]
        squared = (squared + query.square().sum(dim=1, keepdim=True)).clamp_min(1e-9)  # (n, k + 1)
        return SearchResult(query, outside, indices[:, :k], squared)

    def placed(self, features: Tensor) -> Tensor:
        """Described images ``(n, FEATURES)`` as points of this bank, ``(n, COMPONENTS)``."""
        return self._projected(features)[0][: len(features)]

    def _projected(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Images among the points ``(n up to a multiple of 8, c)``, and the squared length of what lies outside.

        Matrix products of few rows are rounded otherwise than those of many: hence the rows that fill up.
        """
        n = len(features)
        centred = features * self.weights - self.mean  # (n, F)
        components = whole_rows(centred, 8) @ self.basis
        outside = (centred.square().sum(dim=1) - components[:n].square().sum(dim=1)).clamp_min(0)
        return components * self.scale, outside


def _hole_weight(features: Tensor) -> Tensor:
    """How much holes count beside directions, ``()``, by what some of the points differ from their nearest in."""
    asked = torch.arange(len(features)) % _EVERY == 0
    some, others = features[asked], features[~asked]
    distance, nearest = torch.cdist(some[:, :MANIFOLD_FEATURES], others[:, :MANIFOLD_FEATURES]).min(dim=1)
    holes = (some - others[nearest])[:, MANIFOLD_FEATURES:].square().sum(dim=1)
    return (HOLES * (distance.square().mean() / holes.mean().clamp_min(1e-9)).sqrt()).clamp(max=MOST_HOLES)


def nearest_in_each(banks: Sequence[MemoryBank], features: Tensor) -> list[Neighbourhood]:
    """The neighbourhood of each image in each of several banks; the blends of an image are solved together.

    Args:
        banks: at least one.
        features: of n images, ``(n, FEATURES)``.

    Returns:
        One for each bank.
    """
    hits = [bank.search(features) for bank in banks]
    if len({part.indices.shape[1] for part in hits}) > 1:  # a bank too small for a whole neighbourhood
        return [bank.nearest(features) for bank in banks]
    together = max(1, _ROWS // len(banks))  # images
    blends, inside = [], []
    for start in range(0, max(len(features), 1), together):
        rows = slice(start, start + together)
        pairs = zip(banks, hits, strict=True)
        differences = torch.cat([F.embedding(f.indices[rows], bank.points) - f.query[rows, None] for bank, f in pairs])
        blend = locally_linear_weights(differences, torch.cat([f.squared[rows] for f in hits]))  # (banks * r, k)
        missed = (blend.unsqueeze(1) @ differences).squeeze(1)  # (banks * r, c)
        each = len(banks), len(features[rows])
        blends.append(blend.unflatten(0, each))
        inside.append(missed.square().sum(dim=1).unflatten(0, each))
    parts = zip(hits, torch.cat(blends, dim=1), torch.cat(inside, dim=1), strict=True)
    return [
        Neighbourhood((within + OUTSIDE * f.outside).sqrt(), f.indices, blend, f.squared) for f, blend, within in parts
    ]


def farthest_first(points: Tensor, count: int) -> Tensor:
    """A greedy k-centre coreset: each next point is the one farthest from all before it, so that none is far from all.

    Gonzalez, "Clustering to minimize the maximum intercluster distance", Theoretical Computer Science 38 (1985); what
    PatchCore thins its memory bank by. Any first part of the order is the coreset of that size.

    Args:
        points: ``(m, c)``.
        count: how many are wanted, at most m.

    Returns:
        Their rows in the order in which they were taken, ``(count,)``; the first is the one nearest to the mean.
    """
    squares = points.square().sum(dim=1)  # (m,)
    nearest = torch.full_like(squares, torch.inf)  # squared distance to what is taken
    taken = [int((points - points.mean(dim=0)).square().sum(dim=1).argmin())]
    while len(taken) < count:
        last = points[taken[-1]]
        nearest = torch.minimum(nearest, squares + last @ last - 2 * (points @ last))
        nearest[taken[-1]] = -1  # never again, even where all that is left equals it
        taken.append(int(nearest.argmax()))
    return torch.tensor(taken)


def principal_components(centred: Tensor, count: int, iterations: int = _ITERATIONS) -> tuple[Tensor, Tensor]:
    """Largest variances ``(count,)``, ascending, and their directions ``(F, count)``, of centred rows ``(m, F)``.

    Randomised subspace iteration (Halko, Martinsson & Tropp, "Finding structure with randomness", SIAM Review 53,
    2011) with a seed of its own: a fifth of the time of all eigenvectors of the covariance, and the same each time.
    """
    random = torch.Generator().manual_seed(0)
    subspace = torch.randn(centred.shape[1], count + count // 2, generator=random)
    for _ in range(iterations):
        subspace = torch.linalg.qr(centred.T @ (centred @ subspace)).Q
    projected = centred @ subspace  # (m, 1.5 count)
    # Few digits, much alike, leave directions without variance: double precision, whose eigenvectors stay finite.
    variances, vectors = torch.linalg.eigh((projected.T @ projected).double() / len(centred))
    return variances[-count:].clamp_min(0).float(), (subspace @ vectors[:, -count:].float()).contiguous()


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
