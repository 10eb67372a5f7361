"""The training recipe: all that decides the outcome of a run besides the images."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from core.errors import TrainingError
from core.gan.latents import LARGEST_LATENT
from core.gan.networks import VIEWS

FEW_IMAGES = 2_000  # below it every image is varied anew each time it is seen
MOST_EPOCHS = 1_000
_FEW_STEPS, _STEPS_OF_FEW = 500, 30  # fewer images than so many: at most so many steps an epoch, a minute in all


@dataclass(frozen=True)
class TrainingSettings:
    """All that decides the outcome of a training run, besides the images. Every field survives JSON.

    Attributes:
        architecture: a name in ``networks.ARCHITECTURES``.
        latent_size: numbers per digit in the generator's memory, 1 to 32.
        epochs: parts of the run, each ended by a checkpoint and a fresh look at the latents.
        steps: of an epoch, whatever the number of images: few images need as many steps as many do.
        seed: of every random choice.
        batch_size: images per step.
        learning_rate: of encoder and generator at the start; it falls to a fiftieth along half a cosine.
        critic_rate: the adversary's, likewise.
        discriminator_rate: the discriminator's, likewise.
        discriminator_decay: its weight decay; without it the discriminator learns its negatives by heart.
        adversarial_weight: how much the generator heeds the critic beside reconstructing.
        gradient_weight: weight of the gradient-feature error beside the pixel error.
        divergence_weight: how firmly encoded latents are held to N(0, 1).
        penalty_weight: of the critic's slope at real and generated images.
        noise: logarithm of the standard deviation that the encoder adds to latents at the start; it is learnt.
        views: of an image that the discriminator sees; 1 for networks of the first recipe.
    """

    architecture: str = "conv"
    latent_size: int = 32
    epochs: int = 20
    steps: int = 65
    seed: int = 0
    batch_size: int = 32
    learning_rate: float = 2e-3
    critic_rate: float = 1e-3
    discriminator_rate: float = 1e-3
    discriminator_decay: float = 0.05
    adversarial_weight: float = 0.15
    gradient_weight: float = 0.2
    divergence_weight: float = 1.5e-4
    penalty_weight: float = 0.5
    noise: float = -1.5
    views: int = VIEWS

    def suited_to(self, images: int) -> Self:
        """The same with at most half the steps where there are so few images that no more is to be had from them."""
        return dataclasses.replace(self, steps=min(self.steps, _STEPS_OF_FEW)) if images < _FEW_STEPS else self

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Settings as a file keeps them; those of the first recipe, which had others, are known by them."""
        if "moment_weight" not in stored:
            return cls(**stored)
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in names} | {"views": 1})


def rate_factor(fraction: float) -> float:
    """What learning rates are at a share of the run: from 1 to a fiftieth, along half a cosine."""
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * fraction))


def check(images: np.ndarray, settings: TrainingSettings) -> None:
    """Refuse what cannot be trained on.

    Raises:
        TrainingError: images of another shape or range, too few, or settings out of their limits.
    """
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise TrainingError(f"training images must have the shape (n, 28, 28), not {images.shape}")
    if len(images) < 2:
        raise TrainingError(f"{len(images)} training images are too few; give at least 2, better 1,000 and more")
    if not np.isfinite(images).all() or images.min() < 0 or images.max() > 1:
        raise TrainingError("training images must lie between 0 (paper) and 1 (ink)")
    if not 1 <= settings.latent_size <= LARGEST_LATENT:
        raise TrainingError(f"latent_size is {settings.latent_size}; it must lie between 1 and {LARGEST_LATENT}")
    if settings.epochs < 1 or settings.steps < 1 or settings.batch_size < 2:
        raise TrainingError("epochs and steps must be at least 1 and batch_size at least 2")
