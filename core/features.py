"""Gradient-orientation features: an ink image as the directions of its strokes' edges, cell by cell.

The fixed space in which digits are compared. After Liu et al., "Handwritten digit recognition: benchmarking
of state-of-the-art techniques", Pattern Recognition 36 (2003); everything is differentiable, so the same
functions serve as a training loss and as the discriminator's eyes.
"""

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

FEATURES_VERSION = 1

ORIENTATIONS = 12
CELLS = 7
UPRIGHT_ORIENTATIONS = 8
FEATURES = CELLS * CELLS * (ORIENTATIONS + UPRIGHT_ORIENTATIONS)

_SIDE = 28
# An empty image has no directions at all; this much edge per cell keeps its square root and its gradient finite.
_FLOOR = 1e-6


def gradient_features(images: Tensor) -> Tensor:
    """Describe ink images by the directions of their edges.

    Two histograms side by side: one of the image as it is (12 signed directions in 7x7 overlapping cells) and
    one of the image with its slant removed (8 directions), which forgives handwriting that leans.
    Each is normalised to sum 1 and rooted, so Euclidean distance between two is the Hellinger distance.

    Args:
        images: ``(n, 28, 28)`` floats, 0 = paper, 1 = ink.

    Returns:
        ``(n, FEATURES)`` float32, each half of unit length (zero for an empty image).

    >>> gradient_features(torch.zeros(2, 28, 28)).shape
    torch.Size([2, 980])
    """
    images = images.float()
    leaning = histogram(images, ORIENTATIONS)  # (n, 588)
    upright = histogram(deskew(images), UPRIGHT_ORIENTATIONS)  # (n, 392)
    return torch.cat((leaning, upright), dim=1)


def histogram(images: Tensor, orientations: int) -> Tensor:
    """Rooted, normalised histogram of edge directions over overlapping cells.

    Args:
        images: ``(n, 28, 28)``.
        orientations: how many signed directions to tell apart.

    Returns:
        ``(n, orientations * 49)``, unit length.
    """
    maps = orientation_maps(images, orientations)  # (n, o, 28, 28)
    counts = pooled(maps, CELLS).flatten(1)  # (n, o * 49)
    total = counts.sum(dim=1, keepdim=True).clamp_min(_FLOOR)
    # sqrt(x + floor) - sqrt(floor) is zero for no edge and has a finite slope there.
    return torch.sqrt(counts / total + _FLOOR) - math.sqrt(_FLOOR)


def pooled(maps: Tensor, cells: int) -> Tensor:
    """Average maps over overlapping triangular windows.

    Args:
        maps: ``(n, channels, h, h)``.
        cells: windows along each side.

    Returns:
        ``(n, channels, cells, cells)``.
    """
    weights = _cell_weights(cells, maps.shape[-1])  # (cells, h)
    return weights @ maps @ weights.T


def orientation_maps(images: Tensor, orientations: int) -> Tensor:
    """Edge strength of every pixel, parted by direction.

    A lobe around each direction, ``relu(cos(angle) - cos(width))`` times the edge strength, is a matrix product
    and a relu: no arc tangent, cheap and differentiable.

    Args:
        images: ``(n, 28, 28)``.
        orientations: number of signed directions, evenly spread.

    Returns:
        ``(n, orientations, 28, 28)``, not negative.
    """
    blur, slope = _bands()  # (28, 28) each
    along_x = blur @ images @ slope.T  # (n, 28, 28)
    along_y = slope @ images @ blur.T
    strength = torch.sqrt(along_x.square() + along_y.square() + 1e-8)
    channels = torch.stack((along_x, along_y, strength), dim=1).flatten(2)  # (n, 3, 784)
    return F.relu_(_lobes(orientations) @ channels).unflatten(2, (_SIDE, _SIDE))


def deskew(images: Tensor) -> Tensor:
    """Remove each image's slant with a horizontal shear about its centre of mass.

    Args:
        images: ``(n, 28, 28)``.

    Returns:
        ``(n, 28, 28)``; an empty image stays as it is.
    """
    axis, moments = _moments()
    # In double precision: in single, how a product is added up depends on how many images there are.
    table = moments @ images.double() @ moments.T  # (n, 3, 3): [power of y, power of x]
    mass = table[:, 0, 0].clamp_min(1e-3)
    y, x = table[:, 1, 0] / mass, table[:, 0, 1] / mass  # (n,)
    covariance = table[:, 1, 1] / mass - x * y
    spread = table[:, 2, 0] / mass - y.square()
    slant = (covariance / spread.clamp_min(1.0)).clamp(-1.0, 1.0).float()  # (n,)
    y = y.float()
    # A shear moves whole rows, so that one-dimensional interpolation along x is all it takes.
    position = axis + slant[:, None, None] * (axis[:, None] - y[:, None, None])  # (n, 28, 28): source column
    # What is not a number has no column; its pixels stay NaN all the same.
    left = position.nan_to_num().floor().clamp(-1, _SIDE)
    share = (position - left).clamp(0, 1)
    padded = F.pad(images, (1, 2))  # (n, 28, 31)
    column = left.long() + 1
    return torch.gather(padded, 2, column) * (1 - share) + torch.gather(padded, 2, column + 1) * share


@cache
def _moments() -> tuple[Tensor, Tensor]:
    """Pixel positions ``(28,)`` float32 and their powers 0, 1 and 2 ``(3, 28)`` float64."""
    axis = torch.arange(_SIDE, dtype=torch.float64)
    return axis.float(), torch.stack((torch.ones_like(axis), axis, axis.square()))


@cache
def _bands() -> tuple[Tensor, Tensor]:
    """Blur with (1, 2, 1) / 4, and blur with a central difference, as banded ``(28, 28)`` matrices.

    Twice as fast on small images as a convolution of one channel.
    """
    offset = torch.arange(_SIDE)[None, :] - torch.arange(_SIDE)[:, None]  # source minus target
    blur = torch.relu(2.0 - offset.abs()) / 4
    slope = torch.relu(3.0 - offset.abs()) / 4 * offset.sign()
    return blur, slope


@cache
def _lobes(orientations: int) -> Tensor:
    """Rows ``(cos, sin, -cos(width))`` scaled to peak at 1, one per direction: ``(orientations, 3)``."""
    angles = torch.arange(orientations) * (2 * math.pi / orientations)
    width = math.cos(2 * math.pi / orientations)
    rows = torch.stack((angles.cos(), angles.sin(), torch.full_like(angles, -width)), dim=1)
    return rows / (1 - width)


@cache
def _cell_weights(cells: int, side: int) -> Tensor:
    """Overlapping triangular windows along one axis, each of sum 1: ``(cells, side)``."""
    pitch = side / cells
    centres = (torch.arange(cells) + 0.5) * pitch - 0.5
    distance = (torch.arange(side)[None, :] - centres[:, None]).abs()
    windows = F.relu(1 - distance / pitch)
    return windows / windows.sum(dim=1, keepdim=True)
