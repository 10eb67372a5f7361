"""Scorer: the five evidences of one digit class, from its networks and the latents of its training digits.

A :class:`Scorer` holds three networks and the latents of the training digits. Its memory bank is what the generator
draws from those latents: no training image and no feature of one is kept.
"""

import contextlib
import copy
import dataclasses
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import ModelError
from core.gan import latents as latent_codes
from core.gan.determinism import one_thread
from core.gan.features import FEATURES_VERSION, directed, edges, gradient_features_of, views
from core.gan.networks import ORIENTATIONS, Networks, architecture_of, directions_of, for_inference, whole_rows
from core.gan.prior import SPREAD, Mixture
from core.gan.recipe import TrainingSettings
from core.operating_point import EVIDENCES
from core.scoring import serialization
from core.scoring.evidences import (
    Evidences,
    Floats,
    Images,
    Scale,
    array,
    describe,
    distance_scores,
    logarithm,
    on_grid,
    tensor,
)
from core.scoring.memory_bank import MOST_POINTS, MemoryBank, Neighbourhood, bank_features, farthest_first

# Raise it whenever a constant of this package changes, or what a memory bank describes images by: a stored calibration
# holds for the scores it was made with and no others.
SCORING_VERSION = 6
CHUNK = 256
# Where a reconstruction turns from a blend of all neighbours to the few nearest, in spreads of log distance from the
# validation images' centre: about where normal digits end, and where they have ended.
_ODD, _ODDEST = 1.5, 2.5
# Of a prior fitted when it is asked for: more would keep a page waiting and are worth little.
_PRIOR_STEPS = 4


