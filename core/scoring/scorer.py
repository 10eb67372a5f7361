"""Scorer: the five evidences of one digit class, and how they fuse.

A :class:`Scorer` holds three networks and the latents of the training digits. Its memory bank is what the generator
draws from those latents: no training image and no feature of one is kept.
"""

import contextlib
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from core.errors import ModelError
from core.gan import latents as latent_codes
from core.gan.determinism import one_thread
from core.gan.features import FEATURES_VERSION, Described, gradient_features
from core.gan.networks import Networks, architecture_of, for_inference
from core.gan.prior import Mixture
from core.gan.trainer import TrainingSettings
from core.scoring import serialization
from core.scoring.memory_bank import MemoryBank, Neighbourhood

# Raise it whenever the constants below or those of ``memory_bank`` or ``multi_digit`` change, or ``manifold_features``:
# a stored calibration holds for the scores it was made with and no others.
SCORING_VERSION = 4
# Chosen on development images (benchmarks/detection/weights.py) so that every part has a say: the manifold tells other
# characters best, the other two tell broken digits.
WEIGHTS = {"manifold": 1.0, "gradient": 0.05, "discriminator": 0.01}
_CHUNK = 256
_DIGITS = 7  # significant digits that a score keeps
# Where a reconstruction turns from a blend of all neighbours to the few nearest, in spreads of log distance from the
# validation images' centre: about where normal digits end, and where they have ended.
_ODD, _ODDEST = 1.5, 2.5
# Of a prior fitted when it is asked for: more would keep a page waiting and are worth little.
_PRIOR_STEPS = 4

Floats = NDArray[np.float64]
Images = NDArray[np.float32]


