"""Convolutional networks, the default, and the same with self-attention."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

from core.gan.networks import ORIENTATIONS, Architecture, Discriminator, Networks, register, whole_rows


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
        _fold(whole, "seed", "seed_norm", 7 * 7)
        _fold(whole, "first", "first_norm", 2 * 2)
        _fold(whole, "second", "second_norm", 1)
        whole.seed = FewRows(whole.seed, 4)
        whole.last, whole.finer = _in_blocks(whole.last), 2 * whole.finer
        _pack(whole, "first", "second", "last")
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
        _pack(whole, "first", "second", "third")
        return whole


class FewRows(nn.Module):
    """A layer that rounds few rows as it does many: it is given a multiple of so many, since fewer end otherwise."""

    def __init__(self, layer: nn.Module, rows: int) -> None:
        super().__init__()
        self.layer, self.rows = layer, rows

    def forward(self, given: Tensor) -> Tensor:
        """What the layer makes of rows (n, ...)."""
        n = len(given)
        return self.layer(whole_rows(given, self.rows))[:n]


class PackedConvolution(nn.Module):
    """A convolution in evaluation only, whose weights are laid out once, and by oneDNN whatever the number of images.

    torch's own lays them out in every call, and convolves a single image by another algorithm than several.
    """

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer
        self.how: list[Any] = [layer.padding, layer.stride, layer.dilation, layer.groups]
        self.packed = torch._C._nn.mkldnn_reorder_conv2d_weight(layer.weight.detach().to_mkldnn(), *self.how)
        self.bias = None if layer.bias is None else layer.bias.detach()  # no parameter, which is slower to reach

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (n, channels, h, w) -> (n, others, h, w)."""
        maps = maps.contiguous(memory_format=torch.channels_last)
        return torch.ops.mkldnn._convolution_pointwise(maps, self.packed, self.bias, *self.how, "none", [], None)

    def __reduce__(self) -> tuple[type, tuple[nn.Module]]:  # what oneDNN laid out can be neither copied nor stored
        return type(self), (self.layer,)


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


@torch.no_grad()
def _fold(network: nn.Module, layer_name: str, norm_name: str, copies: int) -> None:
    """Put a batch norm into the layer before it; one of its channels stands for ``copies`` of the layer's."""
    layer, norm = network.get_submodule(layer_name), network.get_submodule(norm_name)
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance, scale, shift = (
        values.repeat_interleave(copies) for values in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    fuse = fuse_conv_bn_weights if isinstance(layer, nn.Conv2d) else fuse_linear_bn_weights
    layer.weight, layer.bias = fuse(layer.weight, layer.bias, mean, variance, norm.eps, scale, shift)
    setattr(network, norm_name, nn.Identity())


@torch.no_grad()
def _in_blocks(layer: nn.Conv2d) -> nn.Conv2d:
    """A convolution of 3x3 to 4 channels, of which ``pixel_shuffle`` makes 2x2 pixels, as one to blocks of 4x4 pixels.

    Processors work on 16 channels at once, whether there are as many or not: half the time for the same drawing.
    """
    blocks = nn.Conv2d(layer.in_channels, 16, 4, stride=2, padding=1)
    weight = torch.zeros(2, 2, 2, 2, layer.in_channels, 4, 4)  # place y, pixel y, place x, pixel x of the block
    kernels = layer.weight.unflatten(0, (2, 2))  # pixel y, pixel x
    for y in range(2):
        for x in range(2):
            weight[y, :, x, :, :, y : y + 3, x : x + 3] = kernels
    assert layer.bias is not None
    assert blocks.bias is not None
    blocks.weight.copy_(weight.flatten(0, 3))
    blocks.bias.copy_(layer.bias.view(1, 2, 1, 2).expand(2, 2, 2, 2).flatten())
    return blocks.requires_grad_(False)


def _pack(network: nn.Module, *names: str) -> None:
    """Put the quickest form of each of these convolutions in its place."""
    for name in names:
        layer = network.get_submodule(name)
        assert isinstance(layer, nn.Conv2d)
        if torch.backends.mkldnn.is_available():
            setattr(network, name, PackedConvolution(layer))
        else:
            setattr(network, name, FewRows(layer.to(memory_format=torch.channels_last), 2))  # type: ignore[call-overload]


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
