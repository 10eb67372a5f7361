"""Discriminator training: normal digits are told from synthetic negatives, apart from the generator's training.

It shares no random number with it, so that either can be changed and made anew while the other stays tensor for tensor.
"""

import numpy as np
import torch
from torch import Tensor, nn

from core.gan import losses
from core.gan.determinism import one_thread, seeded
from core.gan.negatives import batch_of, jitter, malformed
from core.gan.networks import build
from core.gan.optimisers import AdamW
from core.gan.recipe import TrainingSettings, rate_factor


def alone(images: np.ndarray, settings: TrainingSettings) -> tuple[nn.Module, list[float]]:
    """The discriminator that a whole run ends with, and its mean loss of every epoch, without the other networks' time.

    Args:
        images: ``(n, 28, 28)`` float32 in 0..1, normal digits only.
        settings: of the whole run.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = build(settings.architecture, settings.latent_size, settings.views).discriminator
    training = DiscriminatorTraining(network, torch.from_numpy(images), settings)
    steps, total = settings.steps, settings.steps * settings.epochs
    network.train()
    curve = [sum(training.step((at + done) / total) for done in range(steps)) / steps for at in range(0, total, steps)]
    return network.eval(), curve


class DiscriminatorTraining:
    """Trains one discriminator, step by step.

    Args:
        network: the discriminator, with the weights it starts from; trained in place.
        images: ``(n, 28, 28)`` in 0..1, normal digits only.
        settings: of the whole run.

    Attributes:
        random: where all its randomness comes from.
        optimiser: its optimiser.
    """

    def __init__(self, network: nn.Module, images: Tensor, settings: TrainingSettings) -> None:
        self.random = torch.Generator().manual_seed(settings.seed)
        self.optimiser = AdamW(
            network.parameters(), settings.discriminator_rate, (0.5, 0.99), weight_decay=settings.discriminator_decay
        )
        self._network, self._images, self._settings = network, images, settings

    def step(self, fraction: float) -> float:
        """One step, at a share of the run; returns its loss."""
        self.optimiser.param_groups[0]["lr"] = self._settings.discriminator_rate * rate_factor(fraction)
        with one_thread(), seeded(self.random):
            rows = torch.randint(len(self._images), (self._settings.batch_size,), generator=self.random)
            images = batch_of(self._images, rows, self.random)
            # All are resampled alike, so that resampling tells nothing apart.
            normal = jitter(images, self.random).unsqueeze(1)  # (b, 1, 28, 28)
            negatives = jitter(malformed(images, self.random), self.random).unsqueeze(1)
            accepted, refused = self._network(torch.cat((normal, negatives))).chunk(2)  # (b,) each
            loss = losses.refusal(accepted, refused)
            losses.descend(self.optimiser, loss)
        return loss.item()
