"""Convolutional networks, the default, and the same with self-attention."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.gan.inference import FewRows, fold, in_blocks, pack
from core.gan.networks import ORIENTATIONS, Architecture, Discriminator, Networks, register


class ConvEncoder(nn.Module):
    """Three strided convolutions, then one linear layer."""

    def __init__(self, latent_size: int, attention: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 16, 4, stride=2, padding=1)
        self.second = nn.Conv2d(16, 32, 4, stride=2, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(32)
        self.attention = SelfAttention(32) if attention else nn.Identity()
        self.third = nn.Conv2d(32, 64, 3, stride=2, padding=1, bias=False)
        self.third_norm = nn.BatchNorm2d(64)
        self.latent = nn.Linear(64 * 4 * 4, latent_size)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 1, 28, 28) -> latents (n, latent_size)."""
        x = F.leaky_relu_(self.first(images), 0.1)  # (n, 16, 14, 14)
        x = F.leaky_relu_(self.second_norm(self.second(x)), 0.1)  # (n, 32, 7, 7)
        x = self.attention(x)
        x = F.leaky_relu_(self.third_norm(self.third(x)), 0.1)  # (n, 64, 4, 4)
        return self.latent(x.flatten(1))


class ConvGenerator(nn.Module):
    """A linear seed of 7x7, then two sub-pixel convolutions: most work at low resolution, so it is fast on a CPU."""

    def __init__(self, latent_size: int, attention: bool = False) -> None:
        super().__init__()
        self.seed: nn.Module = nn.Linear(latent_size, 48 * 7 * 7, bias=False)
        self.seed_norm = nn.BatchNorm2d(48)
        self.attention = SelfAttention(48) if attention else nn.Identity()
        self.first = nn.Conv2d(48, 32 * 4, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(32)
        self.second = nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(32)
        self.last = nn.Conv2d(32, 4, 3, padding=1)
        self.grey: nn.Module = nn.Sigmoid()
        self.finer = 2  # how many pixels a side ``last`` draws at each place

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (n, latent_size) -> images (n, 1, 28, 28) in 0..1."""
        x = F.relu_(self.seed_norm(self.seed(latents).unflatten(1, (48, 7, 7))))  # (n, 48, 7, 7)
        x = self.attention(x)
        x = F.relu_(self.first_norm(F.pixel_shuffle(self.first(x), 2)))  # (n, 32, 14, 14)
        x = F.relu_(self.second_norm(self.second(x)))  # (n, 32, 14, 14)
        return F.pixel_shuffle(self.grey(self.last(x)), self.finer)  # (n, 1, 28, 28)

    def folded(self) -> nn.Module:
        """The same drawing, in evaluation only, with each norm folded into the layer before it: a third faster."""
        whole = copy.deepcopy(self).eval()
        fold(whole, "seed", "seed_norm", 7 * 7)
        fold(whole, "first", "first_norm", 2 * 2)
        fold(whole, "second", "second_norm", 1)
        whole.seed = FewRows(whole.seed, 4)
        whole.last, whole.finer = in_blocks(whole.last), 2 * whole.finer
        pack(whole, "first", "second", "last")
        whole.grey = FewRows(whole.grey, 2)
        return whole


class ConvDiscriminator(Discriminator):
    """Three convolutions over pooled edge directions."""

    def __init__(self, views: int, attention: bool = False) -> None:
        super().__init__(views)
        self.first = nn.Conv2d(views * ORIENTATIONS, 32, 3, padding=1)
        self.second = nn.Conv2d(32, 48, 3, stride=2, padding=1)
        self.attention = SelfAttention(48) if attention else nn.Identity()
        self.third = nn.Conv2d(48, 64, 3, stride=2, padding=1)
        self.dropout = nn.Dropout(0.3)
        self.logit: nn.Module = nn.Linear(64 * 4 * 4, 1)

    def judge(self, seen: Tensor) -> Tensor:
        """What ``directions_seen`` makes of images, (n, views * 8, 14, 14) -> logits (n,)."""
        x = F.leaky_relu_(self.first(seen), 0.1)  # (n, 32, 14, 14)
        x = self.attention(F.leaky_relu_(self.second(x), 0.1))  # (n, 48, 7, 7)
        x = F.leaky_relu_(self.third(x), 0.1)  # (n, 64, 4, 4)
        return self.logit(self.dropout(x.flatten(1))).squeeze(1)

    def folded(self) -> nn.Module:
        """The same judgement, in evaluation only, laid out so that few channels cost little: a third faster."""
        whole = copy.deepcopy(self).eval()
        whole.logit = FewRows(whole.logit, 4)
        pack(whole, "first", "second", "third")
        return whole


class SelfAttention(nn.Module):
    """Every place of a feature map looks at every other one (Zhang et al., "Self-Attention GAN", ICML 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 4, 1, bias=False)
        self.key = nn.Conv2d(channels, channels // 4, 1, bias=False)
        self.value = nn.Conv2d(channels, channels, 1, bias=False)
        # Starts at zero: first what is near, then gradually what is far.
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (n, channels, h, w) -> the same shape."""
        query, key, value = (layer(maps).flatten(2).transpose(1, 2) for layer in (self.query, self.key, self.value))
        mixed = F.scaled_dot_product_attention(query, key, value)  # (n, h * w, channels)
        return maps + self.weight * mixed.transpose(1, 2).unflatten(2, maps.shape[2:])


register(
    Architecture(
        name="conv",
        words="convolutions, the default",
        build=lambda size, views: Networks(ConvEncoder(size), ConvGenerator(size), ConvDiscriminator(views)),
        rows=1,  # ``folded`` minds the rest
        cost=2.7,
    )
)
register(
    Architecture(
        name="attention",
        words="convolutions that look at the whole digit",
        build=lambda size, views: Networks(
            ConvEncoder(size, attention=True), ConvGenerator(size, attention=True), ConvDiscriminator(views, True)
        ),
        rows=4,
        cost=2.9,
    )
)