class Scale(NamedTuple):
    """What a number is standardised by: ``(value - centre) / spread``."""

    centre: float
    spread: float

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Mean and standard deviation."""
        return cls(float(values.mean()), float(max(values.std(), 1e-6)))

    @classmethod
    def read(cls, stored: Sequence[float]) -> Self:
        """From a file.

        Raises:
            ValueError: they are not two finite numbers, the second above 0.
        """
        centre, spread = (float(value) for value in stored)
        if not (math.isfinite(centre) and 0 < spread < math.inf):
            raise ValueError(f"a scale of {spread} about {centre}")
        return cls(centre, spread)


class Measured(NamedTuple):
    """What one scorer measures of n images.

    Attributes:
        pixel: squared difference to the reconstruction, per ink in both, ``(n,)``.
        gradient: distance to the reconstruction in gradient-orientation features, ``(n,)``.
        manifold: distance to the memory bank, ``(n,)``.
        logit: the discriminator's of the image, ``(n,)``.
        reconstruction_logit: its of the reconstruction, ``(n,)``.
        reconstruction: ``(n, 28, 28)``.
    """

    pixel: Tensor
    gradient: Tensor
    manifold: Tensor
    logit: Tensor
    reconstruction_logit: Tensor
    reconstruction: Tensor


@dataclass(frozen=True)
class Evidences:
    """What a scorer says about n images.

    Attributes:
        scores: per name in ``operating_point.EVIDENCES`` ``(n,)`` float64, not negative, higher = odder, rounded to
            seven significant digits so that an image scores the same alone and in any batch.
            ``pixel``: squared difference to the reconstruction, per ink in both, 0..1;
            ``gradient``: distance to it in gradient-orientation features;
            ``manifold``: distance to what the generator can draw, in features of its own;
            ``discriminator``: minus the logarithm of ``probability``;
            ``fused``: ``log(1 + exp(sum))`` of the standardised, weighted evidences, about linear for anomalies.
        reconstruction: ``(n, 28, 28)`` float32, the image on the generator's manifold that stands for the input: for
            what is odd, what the nearest of the digits it was trained on look like.
        residual: ``(n, 28, 28)`` float32 in -1..1, input minus reconstruction: positive where there is ink that
            a normal digit would not have, negative where ink is missing, 0 where they agree.
        probability: ``(n,)`` in 0..1, the discriminator's that the image is a real normal digit.
        reconstruction_probability: ``(n,)``, the same of its reconstruction.
    """

    scores: dict[str, Floats]
    reconstruction: Images
    residual: Images
    probability: Floats
    reconstruction_probability: Floats


class Scorer:
    """Scores ink images against one class of normal digits. Made by :meth:`fit` or :meth:`from_tensors`.

    Args:
        networks: trained networks, as they will be stored and come back: in evaluation mode, without gradients.
        latents: ``(m, latent_size)`` of the training digits, as they will be stored.
        settings: what the networks were trained with.
        bank: what the generator draws from the latents, described; None draws it.
        fusion: scale of each part that fuses, by the names in ``WEIGHTS``.
        prior: where latents of normal digits lie, as it will be stored; None for a model of the first recipe.
    """

    def __init__(
        self,
        networks: Networks,
        latents: Tensor,
        settings: TrainingSettings,
        bank: MemoryBank | None = None,
        fusion: dict[str, Scale] | None = None,
        prior: Mixture | None = None,
    ) -> None:
        self.networks = networks
        self.latents = latents
        self.settings = settings
        self._generate = for_inference(networks.generator)
        self._discriminate = for_inference(networks.discriminator)
        self._bank = bank if bank is not None else MemoryBank.of(self.decode(latents))
        self.fusion = fusion if fusion is not None else {}
        self._stored_prior = prior

    @classmethod
    def fit(
        cls,
        networks: Networks,
        train_images: Images,
        validation_images: Images,
        settings: TrainingSettings,
        prior: Mixture | None = None,
    ) -> Self:
        """Build the memory bank, and scale what fuses.

        Args:
            networks: trained ones; they are copied and rounded to half precision before anything uses them.
            train_images: ``(m, 28, 28)`` normals whose latents become the memory bank.
            validation_images: ``(t, 28, 28)`` other normals, which set the scale of the evidences.
            settings: what the networks were trained with.
            prior: where training left the latents; rounded to half precision.
        """
        rounded = serialization.rebuilt(settings, serialization.half_precision(networks))
        with one_thread():
            latents = latent_codes.optimised(rounded.generator, _encode(rounded, train_images), _tensor(train_images))
        latents = latent_codes.dequantised(*latent_codes.quantised(latents))
        if prior is not None:
            prior = Mixture.from_tensors(prior.tensors(), settings.latent_size)
        return cls(rounded, latents, settings, prior=prior).weighed(validation_images)

    def weighed(self, validation_images: Images) -> Self:
        """The same scorer with what fuses scaled anew, by ``(t, 28, 28)`` normals that trained nothing."""
        with one_thread():
            # Reconstructions depend on the scale of the distances, all other scales on the reconstructions.
            chunks = _tensor(validation_images).split(_CHUNK)
            distances = [self._bank.nearest(Described.of(chunk).manifold).distance for chunk in chunks]
            scale = Scale.of(_logarithm(torch.cat(distances)))
            parts = _fusion_parts(_measured([self], [scale], validation_images)[0])
        fusion = {name: Scale.of(values) for name, values in parts.items()}
        return type(self)(self.networks, self.latents, self.settings, self._bank, fusion, self._stored_prior)

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
            settings = TrainingSettings.read(meta["settings"])
            fusion = {name: Scale.read(meta["fusion"][name]) for name in WEIGHTS}
            latents = latent_codes.checked(tensors["latents"], tensors["latents_scale"], settings.latent_size)
            weights = {key.removeprefix("weights."): v for key, v in tensors.items() if key.startswith("weights.")}
            networks = serialization.rebuilt(settings, weights)
            mixture = {key.removeprefix("prior."): v for key, v in tensors.items() if key.startswith("prior.")}
            prior = Mixture.from_tensors(mixture, settings.latent_size) if mixture else None
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"the model is incomplete or damaged ({reason}); train or download it again") from error
        name = f"memory-{SCORING_VERSION}-{serialization.fingerprint(tensors)}.safetensors"
        path = None if cache is None else cache / name
        bank = None if path is None else MemoryBank.read(path)
        scorer = cls(networks, latents, settings, bank, fusion, prior)
        if not torch.isfinite(scorer._bank.points).all():
            raise ModelError("the model draws images that are not finite; train or download it again")
        if path is not None and bank is None:
            # A full or read-only disk costs the next start some seconds, not this one its model.
            with contextlib.suppress(OSError):
                scorer._bank.write(path)
        return scorer

    def tensors(self) -> dict[str, Tensor]:
        """Everything that must be stored, at stored precision."""
        weights = {f"weights.{key}": value for key, value in serialization.half_precision(self.networks).items()}
        latents, scale = latent_codes.quantised(self.latents)
        prior = {} if self._stored_prior is None else self._stored_prior.tensors()
        mixture = {f"prior.{key}": value for key, value in prior.items()}
        return {"latents": latents, "latents_scale": scale, **weights, **mixture}

    def meta(self) -> dict[str, Any]:
        """The rest of what must be stored, fit for JSON."""
        return {
            "features_version": FEATURES_VERSION,
            "settings": dataclasses.asdict(self.settings),
            "fusion": {name: list(scale) for name, scale in self.fusion.items()},
        }

    def score(self, images: Images) -> Evidences:
        """Judge images ``(n, 28, 28)``; memory is bounded whatever their number."""
        return score_all([self], images)[0]

    def parts(self, images: Images) -> dict[str, Floats]:
        """What fuses of images ``(n, 28, 28)``, by the names in ``WEIGHTS``: in spreads from the centre, ``(n,)``."""
        return self._standardised(_measured([self], [self.fusion["manifold"]], images)[0])

    @cached_property
    def prior(self) -> Mixture:
        """Where latents of normal digits lie; of a file without one, fitted to its latents when first asked for."""
        if self._stored_prior is not None:
            return self._stored_prior
        with one_thread():
            return Mixture.fit(self.latents, steps=_PRIOR_STEPS)

    def fresh_latents(self, n: int, seed: int) -> Tensor:
        """Latents drawn from the prior, ``(n, latent_size)``; the same for the same seed."""
        return self.prior.sample(n, torch.Generator().manual_seed(seed))

    def sample(self, n: int, seed: int) -> Images:
        """Fresh digits, from latents drawn from the prior: ``(n, 28, 28)`` float32."""
        return self.decode(self.fresh_latents(n, seed)).numpy()

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents ``(n, latent_size)`` -> images ``(n, 28, 28)``."""
        return torch.cat([self._generate(chunk).squeeze(1) for chunk in latents.split(_CHUNK)])

    def encode(self, images: Images) -> Tensor:
        """Images ``(n, 28, 28)`` -> latents ``(n, latent_size)``."""
        return _encode(self.networks, images)

    def _reconstructed(self, neighbours: Neighbourhood, distance_scale: Scale) -> Tensor:
        """What the generator draws of the blended latents of an image's neighbours, ``(n and spare rows, 1, 28, 28)``.

        A blend of neighbours far away has nothing to say of an image but blurs what is in it, so what is odd is drawn
        like the few nearest of what was learnt, as sharply as that.
        """
        standing = (neighbours.distance.clamp_min(1e-6).log() - distance_scale.centre) / distance_scale.spread  # (n,)
        oddness = ((standing - _ODD) / (_ODDEST - _ODD)).clamp(0, 1)  # 0 for normal digits' distances, 1 beyond them
        weights = torch.lerp(neighbours.blend, neighbours.few, oddness.unsqueeze(1))  # (n, k)
        latents = (weights.unsqueeze(2) * self.latents[neighbours.indices]).sum(dim=1)  # (n, latent)
        return self._generate(F.pad(latents, (0, 0, 0, self._spare(len(latents)))))

    def _measure(self, images: Tensor, features: Described, distance_scale: Scale) -> Measured:
        """All that is measured of one chunk of images ``(n, 28, 28)``."""
        n = len(images)
        neighbours = self._bank.nearest(features.manifold)
        rebuilt = self._reconstructed(neighbours, distance_scale)  # (n + spare, 1, 28, 28)
        seen = torch.cat((F.pad(images, (0, 0, 0, 0, 0, self._spare(n))).unsqueeze(1), rebuilt))
        logits, reconstruction_logits = self._discriminate(seen).unflatten(0, (2, -1))[:, :n]  # (n,) each
        reconstruction = rebuilt[:n].squeeze(1)
        ink = (images + reconstruction).sum(dim=(1, 2)).clamp_min(1.0)  # (n,)
        return Measured(
            pixel=(images - reconstruction).square().sum(dim=(1, 2)) / ink,
            gradient=(features.gradient - gradient_features(reconstruction)).square().sum(dim=1).sqrt(),
            manifold=neighbours.distance,
            logit=logits,
            reconstruction_logit=reconstruction_logits,
            reconstruction=reconstruction,
        )

    def _spare(self, n: int) -> int:
        """Rows with which n fill up what the networks round alike."""
        return -n % architecture_of(self.settings.architecture).rows

    def _standardised(self, measured: Measured) -> dict[str, Floats]:
        scales = self.fusion
        return {
            name: (part - scales[name].centre) / scales[name].spread for name, part in _fusion_parts(measured).items()
        }

    def _evidences(self, images: Images, measured: Measured) -> Evidences:
        fused = sum(WEIGHTS[name] * part for name, part in self._standardised(measured).items())
        logit = _array(measured.logit)
        scores = {
            "pixel": _array(measured.pixel),
            "gradient": _array(measured.gradient),
            "manifold": _array(measured.manifold),
            "discriminator": np.logaddexp(0, -logit),
            "fused": np.logaddexp(0, fused),
        }
        reconstruction = measured.reconstruction.numpy()
        return Evidences(
            scores={name: _rounded(values) for name, values in scores.items()},
            reconstruction=reconstruction,
            residual=np.asarray(images, dtype=np.float32) - reconstruction,
            probability=_probability(logit),
            reconstruction_probability=_probability(_array(measured.reconstruction_logit)),
        )


