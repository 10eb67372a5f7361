"""Made-up malformed digits: what the discriminator learns to refuse, since no real anomaly may teach it.

Seven families, none of which is among those that the benchmark of malformed digits measures: free scribbles,
strong warps, turns, windows moved elsewhere, two digits on top of each other, two digits cut and joined, and
digits pressed out of proportion.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_SIDE = 28
_AXIS = torch.linspace(-1 + 1 / _SIDE, 1 - 1 / _SIDE, _SIDE)  # pixel centres in grid_sample's coordinates


def malformed(images: Tensor, random: torch.Generator) -> Tensor:
    """Turn each normal digit into something that is not one, by a family drawn at random.

    Args:
        images: ``(n, 28, 28)`` in 0..1.
        random: where the randomness comes from.

    Returns:
        ``(n, 28, 28)`` in 0..1, in the same order.
    """
    # Scribbles thrice: they are the nearest thing to digits of another class.
    families = (scribble, scribble, scribble, warp_strongly, turn, move_window, overlay, join_two, press)
    choice = torch.randint(len(families), (len(images),), generator=random)  # (n,)
    edited = torch.empty_like(images)
    for number, family in enumerate(families):
        rows = (choice == number).nonzero().squeeze(1)
        if len(rows):
            edited[rows] = family(images[rows], random)
    return edited


def jitter(images: Tensor, random: torch.Generator) -> Tensor:
    """A small affine change and warp that leaves a digit normal; resamples every pixel.

    Normals and edits both pass through it, so that resampling itself tells them nothing apart.
    """
    n = len(images)
    matrix = torch.eye(2) + 0.06 * torch.randn(n, 2, 2, generator=random)  # (n, 2, 2)
    shift = 0.03 * torch.randn(n, 1, 1, 2, generator=random)
    return _resample(images, _affine_grid(matrix) + shift + _waves(n, 4, 0.02, random))


def warp_strongly(images: Tensor, random: torch.Generator) -> Tensor:
    """Bend the strokes by a smooth displacement of several pixels."""
    n = len(images)
    size = 0.12 + 0.14 * torch.rand(n, 1, 1, 1, generator=random)
    return _resample(images, _affine_grid(torch.eye(2).expand(n, 2, 2)) + size * _waves(n, 5, 1.0, random))


def turn(images: Tensor, random: torch.Generator) -> Tensor:
    """Rotate by 40 to 320 degrees."""
    angle = math.radians(40) + math.radians(280) * torch.rand(len(images), generator=random)
    cos, sin = angle.cos(), angle.sin()
    return _resample(images, _affine_grid(torch.stack((cos, -sin, sin, cos), dim=1).unflatten(1, (2, 2))))


def move_window(images: Tensor, random: torch.Generator) -> Tensor:
    """Cut out a soft window and put it down 4 to 9 pixels away."""
    n = len(images)
    centre = 0.5 * torch.rand(n, 2, generator=random) - 0.25
    radius = 0.3 + 0.25 * torch.rand(n, 1, 1, generator=random)
    angle = 2 * math.pi * torch.rand(n, generator=random)
    length = (8 + 10 * torch.rand(n, generator=random)) / _SIDE
    offset = torch.stack((angle.cos(), angle.sin()), dim=1) * length[:, None]  # (n, 2): x, y

    def window(at: Tensor) -> Tensor:  # (n, 28, 28)
        distance = torch.hypot(_AXIS - at[:, 0, None, None], _AXIS[:, None] - at[:, 1, None, None])
        return torch.sigmoid((radius - distance) * _SIDE)

    moved = _resample(images, _affine_grid(torch.eye(2).expand(n, 2, 2)) - offset[:, None, None])
    return torch.maximum(images * (1 - window(centre)), moved * window(centre + offset))


def overlay(images: Tensor, random: torch.Generator) -> Tensor:
    """Write another normal digit, distorted, on top."""
    n = len(images)
    others = images[torch.randperm(n, generator=random)]
    matrix = torch.eye(2) + 0.3 * torch.randn(n, 2, 2, generator=random)
    shift = 0.25 * torch.randn(n, 1, 1, 2, generator=random)
    return torch.maximum(images, _resample(others, _affine_grid(matrix) + shift))


def join_two(images: Tensor, random: torch.Generator) -> Tensor:
    """Continue a digit, beyond a straight cut at any angle, by another one that does not fit."""
    n = len(images)
    others = images[torch.randperm(n, generator=random)]
    angle = 2 * math.pi * torch.rand(n, 1, 1, generator=random)
    place = 0.3 * (torch.rand(n, 1, 1, generator=random) - 0.5)
    kept = torch.sigmoid((angle.cos() * _AXIS + angle.sin() * _AXIS[:, None] + place) * _SIDE / 2)  # (n, 28, 28)
    matrix = torch.eye(2) + 0.25 * torch.randn(n, 2, 2, generator=random)
    shift = 0.25 * torch.randn(n, 1, 1, 2, generator=random)
    return images * kept + _resample(others, _affine_grid(matrix) + shift) * (1 - kept)


def press(images: Tensor, random: torch.Generator) -> Tensor:
    """Stretch or squeeze along one axis by 1.6 to 2.3, half of the time slanting as well."""
    n = len(images)
    factor = torch.exp(_sign(n, random) * (0.45 + 0.4 * torch.rand(n, generator=random)))
    wide = torch.rand(n, generator=random) < 0.5
    lean = _sign(n, random) * (0.4 + 0.4 * torch.rand(n, generator=random))
    lean = torch.where(torch.rand(n, generator=random) < 0.5, lean, torch.zeros(n))
    one = torch.ones(n)
    rows = (torch.where(wide, factor, one), lean, torch.zeros(n), torch.where(wide, one, factor))
    return _resample(images, _affine_grid(torch.stack(rows, dim=1).unflatten(1, (2, 2))))


def scribble(images: Tensor, random: torch.Generator) -> Tensor:
    """Forget the digit: two or three random curves with a pen as wide as a writer's, centred like any ink image."""
    n, strokes, points = len(images), 3, 20
    corners = 0.62 * (2 * torch.rand(n, strokes, 3, 2, generator=random) - 1)
    # Each stroke starts where the last one ended, most of the time: a pen seldom leaves the paper.
    lifted = torch.rand(n, strokes, 1, generator=random) < 0.3
    start = torch.where(lifted, corners[:, :, 0], corners[:, :, 2].roll(1, dims=1))
    t = torch.linspace(0, 1, points)[:, None]
    path = (
        (1 - t).square() * start[:, :, None]
        + 2 * t * (1 - t) * 1.6 * corners[:, :, None, 1]
        + t.square() * corners[:, :, None, 2]
    )  # (n, strokes, points, 2)
    two = torch.rand(n, generator=random) < 0.5
    path[two, 2] = path[two, 1]
    path = path.flatten(1, 2)  # (n, strokes * points, 2)
    path = path - path.mean(dim=1, keepdim=True)
    across = (_AXIS - path[..., 0, None]).square()  # (n, p, 28)
    down = (_AXIS - path[..., 1, None]).square()
    distance = (down[:, :, :, None] + across[:, :, None, :]).amin(dim=1).sqrt() * (_SIDE / 2)  # pixels, (n, 28, 28)
    pen = 0.9 + 0.9 * torch.rand(n, 1, 1, generator=random)
    return torch.sigmoid((pen - distance) * 3)


def _sign(n: int, random: torch.Generator) -> Tensor:
    """Plus or minus one, ``(n,)``."""
    return torch.where(torch.rand(n, generator=random) < 0.5, -1.0, 1.0)


def _waves(n: int, cells: int, size: float, random: torch.Generator) -> Tensor:
    """Smooth random displacement field, ``(n, 28, 28, 2)``."""
    coarse = torch.randn(n, 2, cells, cells, generator=random)
    return size * F.interpolate(coarse, (_SIDE, _SIDE), mode="bicubic", align_corners=True).movedim(1, 3)


def _affine_grid(matrix: Tensor) -> Tensor:
    """Where each pixel comes from under a linear map about the centre: ``(n, 2, 2) -> (n, 28, 28, 2)``."""
    x, y = torch.meshgrid(_AXIS, _AXIS, indexing="xy")
    return torch.stack((x, y), dim=2) @ matrix.transpose(1, 2).unsqueeze(1)


def _resample(images: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(images.unsqueeze(1), grid, align_corners=False).squeeze(1).clamp(0, 1)
