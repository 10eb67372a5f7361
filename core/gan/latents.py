"""Latents: the few numbers that a generator turns into one digit; found for an image, and as a file stores them."""

import torch
from torch import Tensor, nn

from core.gan.features import gradient_features
from core.gan.optimisers import Adam

LARGEST_LATENT = 32
FEWEST = 2  # with fewer there is nothing to blend
OPTIMISATION_STEPS = 24
_RATE = 0.1
_CHUNK = 256


def optimised(generator: nn.Module, latents: Tensor, images: Tensor) -> Tensor:
    """Latent optimisation: move each latent to where the generator draws its own training image best.

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
        target_features = gradient_features(target)  # (b, F)
        latent = start.clone().requires_grad_()
        optimiser = Adam([latent], lr=_RATE, betas=(0.8, 0.95))
        for step in range(OPTIMISATION_STEPS):
            optimiser.param_groups[0]["lr"] = _RATE * (1 - 0.8 * step / OPTIMISATION_STEPS)
            generated = generator(latent).squeeze(1)  # (b, 28, 28)
            gradient = (gradient_features(generated) - target_features).square().sum()
            pixel = (generated - target).square().mean(dim=(1, 2)).sum()
            optimiser.zero_grad()
            (gradient + 10 * pixel).backward()
            optimiser.step()
        parts.append(latent.detach())
    return torch.cat(parts)


def quantised(latents: Tensor) -> tuple[Tensor, Tensor]:
    """Latents as ``(m, latent)`` int8 and ``(latent,)`` float16 steps.

    With a step of half precision, 127 steps are exact in float32: doing it twice changes nothing.
    """
    scale = (latents.abs().amax(dim=0).clamp_min(1e-3) / 127).half()
    return (latents / scale.float()).round().clamp(-127, 127).to(torch.int8), scale


def dequantised(latents: Tensor, scale: Tensor) -> Tensor:
    """What ``quantised`` made, as ``(m, latent)`` float32."""
    return latents.float() * scale.float()


def checked(latents: Tensor, scale: Tensor, size: int) -> Tensor:
    """Latents from a file, which may be hostile, before anything is made of their size.

    Raises:
        ValueError: they are not what ``quantised`` makes of latents of this size.
    """
    if size not in range(1, LARGEST_LATENT + 1):
        raise ValueError(f"a latent size of {size}")
    if latents.ndim != 2 or len(latents) < FEWEST or latents.shape[1:] != (size,) or scale.shape != (size,):
        raise ValueError(f"latents of the shape {tuple(latents.shape)}, steps {tuple(scale.shape)}")
    return dequantised(latents, scale)
