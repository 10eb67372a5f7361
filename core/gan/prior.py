"""Latent prior: a mixture of Gaussians fitted to the latents of real digits, from which fresh ones are drawn.

Encoded digits do not fill one Gaussian: they lie in clumps with empty space between, and what a generator draws from
empty space is smoke. A mixture knows where the clumps are (Ghosh et al., "From Variational to Deterministic
Autoencoders", ICLR 2020, fit one after training; here the adversary meets its samples while training goes on).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

COMPONENTS = 128
FIT_STEPS = 12
_LLOYD_STEPS = 5
# Each component's covariance is drawn towards the mean one as if it had been seen in so many digits more.
_PSEUDO_DIGITS = 10.0
_DIGITS_PER_COMPONENT = 16  # fewer components where there are fewer digits
_FLOOR = 1e-4  # least variance along any direction
# What a model's fresh digits are drawn with: of several, the one whose digits lie nearest to held-out training digits
# (benchmarks.generator.fresh). Latents of digits that training saw lie a little closer together than those of others.
SPREAD = 1.07


@dataclass(frozen=True)
class Mixture:
    """A mixture of k full Gaussians over latents.

    Attributes:
        weights: ``(k,)`` float32, of sum 1.
        means: ``(k, latent)`` float32.
        factors: ``(k, latent, latent)`` float32, lower triangular with ``covariance = factor @ factor.T``.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    @classmethod
    @torch.no_grad()
    def fit(cls, latents: Tensor, components: int = COMPONENTS, steps: int = FIT_STEPS, seed: int = 0) -> Self:
        """Expectation maximisation (Dempster et al., 1977) from the centres that a few steps of k-means find.

        Args:
            latents: ``(m, latent)``.
            components: at most so many Gaussians, fewer where there are few latents.
            steps: of EM.
            seed: of the choice of the first centres.
        """
        latents = latents.float()
        k = max(1, min(components, len(latents) // _DIGITS_PER_COMPONENT))
        random = torch.Generator().manual_seed(seed)
        spread = latents.std(dim=0).clamp_min(math.sqrt(_FLOOR))
        scaled = latents / spread  # (m, latent)
        centres = scaled[torch.randperm(len(scaled), generator=random)[:k]]  # (k, latent)
        for _ in range(_LLOYD_STEPS):
            shares = _one_hot(torch.cdist(scaled, centres).argmin(dim=1), k)  # (m, k)
            counts = shares.sum(dim=0).clamp_min(1e-9)[:, None]
            centres = torch.where(counts > 0.5, shares.T @ scaled / counts, centres)
        start = _maximised(latents, _one_hot(torch.cdist(scaled, centres).argmin(dim=1), k))
        return cls(*start).refit(latents, steps)

    @torch.no_grad()
    def refit(self, latents: Tensor, steps: int) -> Self:
        """Some more steps of EM on latents ``(m, latent)``, from where this mixture stands."""
        fitted = self
        for _ in range(steps):
            fitted = type(self)(*_maximised(latents, fitted._responsibilities(latents)))
        return fitted

    @torch.no_grad()
    def widened(self, noise: Tensor) -> Self:
        """The same with independent noise added to what is drawn, as an encoder with noise adds it.

        Args:
            noise: ``(latent,)``, standard deviations.
        """
        covariances = self.factors @ self.factors.transpose(1, 2) + noise.square().diag()
        return type(self)(self.weights, self.means, torch.linalg.cholesky(covariances))

    @torch.no_grad()
    def sample(self, n: int, random: torch.Generator, spread: float = 1.0) -> Tensor:
        """Fresh latents ``(n, latent)``, each ``spread`` times as far from its component's mean as was fitted.

        Stratified: of the n, each component gives its share as nearly as n allows, so that few already show what there
        is. While a mixture is refitted the same state of ``random`` keeps picking the same components.
        """
        place = (torch.randperm(n, generator=random) + torch.rand(n, generator=random)) / n
        chosen = torch.searchsorted(self.weights.cumsum(dim=0), place).clamp_max(len(self.weights) - 1)  # (n,)
        unit = torch.randn(n, self.means.shape[1], 1, generator=random)
        return self.means[chosen] + spread * (self.factors[chosen] @ unit).squeeze(2)

    def tensors(self) -> dict[str, Tensor]:
        """What a file keeps of it: half precision, of the factors the lower triangles alone."""
        row, column = torch.tril_indices(*self.factors.shape[1:])
        triangles = self.factors[:, row, column]  # (k, latent * (latent + 1) / 2)
        return {"weights": self.weights.half(), "means": self.means.half(), "factors": triangles.half()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], latent_size: int) -> Self:
        """What :meth:`tensors` gave, from a file that may be hostile.

        Raises:
            KeyError: a tensor is missing.
            ValueError: one is of another shape, or the weights are not those of a mixture.
        """
        weights, means, triangles = (tensors[name].float() for name in ("weights", "means", "factors"))
        k, row, column = len(weights), *torch.tril_indices(latent_size, latent_size)
        shapes = (tuple(weights.shape), tuple(means.shape), tuple(triangles.shape))
        if not 1 <= k <= COMPONENTS or shapes != ((k,), (k, latent_size), (k, len(row))):
            raise ValueError(f"a latent prior of the shapes {shapes}")
        if not (weights.min() >= 0 and abs(float(weights.sum()) - 1) < 0.01):
            raise ValueError("a latent prior whose weights are not shares")
        factors = torch.zeros(k, latent_size, latent_size)
        factors[:, row, column] = triangles
        return cls(weights, means, factors)

    def _responsibilities(self, latents: Tensor) -> Tensor:
        """How likely each latent ``(m, latent)`` came from each component, ``(m, k)``."""
        size = latents.shape[1]
        inverse = torch.linalg.solve_triangular(self.factors, torch.eye(size), upper=False)  # (k, latent, latent)
        white = latents @ inverse.transpose(1, 2) - (inverse @ self.means[:, :, None]).transpose(1, 2)  # (k, m, latent)
        volume = self.factors.diagonal(dim1=1, dim2=2).log().sum(dim=1)  # (k,)
        return (self.weights.log() - volume - 0.5 * white.square().sum(dim=2).T).softmax(dim=1)


def _maximised(latents: Tensor, shares: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, means and Cholesky factors that suit the shares ``(m, k)`` which components have in latents best."""
    counts = shares.sum(dim=0).clamp_min(1e-6)  # (k,)
    means = shares.T @ latents / counts[:, None]  # (k, latent)
    centred = latents - means[:, None]  # (k, m, latent)
    scatter = (centred * shares.T[:, :, None]).transpose(1, 2) @ centred  # (k, latent, latent)
    pooled = scatter.sum(dim=0) / len(latents) + _FLOOR * torch.eye(latents.shape[1])
    covariances = (scatter + _PSEUDO_DIGITS * pooled) / (counts + _PSEUDO_DIGITS)[:, None, None]
    return counts / counts.sum(), means, torch.linalg.cholesky(covariances)


def _one_hot(choice: Tensor, k: int) -> Tensor:
    return torch.nn.functional.one_hot(choice, k).float()
