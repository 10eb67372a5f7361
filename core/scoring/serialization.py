"""Serialization: networks as the tensors of a file, and back from one that nobody vouches for."""

import hashlib

import torch
from torch import Tensor

from core.gan.networks import Networks, build
from core.gan.recipe import TrainingSettings


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
        networks = build(settings.architecture, settings.latent_size, settings.views)
    for name, network in networks._asdict().items():
        own = {key.removeprefix(f"{name}."): v.float() for key, v in weights.items() if key.startswith(f"{name}.")}
        missing, unexpected = network.load_state_dict(own, strict=False)
        missing = [key for key in missing if not key.endswith("num_batches_tracked")]
        if missing or unexpected:
            raise ValueError(f"weights missing or foreign: {', '.join([*missing, *unexpected][:3])}")
    return Networks(*(network.eval().requires_grad_(False) for network in networks))


def checked_held(rows: Tensor | None, count: int) -> Tensor:
    """Which of so many latents a bank holds, ``(p,)``, from a file, which may be hostile; all where it says nothing.

    Raises:
        ValueError: they are no ascending rows of latents.
    """
    if rows is None:
        return torch.arange(count)
    held = rows.long()
    if held.ndim != 1 or len(held) < 2 or held[0] < 0 or held[-1] >= count or bool((held.diff() <= 0).any()):
        raise ValueError(f"a memory bank of the rows {tuple(held.shape)} of {count} latents")
    return held


def checked_weight(weight: float | None, most: float) -> float | None:
    """How much holes count in a bank, from a file, which may be hostile; None where it says nothing.

    Raises:
        ValueError: it is no number from 0 to the most that there can be.
    """
    if weight is not None and not 0 < weight <= most * 1.000001:  # as stored: single precision
        raise ValueError(f"holes that count {weight}")
    return weight


def fingerprint(tensors: dict[str, Tensor]) -> str:
    """Tells one set of named tensors from any other: 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].numpy().tobytes())
    return digest.hexdigest()[:32]