def score_all(scorers: Sequence[Scorer], images: Images) -> list[Evidences]:
    """Judge images by several scorers, which together cost less than one after the other.

    Args:
        scorers: at least one.
        images: ``(n, 28, 28)`` ink images; memory is bounded whatever their number.
    """
    measured = _measured(scorers, [scorer.fusion["manifold"] for scorer in scorers], images)
    return [scorer._evidences(images, columns) for scorer, columns in zip(scorers, measured, strict=True)]


@torch.no_grad()
def _measured(scorers: Sequence[Scorer], distance_scales: Sequence[Scale], images: Images) -> list[Measured]:
    """All that each scorer measures of images, chunk by chunk; what they have in common is described once."""
    parts: list[list[Measured]] = []
    for chunk in _tensor(images).split(_CHUNK):
        features = Described.of(chunk)
        parts.append([s._measure(chunk, features, scale) for s, scale in zip(scorers, distance_scales, strict=True)])
    return [Measured(*map(torch.cat, zip(*own, strict=True))) for own in zip(*parts, strict=True)]


def _fusion_parts(measured: Measured) -> dict[str, Floats]:
    """What fuses, by the names in ``WEIGHTS``, ``(n,)`` each, about normally distributed for normal digits.

    Distances are ratios, so their logarithms add up. The discriminator's word is taken relative to the
    reconstruction: how much more real would a normal digit in this place look?
    """
    return {
        "manifold": _logarithm(measured.manifold),
        "gradient": _logarithm(measured.gradient),
        "discriminator": _array(measured.reconstruction_logit) - _array(measured.logit),
    }


def _logarithm(distances: Tensor) -> Floats:
    return np.log(np.maximum(_array(distances), 1e-6))


def _rounded(values: Floats) -> Floats:
    """Round to seven significant digits."""
    size = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(values), 1e-12))) + 1 - _DIGITS)
    return np.round(values / size) * size


def _probability(logits: Floats) -> Floats:
    return np.exp(-np.logaddexp(0, -logits))


def _tensor(images: Images) -> Tensor:
    """Images as they come in: the one way from NumPy to torch."""
    return torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))


def _array(measured: Tensor) -> Floats:
    """Numbers as they go out: the one way from torch to NumPy, besides reconstructions, which stay float32."""
    return measured.double().numpy()


@torch.no_grad()
def _encode(networks: Networks, images: Images) -> Tensor:
    return torch.cat([networks.encoder(chunk) for chunk in _tensor(images).unsqueeze(1).split(_CHUNK)])
