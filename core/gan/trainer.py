"""The adversarial loop: trains generator, encoder and discriminator on normal digits, and nothing else.

A :class:`Trainer` yields :class:`Progress`, knows no thread and no screen, and after every epoch writes a whole
checkpoint from which a killed run goes on to the very same tensors. :meth:`Trainer._step` is the algorithm.
"""

import dataclasses
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.errors import TrainingError
from core.gan import checkpoint as checkpoints
from core.gan import losses, recipe
from core.gan.determinism import one_thread
from core.gan.discriminator import DiscriminatorTraining
from core.gan.negatives import batch_of
from core.gan.networks import Critic, Networks, build
from core.gan.optimisers import Adam
from core.gan.prior import Mixture
from core.gan.recipe import FEW_IMAGES, TrainingSettings
from core.ink import geometry

LOSSES = ("generator", "discriminator", "reconstruction")
SAMPLES = 16
_FEWEST_LATENTS = 1_000  # for a prior that fills the space between few images instead of copying them
_REPORT_SECONDS = 0.5
_CHUNK = 256
# Shares of a run from which the critic learns, and from which it is heeded: an adversary of smoke teaches nothing.
_CRITIC_LEARNS, _CRITIC_HEEDED = 0.2, 0.3
_LOOSE = ("random", "discriminator_random", "log_noise", "prior_weights", "prior_means", "prior_factors")
_PENALTY_EVERY = 8  # steps; its slope changes slowly (Karras et al., StyleGAN2, CVPR 2020: lazy regularisation)
_PRIOR_COMPONENTS, _PRIOR_STEPS = 64, 2  # while training goes on; at its end a finer one is fitted


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        stage: what is being done, in words.
        epoch: epochs finished.
        epochs: epochs in all.
        fraction: of the whole run, 0..1.
        seconds: spent so far, earlier sessions of a resumed run included.
        seconds_left: estimate, or None before there is anything to judge by.
        losses: running means of the present epoch, by the names in ``LOSSES``.
        epoch_ended: True exactly once an epoch, when its checkpoint has been written.
    """

    stage: str
    epoch: int
    epochs: int
    fraction: float
    seconds: float
    seconds_left: float | None
    losses: dict[str, float]
    epoch_ended: bool


class Trainer:
    """One training run.

    Args:
        images: ``(n, 28, 28)`` float32 in 0..1, normal digits only.
        settings: see :class:`TrainingSettings`.
        checkpoint: file to resume from if it exists, and to write after every epoch; None keeps nothing.

    Attributes:
        networks: the three networks; eval mode between epochs.
        prior: where encoded latents lie, refitted after every epoch; None before the first.
        curve: mean losses per finished epoch, by the names in ``LOSSES``.

    Raises:
        TrainingError: images or settings that cannot be trained on, or a checkpoint of another run.
    """

    def __init__(self, images: np.ndarray, settings: TrainingSettings, checkpoint: Path | None = None) -> None:
        recipe.check(images, settings)
        self.settings = settings
        self.images = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))  # (n, 28, 28)
        self.epoch = 0
        self.seconds = 0.0
        self.curve: dict[str, list[float]] = {name: [] for name in LOSSES}
        self.prior: Mixture | None = None
        self._checkpoint = checkpoint
        self._random = torch.Generator().manual_seed(settings.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.networks: Networks = build(settings.architecture, settings.latent_size, settings.views)
            self._critic = Critic()
        self._log_noise = torch.nn.Parameter(torch.full((settings.latent_size,), settings.noise))
        made = [*self.networks.encoder.parameters(), *self.networks.generator.parameters(), self._log_noise]
        self._generator_optimiser = Adam(made, lr=settings.learning_rate, betas=(0.9, 0.99))
        self._critic_optimiser = Adam(self._critic.parameters(), lr=settings.critic_rate, betas=(0.0, 0.99))
        self._judging = DiscriminatorTraining(self.networks.discriminator, self.images, settings)
        if checkpoint is not None and checkpoint.exists():
            self._restore(checkpoint)
        self._mode(training=False)

    def run(self) -> Iterator[Progress]:
        """Train to the last epoch, from wherever the run stands.

        Yields:
            Progress about twice a second, and once with ``epoch_ended`` after every epoch.

        Raises:
            TrainingError: a loss stopped being a number, or the generator draws one and the same image whatever
                it is given; the checkpoint of the last good epoch is kept.
        """
        while self.epoch < self.settings.epochs:
            yield from self._run_epoch()

    @torch.no_grad()
    def samples(self, n: int = SAMPLES) -> np.ndarray:
        """Fresh digits of the present generator, for one ``n`` always of the same places: ``(n, 28, 28)`` float32."""
        return self.networks.generator(self._sample_latents(n)).squeeze(1).numpy()

    @torch.no_grad()
    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """What encoder and generator make of images: ``(n, 28, 28) -> (n, 28, 28)`` float32."""
        given = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).unsqueeze(1)
        return self.networks.generator(self.networks.encoder(given)).squeeze(1).numpy()

    def latent_prior(self) -> Mixture:
        """The prior that a model keeps: fitted anew to the latents as they are now, the encoder's noise included."""
        with one_thread():
            return Mixture.fit(self._encoded(), seed=self.settings.seed).widened(self._log_noise.detach().exp())

    def _run_epoch(self) -> Iterator[Progress]:
        sums = dict.fromkeys(LOSSES, 0.0)
        started = reported = time.monotonic()
        earlier = self.seconds
        fresh = None if self.prior is None else self.prior.widened(self._log_noise.detach().exp())
        self._mode(training=True)
        for done, batch in enumerate(self._batches(), start=1):
            images = batch_of(self.images, batch, self._random)
            with one_thread():
                step_losses = self._step(images, self.epoch * self.settings.steps + done - 1, fresh)
            if not all(np.isfinite(value) for value in step_losses.values()):
                raise TrainingError(
                    f"training diverged in epoch {self.epoch + 1}: a loss is not a number any more. "
                    "Start again with another seed; the last finished epoch is kept"
                )
            sums = {name: sums[name] + step_losses[name] for name in LOSSES}
            now = time.monotonic()
            self.seconds = earlier + now - started
            if now - reported >= _REPORT_SECONDS and done < self.settings.steps:
                reported = now
                yield self._progress({name: sums[name] / done for name in LOSSES}, done / self.settings.steps)
        self._mode(training=False)
        with one_thread():
            encoded = self._encoded()
            if self.prior is None:
                self.prior = Mixture.fit(encoded, _PRIOR_COMPONENTS, seed=self.settings.seed)
            else:
                self.prior = self.prior.refit(encoded, _PRIOR_STEPS)
        self._refuse_collapse()
        means = {name: sums[name] / self.settings.steps for name in LOSSES}
        for name in LOSSES:
            self.curve[name].append(means[name])
        self.epoch += 1
        self.seconds = earlier + time.monotonic() - started
        if self._checkpoint is not None:
            self._save(self._checkpoint, self.prior)
        yield self._progress(means, 0.0, epoch_ended=True)

    def _step(self, images: Tensor, step: int, prior: Mixture | None) -> dict[str, float]:
        """One step of all networks on images ``(b, 28, 28)``; returns the losses by the names in ``LOSSES``."""
        settings, random = self.settings, self._random
        encoder, generator, critic = self.networks.encoder, self.networks.generator, self._critic
        fraction = step / (settings.epochs * settings.steps)
        falling = recipe.rate_factor(fraction)
        self._generator_optimiser.param_groups[0]["lr"] = settings.learning_rate * falling
        self._critic_optimiser.param_groups[0]["lr"] = settings.critic_rate * falling
        real = images.unsqueeze(1)  # (b, 1, 28, 28)
        half = len(images) // 2
        adversarial = prior is not None and fraction >= _CRITIC_LEARNS and settings.adversarial_weight > 0

        # Encoder and generator: reconstruct, keep latents near N(0, 1), and have fresh digits pass for real.
        means = encoder(real)  # (b, latent)
        latents = means + self._log_noise.exp() * torch.randn(means.shape, generator=random)
        if adversarial and prior is not None:
            latents = torch.cat((latents, prior.sample(half, random)))  # (1.5 b, latent)
        generated = generator(latents)  # (b or 1.5 b, 1, 28, 28)
        rebuilt = generated[: len(images)]
        pixel = losses.pixel_error(rebuilt, real)
        loss = (
            pixel
            + settings.gradient_weight * losses.gradient_error(rebuilt, real)
            + settings.divergence_weight * losses.latent_divergence(means, self._log_noise)
        )
        fakes, rivals = generated[-2 * half :], real[-2 * half :]  # (b, 1, 28, 28): half rebuilt, half fresh
        fooled = math.log(2)  # what an adversary scores that tells nothing apart
        if adversarial and fraction >= _CRITIC_HEEDED:
            critic.requires_grad_(False)
            fooling = losses.relativistic(critic(fakes), critic(rivals))
            critic.requires_grad_(True)
            loss, fooled = loss + settings.adversarial_weight * fooling, fooling.item()
        losses.descend(self._generator_optimiser, loss)

        # Critic: tell real digits from generated ones.
        if adversarial:
            fakes = fakes.detach()
            criticism = losses.relativistic(critic(rivals), critic(fakes))
            if step % _PENALTY_EVERY == 0:
                slopes = losses.gradient_penalty(critic, rivals) + losses.gradient_penalty(critic, fakes)
                criticism = criticism + settings.penalty_weight * slopes
            losses.descend(self._critic_optimiser, criticism)

        judgement = self._judging.step(fraction)
        return {"generator": fooled, "discriminator": judgement, "reconstruction": pixel.item()}

    def _batches(self) -> Iterator[Tensor]:
        """Rows of the images of each step of an epoch, ``(batch_size,)``: none again before all were seen."""
        wanted = self.settings.steps * self.settings.batch_size
        rounds = -(-wanted // len(self.images))
        order = torch.cat([torch.randperm(len(self.images), generator=self._random) for _ in range(rounds)])
        yield from order[:wanted].split(self.settings.batch_size)

    @torch.no_grad()
    def _encoded(self) -> Tensor:
        """Latents that the prior is fitted to, ``(m, latent)``: of all images; few are varied until they are many."""
        images = self.images
        if len(images) < FEW_IMAGES:
            many = images.repeat(-(-_FEWEST_LATENTS // len(images)), 1, 1)
            images = torch.from_numpy(geometry.augment(many.numpy(), np.random.default_rng(self.settings.seed)))
        return torch.cat([self.networks.encoder(chunk.unsqueeze(1)) for chunk in images.split(_CHUNK)])

    def _sample_latents(self, n: int = SAMPLES) -> Tensor:
        """Latents of the prior, ``(n, latent)``, of one standard Gaussian while there is none; they leave no trace."""
        random = torch.Generator().manual_seed(self.settings.seed + 1)
        if self.prior is None:
            return torch.randn(n, self.settings.latent_size, generator=random)
        return self.prior.widened(self._log_noise.detach().exp()).sample(n, random)

    @torch.no_grad()
    def _refuse_collapse(self) -> None:
        samples = self.networks.generator(self._sample_latents())
        if not torch.isfinite(samples).all() or samples.std(dim=0).max() < 1e-3:
            raise TrainingError(
                f"the generator collapsed in epoch {self.epoch + 1}: it draws one image whatever it is given. "
                "Start again with another seed or more digits; the last finished epoch is kept"
            )

    def _mode(self, training: bool) -> None:
        for network in self.networks:
            network.train(training)

    def _progress(self, losses: dict[str, float], within: float, epoch_ended: bool = False) -> Progress:
        epochs = self.settings.epochs
        fraction = (self.epoch + within) / epochs
        left = self.seconds * (1 - fraction) / fraction if fraction > 0 else None
        return Progress("training", self.epoch, epochs, fraction, self.seconds, left, losses, epoch_ended)

    def _parts(self) -> dict[str, checkpoints.Part]:
        """What a checkpoint holds by its own ``state_dict``."""
        return {
            **self.networks._asdict(),
            "critic": self._critic,
            "optimiser.generator": self._generator_optimiser,
            "optimiser.critic": self._critic_optimiser,
            "optimiser.discriminator": self._judging.optimiser,
        }

    def _run(self) -> dict[str, Any]:
        """Which run this is, as JSON has it."""
        return {"settings": dataclasses.asdict(self.settings), "images": len(self.images)}

    def _save(self, path: Path, prior: Mixture) -> None:
        loose = {f"prior_{field.name}": getattr(prior, field.name) for field in dataclasses.fields(Mixture)}
        loose |= {"random": self._random.get_state(), "discriminator_random": self._judging.random.get_state()}
        loose |= {"log_noise": self._log_noise.detach()}
        run = self._run() | {"epoch": self.epoch, "seconds": self.seconds, "curve": self.curve}
        checkpoints.save(path, self._parts(), loose, run)

    def _restore(self, path: Path) -> None:
        run, tensors = checkpoints.read(path)
        if not self._run().items() <= run.items():
            raise TrainingError(
                f"{path.name} belongs to a run with other settings or images; "
                "resume with the same ones, or delete it to start afresh"
            )
        loose = checkpoints.restore(tensors, self._parts(), _LOOSE)
        self._random.set_state(loose["random"])
        self._judging.random.set_state(loose["discriminator_random"])
        self._log_noise.data.copy_(loose["log_noise"])
        weights, means, factors = (loose[f"prior_{name}"] for name in ("weights", "means", "factors"))
        # Laid out in memory as a Cholesky factorisation leaves them: products of the same numbers laid out otherwise
        # are rounded otherwise, and a resumed run would end in other tensors.
        self.prior = Mixture(weights, means, factors.mT.contiguous().mT)
        self.epoch, self.seconds, self.curve = run["epoch"], run["seconds"], run["curve"]
