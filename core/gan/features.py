"""Gradient-orientation features: an ink image as the directions of its strokes' edges, cell by cell.

The fixed space in which digits are compared. Features and moment normalisation after Liu et al., "Handwritten digit
recognition: benchmarking of state-of-the-art techniques", Pattern Recognition 36 (2003), and "Handwritten digit
recognition: investigation of normalization and feature extraction techniques", Pattern Recognition 37 (2004).
Everything is differentiable, so the same functions serve as a training loss and as the discriminator's eyes.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

FEATURES_VERSION = 1  # of gradient_features and of what discriminators see: what networks were trained on

ORIENTATIONS = 12
CELLS = 7
UPRIGHT_ORIENTATIONS = 8
FEATURES = CELLS * CELLS * (ORIENTATIONS + UPRIGHT_ORIENTATIONS)
VIEW_FEATURES = CELLS * CELLS * ORIENTATIONS
MANIFOLD_FEATURES = 3 * VIEW_FEATURES

_SIDE = 28
# Of the three views of an image, those freed of slant and proportions count twice: handwriting varies in both.
_VIEW_WEIGHTS = (1.0, 2.0, 2.0)
# Standard deviation of the ink along x and y, in pixels, that moment normalisation aims at: wider than the average of
# MNIST (3.4 and 5.5), so that the strokes of narrow digits come apart.
_SPREAD = (4.2, 5.2)
# An empty image has no directions at all; this much edge per cell keeps its square root and its gradient finite.
_FLOOR = 1e-6

Made = TypeVar("Made", bound=Callable[..., Any])


def constant(make: Made) -> Made:
    """Tensors made once; training may use them too where one that only looks at images has asked for them first."""
    return cache(torch.inference_mode(mode=False)(make))  # type: ignore[return-value]


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
    return gradient_features_of(edges(images), directed(edges(deskew(images)), UPRIGHT_ORIENTATIONS))


def gradient_features_of(plain: Tensor, upright: Tensor) -> Tensor:
    """``gradient_features`` of what is at hand: the images' ``edges`` ``(n, 3, 784)``, ``directed`` without slant."""
    return torch.cat((_histogram(directed(plain, ORIENTATIONS)), _histogram(upright)), dim=1)  # (n, 588 + 392)


def manifold_features(images: Tensor) -> Tensor:
    """Describe ink images for the comparison with what a generator can draw.

    Histograms of 12 signed directions in 7x7 overlapping cells of three views: the image as it is, without its slant,
    and without its slant and its proportions. What differs in all of them is not how a hand leans or stretches.

    Args:
        images: ``(n, 28, 28)`` floats, 0 = paper, 1 = ink.

    Returns:
        ``(n, MANIFOLD_FEATURES)`` float32; the three views have the lengths 1, 2 and 2 (zero for an empty image).

    >>> manifold_features(torch.zeros(2, 28, 28)).shape
    torch.Size([2, 1764])
    """
    return features_of_views(views(images.float()))


def features_of_views(seen: Tensor) -> Tensor:
    """``manifold_features`` of images whose ``views`` ``(3, n, 28, 28)`` are at hand already."""
    parts = _histogram(directed(edges(seen.flatten(0, 1)), ORIENTATIONS)).chunk(3)
    return torch.cat([weight * part for weight, part in zip(_VIEW_WEIGHTS, parts, strict=True)], dim=1)


def views(images: Tensor) -> Tensor:
    """Images as they are, without their slant, and without slant and proportions: ``(n, 28, 28) -> (3, n, 28, 28)``."""
    shape = _shape(images)
    return torch.stack((images, _sheared(images, shape), _normalised(images, shape)))


def _histogram(maps: Tensor) -> Tensor:
    """Rooted, normalised histogram of ``directed`` edges over overlapping cells: ``(n, o * 49)``, of unit length."""
    counts = pooled(maps, CELLS).flatten(1)  # (n, o * 49)
    total = counts.sum(dim=1, keepdim=True).clamp_min(_FLOOR)
    # sqrt(x + floor) - sqrt(floor) is zero for no edge and has a finite slope there.
    return torch.sqrt(counts / total + _FLOOR) - math.sqrt(_FLOOR)


def pooled(maps: Tensor, cells: int) -> Tensor:
    """Maps averaged over overlapping triangular windows: ``(n, channels, h, h) -> (n, channels, cells, cells)``."""
    weights = _cell_weights(cells, maps.shape[-1])  # (cells, h)
    return weights @ maps @ weights.T


def directed(strokes: Tensor, orientations: int) -> Tensor:
    """Edge strength of every pixel, parted by signed direction: ``edges (n, 3, 784) -> (n, orientations, 28, 28)``.

    A lobe around each direction, ``relu(cos(angle) - cos(width))`` times the edge strength, is a matrix product
    and a relu: no arc tangent, cheap and differentiable.
    """
    return F.relu_(_lobes(orientations) @ strokes).unflatten(2, (_SIDE, _SIDE))


def edges(images: Tensor) -> Tensor:
    """How steep ink is along x and y, and altogether, at every pixel: ``(n, 28, 28) -> (n, 3, 784)``."""
    blur, slope = _bands()  # (28, 28) each
    along_x = blur @ images @ slope.T  # (n, 28, 28)
    along_y = slope @ images @ blur.T
    strength = torch.sqrt(along_x.square() + along_y.square() + 1e-8)
    return torch.stack((along_x, along_y, strength), dim=1).flatten(2)


