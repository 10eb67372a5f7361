"""The five evidences of one digit class, and how they fuse.

A :class:`Scorer` holds three networks and the latents of the training digits. Its memory is what the generator
draws from those latents: no training image and no feature of one is kept.
"""

import contextlib
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.errors import ModelError
from core.gan import latents as latent_codes
from core.gan.determinism import one_thread
from core.gan.features import FEATURES, FEATURES_VERSION, Described, gradient_features
from core.gan.networks import Networks, for_inference
from core.gan.trainer import TrainingSettings
from core.scoring import serialization
from core.scoring.memory_bank import Memory

# Raise it whenever the constants below or those of ``memory`` or ``several`` change, or ``manifold_features``: a stored
# calibration holds for the scores it was made with and no others.
SCORING_VERSION = 4
# Chosen on development images (benchmarks/detection/weights.py) so that every part has a say: the manifold tells other
# characters best, the other two tell broken digits.
WEIGHTS = {"manifold": 1.0, "gradient": 0.05, "discriminator": 0.01}
_CHUNK = 256
_DIGITS = 7  # significant digits that a score keeps
# Where a reconstruction turns from a blend of all neighbours to the closest, in spreads of log distance from the tune
# images' centre: about where normal digits end, and where they have ended.
_ODD, _ODDEST = 1.5, 2.5
# Few rows are rounded otherwise than many, and an image must score the same in any batch: networks are given a
# multiple of this many. Below it convolutions differ on some processors; matrix products, and what nobody has measured,
# mind more.
_ROWS = {"conv": 4, "attention": 4}
_MOST_ROWS = 16


@dataclass(frozen=True)
class Evidences:
    """What a scorer says about n images.

    Attributes:
        scores: per name in ``operating.EVIDENCES`` ``(n,)`` float64, not negative, higher = odder, rounded to seven
            significant digits so that an image scores the same alone and in any batch.
            ``pixel``: squared difference to the reconstruction, per ink in both, 0..1;
            ``gradient``: distance to it in gradient-orientation features;
            ``manifold``: distance to what the generator can draw, in that space;
            ``discriminator``: minus the logarithm of ``realism``;
            ``fused``: ``log(1 + exp(sum))`` of the standardised, weighted evidences, about linear for anomalies.
        reconstruction: ``(n, 28, 28)`` float32, the image on the generator's manifold that stands for the input: for
            what is odd, what the closest of the digits it was trained on look like.
        heat_map: ``(n, 28, 28)`` float32 in -1..1, input minus reconstruction: positive where there is ink that
            a normal digit would not have, negative where ink is missing, 0 where they agree.
        realism: ``(n,)`` in 0..1, the discriminator's probability that the image is a real normal digit.
        reconstruction_realism: ``(n,)``, the same of its reconstruction.
    """

    scores: dict[str, np.ndarray]
    reconstruction: np.ndarray
    heat_map: np.ndarray
    realism: np.ndarray
    reconstruction_realism: np.ndarray


