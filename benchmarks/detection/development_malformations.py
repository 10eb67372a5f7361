"""Six more ways in which a digit goes wrong: neither those that train nor those that are reported.

What is chosen on them (``ablation.py``) is chosen without a look at what it will be measured by.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

_SIDE = 28
_AXIS = torch.arange(_SIDE, dtype=torch.float32)
Family = Callable[[Tensor, torch.Generator], Tensor]


def blot(images: Tensor, random: torch.Generator) -> Tensor:
    """A round blot of two to three pixels' radius on or beside the ink."""
    n = len(images)
    radius = 1.8 + 1.4 * torch.rand(n, 1, 1, generator=random)
    centre = _place_on_ink(images, random) + 2 * torch.randn(n, 2, generator=random)
    return torch.maximum(images, (radius + 0.5 - _distance(centre)).clamp(0, 1))


def slide(images: Tensor, random: torch.Generator) -> Tensor:
    """What lies below a row moves sideways by three to five pixels."""
    n = len(images)
    row = 11 + 6 * torch.rand(n, 1, 1, generator=random)
    sign = torch.where(torch.rand(n, generator=random) < 0.5, -1, 1)
    by = sign * torch.randint(3, 6, (n,), generator=random)
    moved = torch.stack([image.roll(int(step), 1) for image, step in zip(images, by, strict=True)])
    return torch.where(_AXIS[:, None] > row, moved, images)


def dent(images: Tensor, random: torch.Generator) -> Tensor:
    """Ink around a place on the stroke is pushed aside by up to four pixels."""
    n = len(images)
    push = 4 * torch.exp(-((_distance(_place_on_ink(images, random)) / 4.5) ** 2))  # (n, 28, 28)
    angle = 2 * math.pi * torch.rand(n, 1, 1, generator=random)
    source = torch.stack((_AXIS - push * angle.cos(), _AXIS[:, None] - push * angle.sin()), dim=3)  # x, y
    grid = (2 * source + 1) / _SIDE - 1  # grid_sample's coordinates
    return F.grid_sample(images.unsqueeze(1), grid, align_corners=False).squeeze(1).clamp(0, 1)


def slash(images: Tensor, random: torch.Generator) -> Tensor:
    """A straight stroke of eight to sixteen pixels through the ink."""
    n = len(images)
    centre = _place_on_ink(images, random)
    angle = math.pi * torch.rand(n, 1, 1, generator=random)
    half = 4 + 4 * torch.rand(n, 1, 1, generator=random)
    down, right = _AXIS[:, None] - centre[:, 0, None, None], _AXIS - centre[:, 1, None, None]
    along = (down * angle.sin() + right * angle.cos()).abs()
    across = down * angle.cos() - right * angle.sin()
    return torch.maximum(images, (1.5 - torch.hypot(across, (along - half).clamp_min(0))).clamp(0, 1))


def fade(images: Tensor, random: torch.Generator) -> Tensor:
    """One side of a line near the middle keeps a fifth of its ink."""
    n = len(images)
    angle = 2 * math.pi * torch.rand(n, 1, 1, generator=random)
    place = 2 + 3 * torch.randn(n, 1, 1, generator=random)
    side = (_AXIS[:, None] - 13.5) * angle.sin() + (_AXIS - 13.5) * angle.cos() + place
    return images * (0.2 + 0.8 * torch.sigmoid(2 * side))


def swell(images: Tensor, random: torch.Generator) -> Tensor:
    """The pen is two pixels wider around a place on the stroke."""
    near = torch.sigmoid(5.5 - _distance(_place_on_ink(images, random)))
    return torch.maximum(images, F.max_pool2d(images.unsqueeze(1), 3, 1, 1).squeeze(1) * near)


FAMILIES: tuple[Family, ...] = (blot, slide, dent, slash, fade, swell)


def _place_on_ink(images: Tensor, random: torch.Generator) -> Tensor:
    """Row and column of a pixel of each image's ink, ``(n, 2)``."""
    at = torch.multinomial((images > 0.4).float().flatten(1) + 1e-9, 1, generator=random).squeeze(1)
    return torch.stack((at // _SIDE, at % _SIDE), dim=1).float()


def _distance(centre: Tensor) -> Tensor:
    """Of every pixel from a place in each image: ``(n, 2) -> (n, 28, 28)``."""
    return torch.hypot(_AXIS[:, None] - centre[:, 0, None, None], _AXIS - centre[:, 1, None, None])
