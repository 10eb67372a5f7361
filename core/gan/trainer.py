"""The adversarial loop: trains generator, discriminator and encoder on normal digits, and nothing else.

A :class:`Trainer` yields :class:`Progress`, knows no thread and no screen, and after every epoch writes a whole
checkpoint from which a killed run goes on to the very same tensors.
"""

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.errors import TrainingError
from core.gan import checkpoint as training_state
from core.gan.determinism import one_thread, seeded
from core.gan.features import gradient_features
from core.gan.latents import LARGEST_LATENT
from core.gan.negatives import jitter, malformed
from core.gan.networks import Networks, build

LOSSES = ("generator", "discriminator", "reconstruction")
SAMPLES = 16
_REPORT_SECONDS = 0.5


@dataclass(frozen=True)
class TrainingSettings:
    """All that decides the outcome of a training run, besides the images. Every field survives JSON.

    Attributes:
        architecture: a name in ``networks.ARCHITECTURES``.
        latent_size: numbers per digit in the generator's memory, 1 to 32.
        epochs: passes over the images.
        seed: of every random choice.
        batch_size: images per step.
        learning_rate: of encoder and generator at the start; it falls to zero along half a cosine.
        discriminator_rate: the discriminator's at the start; it falls likewise.
        discriminator_decay: its weight decay; without it the discriminator learns its negatives by heart.
        adversarial_weight: how much the generator heeds the discriminator beside reconstructing.
        gradient_weight: weight of the gradient-feature error beside the pixel error.
        negatives_weight: weight of generated digits among what the discriminator must refuse.
        moment_weight: how firmly latents are held to mean 0 and unit covariance, where random ones are drawn.
    """

    architecture: str = "conv"
    latent_size: int = 32
    epochs: int = 16
    seed: int = 0
    batch_size: int = 64
    learning_rate: float = 2e-3
    discriminator_rate: float = 1e-3
    discriminator_decay: float = 0.05
    adversarial_weight: float = 0.02
    gradient_weight: float = 0.2
    negatives_weight: float = 0.1
    moment_weight: float = 1e-3


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
        curve: mean losses per finished epoch, by the names in ``LOSSES``.

    Raises:
        TrainingError: images or settings that cannot be trained on, or a checkpoint of another run.
    """

    def __init__(self, images: np.ndarray, settings: TrainingSettings, checkpoint: Path | None = None) -> None:
        _check(images, settings)
        self.settings = settings
        self.images = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))  # (n, 28, 28)
        self.epoch = 0
        self.seconds = 0.0
        self.curve: dict[str, list[float]] = {name: [] for name in LOSSES}
        self._checkpoint = checkpoint
        self._random = torch.Generator().manual_seed(settings.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.networks: Networks = build(settings.architecture, settings.latent_size)
        makers = [*self.networks.encoder.parameters(), *self.networks.generator.parameters()]
        self._optimisers = {
            "makers": torch.optim.Adam(makers, lr=settings.learning_rate, betas=(0.9, 0.99)),
            "discriminator": torch.optim.AdamW(
                self.networks.discriminator.parameters(),
                lr=settings.discriminator_rate,
                betas=(0.5, 0.99),
                weight_decay=settings.discriminator_decay,
            ),
        }
        self._sample_latents = torch.randn(
            SAMPLES, settings.latent_size, generator=torch.Generator().manual_seed(settings.seed + 1)
        )
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
    def samples(self) -> np.ndarray:
        """The same sixteen latents decoded by the present generator: ``(16, 28, 28)`` float32."""
        return self.networks.generator(self._sample_latents).squeeze(1).numpy()

    @torch.no_grad()
    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """What encoder and generator make of images: ``(n, 28, 28) -> (n, 28, 28)`` float32."""
        given = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).unsqueeze(1)
        return self.networks.generator(self.networks.encoder(given)).squeeze(1).numpy()

    def _run_epoch(self) -> Iterator[Progress]:
        order = torch.randperm(len(self.images), generator=self._random)
        batches = [batch for batch in order.split(self.settings.batch_size) if len(batch) > 1]
        sums = dict.fromkeys(LOSSES, 0.0)
        started = reported = time.monotonic()
        earlier = self.seconds
        self._mode(training=True)
        for done, batch in enumerate(batches, start=1):
            with one_thread(), seeded(self._random):
                losses = self._step(self.images[batch], (self.epoch + (done - 1) / len(batches)) / self.settings.epochs)
            if not all(np.isfinite(value) for value in losses.values()):
                raise TrainingError(
                    f"training diverged in epoch {self.epoch + 1}: a loss is not a number any more. "
                    "Start again with another seed; the last finished epoch is kept"
                )
            sums = {name: sums[name] + losses[name] for name in LOSSES}
            now = time.monotonic()
            self.seconds = earlier + now - started
            if now - reported >= _REPORT_SECONDS and done < len(batches):
                reported = now
                yield self._progress({name: sums[name] / done for name in LOSSES}, done / len(batches))
        self._mode(training=False)
        means = {name: sums[name] / len(batches) for name in LOSSES}
        self._refuse_collapse()
        for name in LOSSES:
            self.curve[name].append(means[name])
        self.epoch += 1
        self.seconds = earlier + time.monotonic() - started
        if self._checkpoint is not None:
            self._save(self._checkpoint)
        yield self._progress(means, 0.0, epoch_ended=True)

    def _step(self, images: Tensor, fraction: float) -> dict[str, float]:
        settings = self.settings
        encoder, generator, discriminator = self.networks
        makers, judge = self._optimisers["makers"], self._optimisers["discriminator"]
        pace = 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * fraction))
        makers.param_groups[0]["lr"] = settings.learning_rate * pace
        judge.param_groups[0]["lr"] = settings.discriminator_rate * pace
        real = images.unsqueeze(1)  # (b, 1, 28, 28)
        half = max(len(images) // 2, 1)

        latents = encoder(real)  # (b, latent)
        free = torch.randn(half, settings.latent_size, generator=self._random)
        drawn = generator(torch.cat((latents, free)))  # (1.5b, 1, 28, 28)
        rebuilt = drawn[: len(images)]
        pixel = (rebuilt - real).square().mean()
        gradient = (gradient_features(rebuilt.squeeze(1)) - gradient_features(images)).square().sum(dim=1).mean()
        doubtful = drawn[-2 * half :]  # (b, 1, 28, 28): half rebuilt, half invented
        discriminator.requires_grad_(False)
        fooling = F.softplus(-discriminator(doubtful)).mean()
        discriminator.requires_grad_(True)
        loss = (
            pixel
            + settings.gradient_weight * gradient
            + settings.adversarial_weight * fooling
            + settings.moment_weight * _moment_gap(latents)
        )
        makers.zero_grad(set_to_none=True)
        loss.backward()
        makers.step()

        positives = jitter(images, self._random).unsqueeze(1)
        edited = jitter(malformed(images, self._random), self._random).unsqueeze(1)
        logits = discriminator(torch.cat((positives, edited, doubtful.detach())))  # (3b,)
        looks_real, looks_edited, looks_drawn = logits.split([len(images), len(images), 2 * half])
        judging = (
            F.softplus(-looks_real).mean()
            + F.softplus(looks_edited).mean()
            + settings.negatives_weight * F.softplus(looks_drawn).mean()
        )
        judge.zero_grad(set_to_none=True)
        judging.backward()
        judge.step()
        return {"generator": fooling.item(), "discriminator": judging.item(), "reconstruction": pixel.item()}

    @torch.no_grad()
    def _refuse_collapse(self) -> None:
        samples = self.networks.generator(self._sample_latents)
        if not torch.isfinite(samples).all() or samples.std(dim=0).max() < 1e-3:
            raise TrainingError(
                f"the generator collapsed in epoch {self.epoch + 1}: it draws one image whatever it is given. "
                "Start again with another seed or more digits; the last finished epoch is kept"
            )

    def _mode(self, training: bool) -> None:
        for network in self.networks:
            network.train(training)

    def _progress(self, losses: dict[str, float], within: float, epoch_ended: bool = False) -> Progress:
        fraction = (self.epoch + within) / self.settings.epochs
        left = self.seconds * (1 - fraction) / fraction if fraction > 0 else None
        return Progress(
            stage="training",
            epoch=self.epoch,
            epochs=self.settings.epochs,
            fraction=fraction,
            seconds=self.seconds,
            seconds_left=left,
            losses=losses,
            epoch_ended=epoch_ended,
        )

    def _save(self, path: Path) -> None:
        run = {
            "settings": dataclasses.asdict(self.settings),
            "images": len(self.images),
            "epoch": self.epoch,
            "seconds": self.seconds,
            "curve": self.curve,
        }
        training_state.save(path, self.networks, self._optimisers, self._random, run)

    def _restore(self, path: Path) -> None:
        run, tensors = training_state.read(path)
        if (run.get("settings"), run.get("images")) != (dataclasses.asdict(self.settings), len(self.images)):
            raise TrainingError(
                f"{path.name} belongs to a run with other settings or images; "
                "resume with the same ones, or delete it to start afresh"
            )
        training_state.restore(tensors, self.networks, self._optimisers, self._random)
        self.epoch, self.seconds, self.curve = run["epoch"], run["seconds"], run["curve"]


def _check(images: np.ndarray, settings: TrainingSettings) -> None:
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise TrainingError(f"training images must have the shape (n, 28, 28), not {images.shape}")
    if len(images) < 2:
        raise TrainingError(f"{len(images)} training images are too few; give at least 2, better 1,000 and more")
    if not np.isfinite(images).all() or images.min() < 0 or images.max() > 1:
        raise TrainingError("training images must lie between 0 (paper) and 1 (ink)")
    if not 1 <= settings.latent_size <= LARGEST_LATENT:
        raise TrainingError(f"latent_size is {settings.latent_size}; it must lie between 1 and {LARGEST_LATENT}")
    if settings.epochs < 1 or settings.batch_size < 2:
        raise TrainingError("epochs must be at least 1 and batch_size at least 2")


def _moment_gap(latents: Tensor) -> Tensor:
    """How far latents are from mean 0 and unit covariance, so that random ones look like them to the generator."""
    mean = latents.mean(dim=0)
    centred = latents - mean
    covariance = centred.T @ centred / len(latents)
    return mean.square().sum() + (covariance - torch.eye(len(covariance))).square().sum() / len(covariance)