class Scorer:
    """Scores ink images against one class of normal digits. Made by :meth:`fit` or :meth:`from_tensors`.

    Args:
        networks: trained networks, as they will be stored and come back: in evaluation mode, without gradients.
        latents: ``(m, latent_size)`` of the training digits, as they will be stored.
        settings: what the networks were trained with.
        bank: what the generator draws from those of the latents that are held, described; or what makes it when it
            is first asked for, which takes a second where it was never made.
        held: rows of the latents that the bank's points are of, ascending ``(p,)`` int64.
        scale: of the logarithm of normal digits' distances.
        prior: where latents of normal digits lie, as it will be stored; None for a model of the first recipe.
    """

    def __init__(
        self,
        networks: Networks,
        latents: Tensor,
        settings: TrainingSettings,
        bank: MemoryBank | Callable[[], MemoryBank],
        held: Tensor,
        scale: Scale,
        prior: Mixture | None = None,
    ) -> None:
        self.networks = networks
        self.latents = latents
        self.settings = settings
        self._bank = bank
        self.held = held
        self.scale = scale
        self._generate = for_inference(networks.generator)
        self._discriminate = for_inference(networks.discriminator)
        self._stored_prior = prior

    @property
    def bank(self) -> MemoryBank:
        """The memory bank.

        Raises:
            ModelError: the generator draws what is no image.
        """
        if not isinstance(self._bank, MemoryBank):
            self._bank = self._bank()
        return self._bank

    @classmethod
    def fit(
        cls,
        networks: Networks,
        train_images: Images,
        validation_images: Images,
        settings: TrainingSettings,
        prior: Mixture | None = None,
    ) -> Self:
        """Build the memory bank, and standardise distances to it.

        Args:
            networks: trained ones; they are copied and rounded to half precision before anything uses them.
            train_images: ``(m, 28, 28)`` normals whose latents, or as many as suffice, become the memory bank.
            validation_images: ``(t, 28, 28)`` other normals, which set the scale of the distances.
            settings: what the networks were trained with.
            prior: where training left the latents; rounded to half precision.
        """
        rounded = serialization.rebuilt(settings, serialization.half_precision(networks))
        with one_thread():
            latents = latent_codes.optimised(rounded.generator, _encode(rounded, train_images), tensor(train_images))
            latents = latent_codes.dequantised(*latent_codes.quantised(latents))
            bank, held = thinned(for_inference(rounded.generator), latents)
        if prior is not None:
            prior = Mixture.from_tensors(prior.tensors(), settings.latent_size)
        return cls(rounded, latents, settings, bank, held, _scale(bank, validation_images), prior)

    def weighed(self, validation_images: Images) -> Self:
        """The same scorer with distances standardised anew, by ``(t, 28, 28)`` normals that trained nothing.

        A bank of before there was a limit to its points is brought within it.
        """
        bank, held = self.bank, self.held
        if len(held) > MOST_POINTS:
            bank, held = thinned(self._generate, self.latents)
        scale = _scale(bank, validation_images)
        return type(self)(self.networks, self.latents, self.settings, bank, held, scale, self._stored_prior)

    def judged_by(self, discriminator: nn.Module) -> Self:
        """The same scorer with another trained discriminator, rounded to half precision."""
        weights = serialization.half_precision(self.networks._replace(discriminator=discriminator))
        networks = serialization.rebuilt(self.settings, weights)
        return type(self)(networks, self.latents, self.settings, self._bank, self.held, self.scale, self._stored_prior)

    def without(self, rows: NDArray[np.bool_]) -> Self:
        """The same scorer with some of its memory left out, for distances alone.

        Args:
            rows: which of the latents are left out, ``(m,)``; at least two must stay.
        """
        kept = torch.from_numpy(np.flatnonzero(~rows))
        points = self._every_point[kept]
        # Of what stays, the bank holds as many as it would have held had there been no more.
        held = farthest_first(points, min(MOST_POINTS, len(points))).sort().values
        reduced = copy.copy(self)
        reduced.held, reduced._bank = kept[held], replace(self.bank, points=points[held])
        return reduced

    @cached_property
    def _every_point(self) -> Tensor:
        """Where all latents' drawings lie among the bank's points, those that it does not hold too, ``(m, c)``."""
        if len(self.held) == len(self.latents):
            return self.bank.points
        with one_thread():
            return self.bank.placed(bank_features(self.decode(self.latents)))

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], meta: dict[str, Any], cache: Path | None = None) -> Self:
        """Rebuild a scorer from what :meth:`tensors` and :meth:`meta` gave.

        Args:
            tensors: by name.
            meta: settings, scale and versions.
            cache: folder for what is decoded from the latents (a few MB a scorer, found by a hash of the tensors).

        Raises:
            ModelError: something is missing, of another shape, or made for other features.
        """
        stored = serialization.read(tensors, meta)
        hole_weight = stored.hole_weight
        known = "" if hole_weight is None else f"-{hole_weight}"
        name = f"memory-{SCORING_VERSION}-{serialization.fingerprint(tensors)}{known}.safetensors"
        path = None if cache is None else cache / name

        def bank() -> MemoryBank:
            if path is not None and (cached := MemoryBank.read(path)) is not None:
                return cached
            latents = stored.latents[stored.held]
            made = MemoryBank.of(_decode(for_inference(stored.networks.generator), latents), hole_weight)
            if not torch.isfinite(made.points).all():
                raise ModelError("the model draws images that are not finite; train or download it again")
            if path is not None:
                # A full or read-only disk costs the next start some seconds, not this one its model.
                with contextlib.suppress(OSError):
                    made.write(path)
            return made

        return cls(stored.networks, stored.latents, stored.settings, bank, stored.held, stored.scale, stored.prior)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that must be stored, at stored precision."""
        weights = {f"weights.{key}": value for key, value in serialization.half_precision(self.networks).items()}
        latents, scale = latent_codes.quantised(self.latents)
        prior = {} if self._stored_prior is None else self._stored_prior.tensors()
        mixture = {f"prior.{key}": value for key, value in prior.items()}
        return {"latents": latents, "latents_scale": scale, "latents_held": self.held.int(), **weights, **mixture}

    def meta(self) -> dict[str, Any]:
        """The rest of what must be stored, fit for JSON."""
        return {
            "features_version": FEATURES_VERSION,
            "settings": dataclasses.asdict(self.settings),
            "fusion": {"manifold": list(self.scale)},
            "bank": len(self.held),
            "hole_weight": self.bank.hole_weight,
        }

    def score(self, images: Images) -> Evidences:
        """Judge images ``(n, 28, 28)`` by everything there is; memory is bounded whatever their number."""
        chunks = []
        for start in range(0, max(len(images), 1), CHUNK):
            chunk = images[start : start + CHUNK]
            neighbourhood = self.bank.nearest(describe(chunk))
            compared = self.compare(chunk, neighbourhood)
            own = distance_scores([self.scale], [neighbourhood])
            scores = {e: values[0] for e, values in own.items()} | compared.scores
            chunks.append(replace(compared, scores={e: scores[e] for e in EVIDENCES}))
        return Evidences.joined(chunks)

    @torch.no_grad()
    def compare(self, images: Images, neighbourhood: Neighbourhood) -> Evidences:
        """Reconstruct images ``(n, 28, 28)``: all the other evidences, and what there is to see.

        Args:
            images: ink images, not more than are drawn at once.
            neighbourhood: theirs in this scorer's bank.
        """
        given, n = tensor(images), len(images)
        rows = architecture_of(self.settings.architecture).rows
        reconstruction = self._generate(whole_rows(self._blended(neighbourhood), rows))[:n].squeeze(1)
        both = torch.cat((given, reconstruction))  # (2n, 28, 28)
        strokes = edges(views(both).flatten(0, 1))  # (3 * 2n, 3, 784)
        maps = directed(strokes, ORIENTATIONS).unflatten(0, (3, 2 * n))  # (3, 2n, 8, 28, 28)
        seen = directions_of(maps[: self.settings.views])  # (2n, views * 8, 14, 14)
        logits = self._discriminate.judge(whole_rows(seen, rows))[: 2 * n]  # type: ignore[operator]
        features, others = gradient_features_of(strokes[: 2 * n], maps[1]).chunk(2)  # (n, F) each
        residual = given - reconstruction
        ink = (given + reconstruction).sum(dim=(1, 2)).clamp_min(1.0)  # (n,)
        pixel = residual.square().sum(dim=(1, 2)) / ink
        gradient = (features - others).square().sum(dim=1).sqrt()
        measured = array(torch.stack((pixel, gradient, *logits.chunk(2))))  # (4, n)
        surprise = np.logaddexp(0, -measured[2:])  # (2, n), minus the logarithm of a probability
        probability, reconstruction_probability = np.exp(-surprise)
        evidences = on_grid(np.concatenate((measured[:2], surprise[:1])))  # (3, n)
        return Evidences(
            scores=dict(zip(("pixel", "gradient", "discriminator"), evidences, strict=True)),
            reconstruction=reconstruction.numpy(),
            residual=residual.numpy(),
            probability=probability,
            reconstruction_probability=reconstruction_probability,
        )

    def _blended(self, neighbourhood: Neighbourhood) -> Tensor:
        """Latents that stand for images, ``(n, latent)``: their neighbours', blended.

        A blend of neighbours far away has nothing to say of an image but blurs what is in it, so what is odd is drawn
        like the few nearest of what was learnt, as sharply as that.
        """
        standing = (neighbourhood.distance.clamp_min(1e-6).log() - self.scale.centre) / self.scale.spread  # (n,)
        oddness = ((standing - _ODD) / (_ODDEST - _ODD)).clamp(0, 1)  # 0 for normal digits' distances, 1 beyond them
        weights = torch.lerp(neighbourhood.blend, neighbourhood.few, oddness.unsqueeze(1))  # (n, k)
        latents = F.embedding(self.held[neighbourhood.indices], self.latents)  # (n, k, latent)
        return (weights.unsqueeze(2) * latents).sum(dim=1)

    @cached_property
    def prior(self) -> Mixture:
        """Where latents of normal digits lie; of a file without one, fitted to its latents when first asked for."""
        if self._stored_prior is not None:
            return self._stored_prior
        with one_thread():
            return Mixture.fit(self.latents, steps=_PRIOR_STEPS)

    def fresh_latents(self, n: int, seed: int) -> Tensor:
        """Latents drawn from the prior, a little widened, ``(n, latent_size)``; the same for the same seed."""
        return self.prior.sample(n, torch.Generator().manual_seed(seed), SPREAD)

    def sample(self, n: int, seed: int) -> Images:
        """Fresh digits, from latents drawn from the prior: ``(n, 28, 28)`` float32."""
        return self.decode(self.fresh_latents(n, seed)).numpy()

    def decode(self, latents: Tensor) -> Tensor:
        """Latents ``(n, latent_size)`` -> images ``(n, 28, 28)``."""
        return _decode(self._generate, latents)

    def encode(self, images: Images) -> Tensor:
        """Images ``(n, 28, 28)`` -> latents ``(n, latent_size)``."""
        return _encode(self.networks, images)

    def guess(self, images: Images) -> Floats:
        """How badly the encoder's own latents draw images again, ``(n,)``: rough, but there before any memory bank."""
        return array((tensor(images) - self.decode(self.encode(images))).square().sum(dim=(1, 2)))


