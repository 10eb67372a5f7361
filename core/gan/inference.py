"""Inference: layers of trained networks laid out so that few images cost little, and are rounded as many are."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

from core.gan.networks import whole_rows


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


@torch.no_grad()
def fold(network: nn.Module, layer_name: str, norm_name: str, copies: int) -> None:
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
def in_blocks(layer: nn.Conv2d) -> nn.Conv2d:
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


def pack(network: nn.Module, *names: str) -> None:
    """Put the quickest form of each of these convolutions in its place."""
    for name in names:
        layer = network.get_submodule(name)
        assert isinstance(layer, nn.Conv2d)
        if torch.backends.mkldnn.is_available():
            setattr(network, name, PackedConvolution(layer))
        else:
            setattr(network, name, FewRows(layer.to(memory_format=torch.channels_last), 2))  # type: ignore[call-overload]
