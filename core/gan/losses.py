"""Losses of the four networks, each a mean over its batch and differentiable."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.gan.features import gradient_features


def pixel_error(rebuilt: Tensor, real: Tensor) -> Tensor:
    """Mean squared difference of images ``(b, 1, 28, 28)``."""
    return (rebuilt - real).square().mean()


def gradient_error(rebuilt: Tensor, real: Tensor) -> Tensor:
    """Squared distance of images ``(b, 1, 28, 28)`` in gradient-orientation features: strokes rather than pixels."""
    gap = gradient_features(rebuilt.squeeze(1)) - gradient_features(real.squeeze(1))  # (b, FEATURES)
    return gap.square().sum(dim=1).mean()


def latent_divergence(means: Tensor, log_noise: Tensor) -> Tensor:
    """Kullback-Leibler divergence of encoded latents from N(0, 1) (Kingma and Welling, ICLR 2014, appendix B).

    Args:
        means: ``(b, latent)``.
        log_noise: logarithm of the encoder's noise, ``(latent,)``, the same for every image.
    """
    return 0.5 * (means.square() + (2 * log_noise).exp() - 1 - 2 * log_noise).sum(dim=1).mean()


def relativistic(better: Tensor, worse: Tensor) -> Tensor:
    """How badly a critic's logits put ``better`` above ``worse``, pair by pair, ``(b,)`` each.

    The critic calls real images better, the generator its own (Jolicoeur-Martineau, "The relativistic discriminator",
    ICLR 2019); ln 2 where nothing is told apart.
    """
    return F.softplus(worse - better).mean()


def gradient_penalty(critic: nn.Module, images: Tensor) -> Tensor:
    """Squared slope of a critic at images ``(b, 1, 28, 28)`` (Mescheder et al., ICML 2018).

    Of real images R1, of generated ones R2; both together make relativistic pairs converge (Huang et al., "The GAN is
    dead; long live the GAN!", NeurIPS 2024).
    """
    images = images.detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(images).sum(), images, create_graph=True)  # (b, 1, 28, 28)
    return slope.square().sum(dim=(1, 2, 3)).mean()


def refusal(normal: Tensor, malformed: Tensor) -> Tensor:
    """Cross-entropy of a discriminator's logits ``(b,)`` of normal digits, to be accepted, and of malformed ones."""
    return F.softplus(-normal).mean() + F.softplus(malformed).mean()


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of an optimiser down a loss."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
