"""Critic: the adversary that a generator is trained against, and that no model keeps.

It sees pixels as well as strokes, so that it notices grey where a pen leaves black; what is asked of a discriminator,
whether a digit is malformed, is another question, and one network with both jobs does neither well.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.gan.networks import ORIENTATIONS, edge_directions


class Critic(nn.Module):
    """Four convolutions; before the last one every image learns how much its batch varies.

    A batch that looks alike is not real, whatever each image looks like (Karras et al., "Progressive Growing of GANs",
    ICLR 2018, section 3).
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
        x = torch.cat((pixels, edge_directions(images, ORIENTATIONS)), dim=1)  # (n, 12, 14, 14)
        x = F.leaky_relu(self.first(x), 0.2)  # (n, 24, 14, 14)
        x = F.leaky_relu(self.second(x), 0.2)  # (n, 32, 7, 7)
        x = F.leaky_relu(self.third(x), 0.2)  # (n, 48, 4, 4)
        deviation = (x.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
        x = torch.cat((x, deviation.expand(len(x), 1, *x.shape[2:])), dim=1)  # (n, 49, 4, 4)
        x = F.leaky_relu(self.fourth(x), 0.2)  # (n, 48, 4, 4)
        return self.logit(x.flatten(1)).squeeze(1)
