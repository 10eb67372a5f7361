"""The generator's memory: what it draws from the latents of the training digits, and how far an image is from that."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from core.features import gradient_features, manifold_features
from core.paths import write_whole

NEIGHBOURS = 40
RIDGE = 0.1
COMPONENTS = 128
# Directions in which normal digits vary much tell little: each is divided by its variance to this power (0 leaves the
# space as it is, 1 is Mahalanobis' distance), small variances lifted by this share of the mean.
WHITENING = 0.25
_LIFT = 0.1
REFINING_STEPS = 24
_REFINING_RATE = 0.1
_CHUNK = 256


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
        variances, vectors = torch.linalg.eigh(centred.T @ centred / len(features))  # ascending
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
        write_whole(path, lambda part: save_file({k: v.contiguous() for k, v in vars(self).items()}, part))

    def distance(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Distance to the ridge-regularised affine patch that the nearest memories span.

        The farther a neighbour, the dearer its weight, up to infinitely dear at the first one left out: so the
        distance has no jumps where neighbours change places.

        Args:
            features: ``(n, F)``.

        Returns:
            distance ``(n,)``, neighbours ``(n, k)`` as rows of the memory, their weights ``(n, k)`` of sum 1.
        """
        n = len(features)
        centred = features - self.mean
        # Matrix products of few rows are rounded otherwise than those of many, and an image must stand at the same
        # distance alone and in any batch: rows are filled up to a multiple of eight.
        filled = F.pad(centred, (0, 0, 0, -n % 8)) @ self.basis  # (n up to 8, c)
        outside = (centred.square().sum(dim=1) - filled[:n].square().sum(dim=1)).clamp_min(0)  # (n,)
        filled = filled * self.scale
        query = filled[:n]  # (n, c)
        squared = torch.addmm(self.points.square().sum(dim=1), filled, self.points.T, alpha=-2)[:n]  # less |q|^2
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
        return (inside + outside).sqrt(), neighbours, weights


def refined(generator: nn.Module, latents: Tensor, images: Tensor) -> Tensor:
    """Move each latent to where the generator draws its own training image best.

    The encoder's guess is off by more than neighbouring digits differ. A few steps of Adam on the latent alone, the
    generator fixed, halve the error in feature space (Bojanowski et al., "Optimizing the Latent Space of Generative
    Networks", ICML 2018). Nothing random is involved.

    Args:
        generator: in eval mode.
        latents: ``(m, latent_size)`` to start from.
        images: ``(m, 28, 28)``.

    Returns:
        ``(m, latent_size)``.
    """
    parts = []
    for start, target in zip(latents.split(_CHUNK), images.split(_CHUNK), strict=True):
        wanted = gradient_features(target)  # (b, F)
        moving = start.clone().requires_grad_()
        optimiser = torch.optim.Adam([moving], lr=_REFINING_RATE, betas=(0.8, 0.95))
        for step in range(REFINING_STEPS):
            optimiser.param_groups[0]["lr"] = _REFINING_RATE * (1 - 0.8 * step / REFINING_STEPS)
            drawn = generator(moving).squeeze(1)  # (b, 28, 28)
            gradient = (gradient_features(drawn) - wanted).square().sum()
            pixel = (drawn - target).square().mean(dim=(1, 2)).sum()
            optimiser.zero_grad()
            (gradient + 10 * pixel).backward()
            optimiser.step()
        parts.append(moving.detach())
    return torch.cat(parts)