def deskew(images: Tensor) -> Tensor:
    """Images ``(n, 28, 28)`` without slant, by a horizontal shear about the centre of mass; an empty one stays."""
    return _sheared(images, _shape(images))


def _sheared(images: Tensor, shape: Tensor) -> Tensor:
    across, down = _axes()
    _, y, slant, _, _ = shape
    # A shear moves whole rows, so that one-dimensional interpolation along x is all it takes.
    position = across + slant * (down - y)  # (n, 28, 28): source column
    # What is not a number has no column; its pixels stay NaN all the same.
    left = position.nan_to_num().floor().clamp(-1, _SIDE)
    share = (position - left).clamp(0, 1)
    padded = F.pad(images, (1, 2))  # (n, 28, 31)
    column = left.long() + 1
    return padded.gather(2, column) * (1 - share) + padded[:, :, 1:].gather(2, column) * share


def _normalised(images: Tensor, shape: Tensor) -> Tensor:
    """Without slant, the ink's spread along x and y that of an average digit; an empty image stays empty."""
    x, y, slant, _, _ = shape
    least, most, spread = _steps()
    step_x, step_y = (shape[3:].sqrt() / spread).clamp(least, most)  # (n, 1, 1) each: source pixels per pixel
    across, down = _axes((_SIDE - 1) / 2)
    rows = step_y * down  # (n, 28, 1)
    columns = x + step_x * across + slant * rows  # (n, 28, 28)
    grid = torch.stack((columns, (y + rows).expand_as(columns)), dim=3)  # (n, 28, 28, 2)
    scaled = (2 * grid + 1) / _SIDE - 1  # grid_sample's coordinates
    return F.grid_sample(images.unsqueeze(1), scaled, align_corners=False).squeeze(1)


def _shape(images: Tensor) -> Tensor:
    """Centre of mass x and y, slant, and variance along x (slant removed) and y: ``(5, n, 1, 1)`` float32."""
    moments = _moments()
    # In double precision: in single, how a product is added up depends on how many images there are.
    table = (moments @ images.double() @ moments.T).flatten(1)  # (n, 9): powers of y, then of x
    _, x, xx, y, xy, _, yy, _, _ = (table / table[:, :1].clamp_min(1e-3)).unbind(1)  # (n,) each, of an ink of 1
    covariance = xy - x * y
    down = yy - y.square()
    slant = (covariance / down.clamp_min(1.0)).clamp(-1.0, 1.0)
    across = xx - x.square() - slant * covariance
    variances = torch.stack((across, down)).clamp_min(0.3)
    return torch.cat((torch.stack((x, y, slant)), variances)).float()[:, :, None, None]


@constant
def _axes(origin: float = 0.0) -> tuple[Tensor, Tensor]:
    """Pixel positions along x ``(28,)`` and along y ``(28, 1)``."""
    axis = torch.arange(_SIDE) - origin
    return axis, axis.unsqueeze(1)


@constant
def _moments() -> Tensor:
    """Powers 0, 1 and 2 of pixel positions, ``(3, 28)`` float64."""
    axis = torch.arange(_SIDE, dtype=torch.float64)
    return torch.stack((torch.ones_like(axis), axis, axis.square()))


@constant
def _steps() -> tuple[Tensor, Tensor, Tensor]:
    """Least and most that moment normalisation stretches, and the spread it aims at, of x and y ``(2, 1, 1, 1)``."""
    least, most, spread = torch.tensor(((0.35, 0.5), (1.6, 1.6), _SPREAD))[:, :, None, None, None]
    return least, most, spread


@constant
def _bands() -> tuple[Tensor, Tensor]:
    """Blur with (1, 2, 1) / 4, and blur with a central difference, as banded ``(28, 28)`` matrices.

    Twice as fast on small images as a convolution of one channel.
    """
    offset = torch.arange(_SIDE)[None, :] - torch.arange(_SIDE)[:, None]  # source minus target
    blur = torch.relu(2.0 - offset.abs()) / 4
    slope = torch.relu(3.0 - offset.abs()) / 4 * offset.sign()
    return blur, slope


@constant
def _lobes(orientations: int) -> Tensor:
    """Rows ``(cos, sin, -cos(width))`` scaled to peak at 1, one per direction: ``(orientations, 3)``."""
    angles = torch.arange(orientations) * (2 * math.pi / orientations)
    width = math.cos(2 * math.pi / orientations)
    rows = torch.stack((angles.cos(), angles.sin(), torch.full_like(angles, -width)), dim=1)
    return rows / (1 - width)


@constant
def _cell_weights(cells: int, side: int) -> Tensor:
    """Overlapping triangular windows along one axis, each of sum 1: ``(cells, side)``."""
    windows = cell_windows(cells, side)
    return windows / windows.sum(dim=1, keepdim=True)


@constant
def cell_windows(cells: int, side: int) -> Tensor:
    """Overlapping triangular windows along one axis, 1 at their middle: ``(cells, side)``."""
    pitch = side / cells
    centres = (torch.arange(cells) + 0.5) * pitch - 0.5
    distance = (torch.arange(side)[None, :] - centres[:, None]).abs()
    return F.relu(1 - distance / pitch)
