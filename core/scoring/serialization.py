"""How networks and latents become the tensors of a file, and come back from one that nobody vouches for."""

import hashlib

import torch
from torch import Tensor

from core.gan.networks import Networks, build
from core.gan.trainer import LARGEST_LATENT, TrainingSettings


def quantised(latents: Tensor) -> tuple[Tensor, Tensor]:
    """Latents as ``(m, latent)`` int8 and ``(latent,)`` float16 steps.

    With a step of half precision, 127 steps are exact in float32: doing it twice changes nothing.
    """
    scale = (latents.abs().amax(dim=0).clamp_min(1e-3) / 127).half()
    return (latents / scale.float()).round().clamp(-127, 127).to(torch.int8), scale


def dequantised(latents: Tensor, scale: Tensor) -> Tensor:
    """What ``quantised`` made, as ``(m, latent)`` float32."""
    return latents.float() * scale.float()


def checked_latents(latents: Tensor, scale: Tensor, size: int) -> Tensor:
    """Latents from a file, which may be hostile, before anything is made of their size.

    Raises:
        ValueError: they are not what ``quantised`` makes of latents of this size.
    """
    if size not in range(1, LARGEST_LATENT + 1):
        raise ValueError(f"a latent size of {size}")
    if latents.ndim != 2 or len(latents) == 0 or latents.shape[1:] != (size,) or scale.shape != (size,):
        raise ValueError(f"latents of the shape {tuple(latents.shape)}, steps {tuple(scale.shape)}")
    return dequantised(latents, scale)


def half_precision(networks: Networks) -> dict[str, Tensor]:
    """All weights and running statistics of three networks by ``network.name``, float16."""
    return {
        f"{name}.{key}": value.half().contiguous()
        for name, network in networks._asdict().items()
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }


def rebuilt(settings: TrainingSettings, weights: dict[str, Tensor]) -> Networks:
    """Networks from what ``half_precision`` made of them, to be used and not to be trained.

    Raises:
        ValueError: weights are missing, or there are others.
        RuntimeError: weights are of another shape.
    """
    with torch.random.fork_rng(devices=[]):
        networks = build(settings.architecture, settings.latent_size)
    for name, network in networks._asdict().items():
        own = {key.removeprefix(f"{name}."): v.float() for key, v in weights.items() if key.startswith(f"{name}.")}
        missing, unexpected = network.load_state_dict(own, strict=False)
        missing = [key for key in missing if not key.endswith("num_batches_tracked")]
        if missing or unexpected:
            raise ValueError(f"weights missing or foreign: {', '.join([*missing, *unexpected][:3])}")
    return Networks(*(network.eval().requires_grad_(False) for network in networks))


def fingerprint(tensors: dict[str, Tensor]) -> str:
    """Tells one set of named tensors from any other: 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].numpy().tobytes())
    return digest.hexdigest()[:32]