class Scorer:
    """Scores ink images against one class of normal digits. Made by :meth:`fit` or :meth:`from_tensors`.

    Args:
        networks: trained networks, as they will be stored and come back: in evaluation mode, without gradients.
        latents: ``(m, latent_size)`` of the training digits, as they will be stored.
        settings: what the networks were trained with.
        fusion: centre and spread, among tune images, of each part that fuses; empty before they are known.
        memory: decoded memory, if it is known already.
    """

    def __init__(
        self,
        networks: Networks,
        latents: Tensor,
        settings: TrainingSettings,
        fusion: dict[str, tuple[float, float]],
        memory: Memory | None = None,
    ) -> None:
        self.networks = networks
        self._draw = for_inference(self.networks.generator)
        self._judge = for_inference(self.networks.discriminator)
        self.latents = latents
        self.settings = settings
        self.fusion = fusion
        self._memory = memory or Memory.of(self.decode(latents))

    @classmethod
    def fit(
        cls, networks: Networks, train_images: np.ndarray, tune_images: np.ndarray, settings: TrainingSettings
    ) -> Self:
        """Build the generator's memory and the fusion.

        Args:
            networks: trained ones; they are copied and rounded to half precision before anything uses them.
            train_images: ``(m, 28, 28)`` normals whose latents become the memory.
            tune_images: ``(t, 28, 28)`` other normals, which set the scale of the evidences.
            settings: what the networks were trained with.
        """
        rounded = serialization.rebuilt(settings, serialization.half_precision(networks))
        given = torch.from_numpy(np.ascontiguousarray(train_images, dtype=np.float32))
        with one_thread():
            latents = latent_codes.optimised(rounded.generator, _encode(rounded, train_images), given)
        latents = latent_codes.dequantised(*latent_codes.quantised(latents))
        scorer = cls(rounded, latents, settings, {})
        scorer.weigh(tune_images)
        return scorer

    def weigh(self, tune_images: np.ndarray) -> None:
        """Set the scale of the parts that fuse, by ``(t, 28, 28)`` normals that trained nothing."""
        self.fusion = {}
        # Reconstructions depend on the scale of the distances, all other scales on the reconstructions.
        for names in ({"manifold"}, WEIGHTS):
            with one_thread():
                parts = _fusion_parts(_columns([self], tune_images)[0])
            self.fusion = {name: (float(parts[name].mean()), float(max(parts[name].std(), 1e-6))) for name in names}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], meta: dict[str, Any], cache: Path | None = None) -> Self:
        """Rebuild a scorer from what :meth:`tensors` and :meth:`meta` gave.

        Args:
            tensors: by name.
            meta: settings, fusion and versions.
            cache: folder for what is decoded from the latents (a few MB a scorer, found by a hash of the tensors).

        Raises:
            ModelError: something is missing, of another shape, or made for other features.
        """
        if meta.get("features_version") != FEATURES_VERSION:
            raise ModelError(
                f"the model was made for features version {meta.get('features_version')}, this is "
                f"{FEATURES_VERSION}; train it again"
            )
        try:
            settings = TrainingSettings(**meta["settings"])
            fusion = {name: scale_of(meta["fusion"][name]) for name in WEIGHTS}
            latents = latent_codes.checked(tensors["latents"], tensors["latents_scale"], settings.latent_size)
            weights = {key.removeprefix("weights."): v for key, v in tensors.items() if key.startswith("weights.")}
            networks = serialization.rebuilt(settings, weights)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"the model is incomplete or damaged ({reason}); train or download it again") from error
        name = f"memory-{SCORING_VERSION}-{serialization.fingerprint(tensors)}.safetensors"
        path = None if cache is None else cache / name
        memory = None if path is None else Memory.read(path)
        scorer = cls(networks, latents, settings, fusion, memory)
        if not torch.isfinite(scorer._memory.points).all():
            raise ModelError("the model draws images that are not finite; train or download it again")
        if path is not None and memory is None:
            # A full or read-only disk costs the next start some seconds, not this one its model.
            with contextlib.suppress(OSError):
                scorer._memory.write(path)
        return scorer

    def tensors(self) -> dict[str, Tensor]:
        """Everything that must be stored, at stored precision."""
        weights = {f"weights.{key}": value for key, value in serialization.half_precision(self.networks).items()}
        latents, scale = latent_codes.quantised(self.latents)
        return {"latents": latents, "latents_scale": scale, **weights}

    def meta(self) -> dict[str, Any]:
        """The rest of what must be stored, fit for JSON."""
        return {
            "features_version": FEATURES_VERSION,
            "settings": dataclasses.asdict(self.settings),
            "fusion": {name: list(scale) for name, scale in self.fusion.items()},
        }

    def score(self, images: np.ndarray) -> Evidences:
        """Judge images ``(n, 28, 28)``; memory is bounded whatever their number."""
        return score_all([self], images)[0]

    def parts(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """What fuses of images ``(n, 28, 28)``, by the names in ``WEIGHTS``: in spreads from the centre, ``(n,)``."""
        return self._standardised(_columns([self], images)[0])

    def _standardised(self, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        parts = _fusion_parts(columns)
        return {name: (parts[name] - centre) / spread for name, (centre, spread) in self.fusion.items()}

    def _evidences(self, images: np.ndarray, columns: dict[str, np.ndarray]) -> Evidences:
        parts = self._standardised(columns)
        fused = sum(WEIGHTS[name] * part for name, part in parts.items())
        scores = {
            "pixel": columns["pixel"],
            "gradient": columns["gradient"],
            "manifold": columns["manifold"],
            "discriminator": np.logaddexp(0, -columns["logit"]),
            "fused": np.logaddexp(0, fused),
        }
        return Evidences(
            scores={name: _rounded(values) for name, values in scores.items()},
            reconstruction=columns["reconstruction"],
            heat_map=np.asarray(images, dtype=np.float32) - columns["reconstruction"],
            realism=_probability(columns["logit"]),
            reconstruction_realism=_probability(columns["reconstruction_logit"]),
        )

    def sample(self, n: int, seed: int) -> np.ndarray:
        """Digits from random latents: ``(n, 28, 28)`` float32."""
        random = torch.Generator().manual_seed(seed)
        return self.decode(torch.randn(n, self.settings.latent_size, generator=random)).numpy()

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents ``(n, latent_size)`` -> images ``(n, 28, 28)``."""
        return torch.cat([self._draw(chunk).squeeze(1) for chunk in latents.split(_CHUNK)])

    def encode(self, images: np.ndarray) -> Tensor:
        """Images ``(n, 28, 28)`` -> latents ``(n, latent_size)``."""
        return _encode(self.networks, images)

    def _redraw(self, images: Tensor, features: Described) -> dict[str, Tensor]:
        """Reconstructions of images, and all that is measured of the two but for the evidence ``gradient``."""
        nearest = self._memory.nearest(features.manifold)
        weights = torch.lerp(nearest.patch, nearest.closest, self._oddness(nearest.distance).unsqueeze(1))  # (n, k)
        blend = (weights.unsqueeze(2) * self.latents[nearest.neighbours]).sum(dim=1)  # (n, latent)
        n = len(images)
        spare = -n % _ROWS.get(self.settings.architecture, _MOST_ROWS)
        rebuilt = self._draw(F.pad(blend, (0, 0, 0, spare)))  # (n + spare, 1, 28, 28)
        seen = torch.cat((F.pad(images, (0, 0, 0, 0, 0, spare)).unsqueeze(1), rebuilt))
        logits, reconstruction_logits = self._judge(seen).unflatten(0, (2, -1))[:, :n]  # (n,) each
        reconstruction = rebuilt[:n].squeeze(1)
        ink = (images + reconstruction).sum(dim=(1, 2)).clamp_min(1.0)  # (n,)
        return {
            "pixel": (images - reconstruction).square().sum(dim=(1, 2)) / ink,
            "manifold": nearest.distance,
            "logit": logits,
            "reconstruction_logit": reconstruction_logits,
            "reconstruction": reconstruction,
        }

    def _oddness(self, distance: Tensor) -> Tensor:
        """0 for distances that normal digits have, 1 for those that none has, ``(n,)``.

        A patch far away has nothing to say of an image but blurs what is in it, so what is odd is drawn like the
        closest of what was learnt, as sharply as that.
        """
        if "manifold" not in self.fusion:
            return torch.zeros_like(distance)
        centre, spread = self.fusion["manifold"]
        standing = (distance.clamp_min(1e-6).log() - centre) / spread
        return ((standing - _ODD) / (_ODDEST - _ODD)).clamp(0, 1)


def score_all(scorers: Sequence[Scorer], images: np.ndarray, features: Described | None = None) -> list[Evidences]:
    """Judge images by several scorers, which together cost less than one after the other.

    Args:
        scorers: at least one.
        images: ``(n, 28, 28)`` ink images; memory is bounded whatever their number.
        features: of the same images, if they are known.
    """
    measured = _columns(scorers, images, features)
    return [scorer._evidences(images, columns) for scorer, columns in zip(scorers, measured, strict=True)]


@torch.no_grad()
def _columns(
    scorers: Sequence[Scorer], images: np.ndarray, features: Described | None = None
) -> list[dict[str, np.ndarray]]:
    """All that is measured of images by each scorer, chunk by chunk: reconstructions as float32, all else float64."""
    chunks = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).split(_CHUNK)
    known = map(Described.of, chunks) if features is None else features.split(_CHUNK)
    parts = [_measure(scorers, chunk, described) for chunk, described in zip(chunks, known, strict=True)]

    def joined(i: int, name: str) -> np.ndarray:
        values = torch.cat([part[i][name] for part in parts])
        return (values if name == "reconstruction" else values.double()).numpy()

    return [{name: joined(i, name) for name in parts[0][i]} for i in range(len(scorers))]


def _measure(scorers: Sequence[Scorer], images: Tensor, features: Described) -> list[dict[str, Tensor]]:
    found = [scorer._redraw(images, features) for scorer in scorers]
    # Described together: for few images most of the time would go into the calls.
    drawn = torch.cat([columns["reconstruction"] for columns in found])
    described = torch.cat([gradient_features(part) for part in drawn.split(_CHUNK)])
    for columns, own in zip(found, described.view(len(scorers), len(images), FEATURES), strict=True):
        columns["gradient"] = (features.gradient - own).square().sum(dim=1).sqrt()
    return found


def scale_of(stored: Sequence[float]) -> tuple[float, float]:
    """Centre and spread as a file has them.

    Raises:
        ValueError: they are not two finite numbers, the second above 0.
    """
    centre, spread = (float(value) for value in stored)
    if not (math.isfinite(centre) and 0 < spread < math.inf):
        raise ValueError(f"a scale of {spread} about {centre}")
    return centre, spread


def _fusion_parts(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What fuses, by the names in ``WEIGHTS``, ``(n,)`` each, about normally distributed for normal digits.

    Distances are ratios, so their logarithms add up. The discriminator's word is taken relative to the
    reconstruction: how much more real would a normal digit in this place look?
    """
    return {
        "manifold": np.log(np.maximum(columns["manifold"], 1e-6)),
        "gradient": np.log(np.maximum(columns["gradient"], 1e-6)),
        "discriminator": columns["reconstruction_logit"] - columns["logit"],
    }


def _rounded(values: np.ndarray) -> np.ndarray:
    """Round to seven significant digits."""
    size = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(values), 1e-12))) + 1 - _DIGITS)
    return np.round(values / size) * size


def _probability(logits: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -logits))


@torch.no_grad()
def _encode(networks: Networks, images: np.ndarray) -> Tensor:
    given = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).unsqueeze(1)
    return torch.cat([networks.encoder(chunk) for chunk in given.split(_CHUNK)])
