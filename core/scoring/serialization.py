"""Serialization: a scorer's parts as the tensors of a file, and back from one that nobody vouches for."""

import hashlib
from typing import Any, NamedTuple

import torch
from torch import Tensor

from core.errors import ModelError
from core.gan import latents as latent_codes
from core.gan.features import FEATURES_VERSION
from core.gan.networks import Networks, build
from core.gan.prior import Mixture
from core.gan.recipe import TrainingSettings
from core.scoring.evidences import Scale
from core.scoring.memory_bank import MOST_HOLES


class Stored(NamedTuple):
    """What a file holds of a scorer: all but the memory bank, which is made of it; see ``Scorer``.

    Attributes:
        hole_weight: how much holes count in the bank; None where it must be measured.
    """

    networks: Networks
    latents: Tensor
    settings: TrainingSettings
    held: Tensor
    scale: Scale
    prior: Mixture | None
    hole_weight: float | None


def read(tensors: dict[str, Tensor], meta: dict[str, Any]) -> Stored:
    """What ``Scorer.tensors`` and ``Scorer.meta`` gave, from a file, which may be hostile.

    Raises:
        ModelError: something is missing, of another shape, or made for other features.
    """
    if meta.get("features_version") != FEATURES_VERSION:
        raise ModelError(
            f"the model was made for features version {meta.get('features_version')}, this is "
            f"{FEATURES_VERSION}; train it again"
        )
    try:
        settings = TrainingSettings.read(meta["settings"])
        latents = latent_codes.checked(tensors["latents"], tensors["latents_scale"], settings.latent_size)
        mixture = _under("prior.", tensors)
        return Stored(
            networks=rebuilt(settings, _under("weights.", tensors)),
            latents=latents,
            settings=settings,
            held=_checked_held(tensors["latents_held"] if "bank" in meta else None, len(latents)),
            scale=Scale.read(meta["fusion"]["manifold"]),
            prior=Mixture.from_tensors(mixture, settings.latent_size) if mixture else None,
            hole_weight=_checked_weight(meta.get("hole_weight")),
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"the model is incomplete or damaged ({reason}); train or download it again") from error


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


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
        own = {key: value.float() for key, value in _under(f"{name}.", weights).items()}
        missing, unexpected = network.load_state_dict(own, strict=False)
        missing = [key for key in missing if not key.endswith("num_batches_tracked")]
        if missing or unexpected:
            raise ValueError(f"weights missing or foreign: {', '.join([*missing, *unexpected][:3])}")
    return Networks(*(network.eval().requires_grad_(False) for network in networks))


def _checked_held(rows: Tensor | None, count: int) -> Tensor:
    """Which of so many latents a bank holds, ``(p,)``; all where the file says nothing."""
    if rows is None:
        return torch.arange(count)
    held = rows.long()
    if held.ndim != 1 or len(held) < 2 or held[0] < 0 or held[-1] >= count or bool((held.diff() <= 0).any()):
        raise ValueError(f"a memory bank of the rows {tuple(held.shape)} of {count} latents")
    return held


def _checked_weight(weight: float | None) -> float | None:
    if weight is not None and not 0 < weight <= MOST_HOLES * 1.000001:  # as stored: single precision
        raise ValueError(f"holes that count {weight}")
    return weight


def fingerprint(tensors: dict[str, Tensor]) -> str:
    """Tells one set of named tensors from any other: 32 hexadecimal digits."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].numpy().tobytes())
    return digest.hexdigest()[:32]