def thinned(generator: nn.Module, latents: Tensor) -> tuple[MemoryBank, Tensor]:
    """The memory bank of all latents ``(m, latent)`` or of a coreset, and the rows that it holds, ``(p,)``."""
    with one_thread():
        held, bank = torch.arange(len(latents)), MemoryBank.of(_decode(generator, latents))
        if len(latents) > MOST_POINTS:
            held = farthest_first(bank.points, MOST_POINTS).sort().values
            bank = MemoryBank.of(_decode(generator, latents[held]))
        return bank, held


def _scale(bank: MemoryBank, validation_images: Images) -> Scale:
    """Of the logarithms of normal digits' distances, about normally distributed."""
    with one_thread():
        chunks = [validation_images[at : at + CHUNK] for at in range(0, len(validation_images), CHUNK)]
        return Scale.of(logarithm(array(torch.cat([bank.nearest(describe(chunk)).distance for chunk in chunks]))))


@torch.no_grad()
def _decode(generator: nn.Module, latents: Tensor) -> Tensor:
    return torch.cat([generator(chunk).squeeze(1) for chunk in latents.split(CHUNK)])


@torch.no_grad()
def _encode(networks: Networks, images: Images) -> Tensor:
    return torch.cat([networks.encoder(chunk) for chunk in tensor(images).unsqueeze(1).split(CHUNK)])
