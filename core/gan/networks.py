"""Networks: the contract of encoder, generator and discriminator, and the registry of architectures that keep it.

    encoder(images)        (n, 1, 28, 28) -> latents (n, latent_size)
    generator(latents)     (n, latent_size) -> images (n, 1, 28, 28) in 0..1
    discriminator(images)  (n, 1, 28, 28) -> logits (n,), higher = looks like a real normal digit;
                           it is ``judge(directions_seen(images, views))``

An architecture is one record in one registry: a further one is one file that calls :func:`register`, imported by
the package.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import TrainingError
from core.gan.features import UPRIGHT_ORIENTATIONS, directed, edges, pooled
from core.gan.features import views as views_of

ORIENTATIONS = UPRIGHT_ORIENTATIONS  # directions that discriminators and critics tell apart
VIEWS = 3  # of an image that a discriminator sees: as it is, without slant, without slant and proportions


class Discriminator(nn.Module):
    """Looks at gradient orientations, not at pixels; each kind offers ``judge``.

    On pixels a discriminator learns the resampling artefacts of its training negatives; on pooled edge
    directions it has to learn strokes.

    Args:
        views: of each image, 1 to 3; see ``directions_seen``.
    """

    judge: Callable[[Tensor], Tensor]  # what ``directions_seen`` makes of images (n, views * 8, 14, 14) -> logits (n,)

    def __init__(self, views: int) -> None:
        super().__init__()
        self.views = views

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 1, 28, 28) -> logits (n,)."""
        return self.judge(directions_seen(images, self.views))


class Critic(nn.Module):
    """The adversary that a generator is trained against, and that no model keeps: four convolutions.

    It sees pixels as well as strokes, so that it notices grey where a pen leaves black; what is asked of a
    discriminator, whether a digit is malformed, is another question, and one network with both jobs does neither well.
    Before its last convolution every image learns how much its batch varies: a batch that looks alike is not real,
    whatever each image looks like (Karras et al., "Progressive Growing of GANs", ICLR 2018, section 3).
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(4 + ORIENTATIONS, 24, 3, padding=1)
        self.second = nn.Conv2d(24, 32, 3, stride=2, padding=1)
        self.third = nn.Conv2d(32, 48, 3, stride=2, padding=1)
        self.fourth = nn.Conv2d(48 + 1, 48, 3, padding=1)
        self.logit = nn.Linear(48 * 4 * 4, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 1, 28, 28) -> logits (n,), higher = real."""
        pixels = F.pixel_unshuffle(images, 2)  # (n, 4, 14, 14)
        x = torch.cat((pixels, directions_seen(images, 1)), dim=1)  # (n, 12, 14, 14)
        x = F.leaky_relu(self.first(x), 0.2)  # (n, 24, 14, 14)
        x = F.leaky_relu(self.second(x), 0.2)  # (n, 32, 7, 7)
        x = F.leaky_relu(self.third(x), 0.2)  # (n, 48, 4, 4)
        deviation = (x.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
        x = torch.cat((x, deviation.expand(len(x), 1, *x.shape[2:])), dim=1)  # (n, 49, 4, 4)
        x = F.leaky_relu(self.fourth(x), 0.2)  # (n, 48, 4, 4)
        return self.logit(x.flatten(1)).squeeze(1)


class Networks(NamedTuple):
    """The three networks of one model."""

    encoder: nn.Module
    generator: nn.Module
    discriminator: nn.Module


@dataclass(frozen=True)
class Architecture:
    """All that tells one kind of networks from another.

    Attributes:
        name: what settings, files and commands call it.
        words: what a person reads beside the name.
        build: ``(latent_size, views) -> Networks`` with fresh weights from torch's present random state.
        epochs: passes that are right where nobody says otherwise.
        rows: few rows are rounded otherwise than many, and an image must score the same in any batch: the networks
            are given a multiple of this many. Below four convolutions differ on some processors; matrix products,
            and what nobody has measured, mind more.
        cost: of a training step, in units of the try by which its time is foretold; measured.
    """

    name: str
    words: str
    build: Callable[[int, int], Networks]
    epochs: int = 20
    rows: int = 16
    cost: float = 3.9


ARCHITECTURES: dict[str, Architecture] = {}


def register(architecture: Architecture) -> None:
    """Offer an architecture under its name."""
    ARCHITECTURES[architecture.name] = architecture


def architecture_of(name: str) -> Architecture:
    """The architecture of that name.

    Raises:
        TrainingError: there is none.
    """
    if name not in ARCHITECTURES:
        raise TrainingError(f"no architecture is called {name!r}; there are {', '.join(sorted(ARCHITECTURES))}")
    return ARCHITECTURES[name]


def build(architecture: str, latent_size: int, views: int = VIEWS) -> Networks:
    """Make the networks of an architecture, with fresh weights from torch's present random state.

    Args:
        architecture: its name.
        latent_size: numbers of a latent.
        views: what the discriminator sees of an image, 1 to 3.

    Raises:
        TrainingError: no architecture of that name, or no such number of views.

    >>> encoder, generator, discriminator = build("conv", latent_size=32)
    >>> generator(encoder(torch.rand(2, 1, 28, 28))).shape
    torch.Size([2, 1, 28, 28])
    """
    if views not in range(1, VIEWS + 1):
        raise TrainingError(f"a discriminator sees 1 to {VIEWS} views of an image, not {views}")
    return architecture_of(architecture).build(latent_size, views)


def for_inference(network: nn.Module) -> nn.Module:
    """The quickest form of a network that is trained no more: ``folded`` where an architecture has it."""
    folded = getattr(network, "folded", None)
    return folded() if folded is not None else network


def whole_rows(given: Tensor, multiple: int) -> Tensor:
    """Rows ``(n, ...)`` and as many empty ones as make their number a multiple."""
    missing = -len(given) % multiple
    return F.pad(given, (0, 0) * (given.ndim - 1) + (0, missing)) if missing else given


def directions_seen(images: Tensor, views: int) -> Tensor:
    """What discriminators see: edge directions of the first so many views of each image, pooled.

    Images (n, 1, 28, 28) -> (n, views * ORIENTATIONS, 14, 14), about 0..1.
    """
    plain = images.squeeze(1)
    seen = plain.unsqueeze(0) if views == 1 else views_of(plain)[:views]  # (views, n, 28, 28)
    return directions_of(directed(edges(seen.flatten(0, 1)), ORIENTATIONS).unflatten(0, seen.shape[:2]))


def directions_of(maps: Tensor) -> Tensor:
    """``directions_seen`` in views ``directed`` already: (views, n, 8, 28, 28) -> (n, views * 8, 14, 14)."""
    softened = torch.sqrt(pooled(maps.flatten(0, 1), cells=14) + 1e-4) - 1e-2  # rooted, so that faint strokes count
    return softened.unflatten(0, maps.shape[:2]).transpose(0, 1).flatten(1, 2)
