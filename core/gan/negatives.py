"""Made-up malformed digits: what the discriminator learns to refuse, since no real anomaly may teach it.

Eleven families, none of which is among those that the benchmark of malformed digits measures: what else a pen may draw,
free scribbles, digits that go on as such a drawing, strong warps, swirls, turns, windows moved elsewhere, windows of
another digit, two digits on top of each other, two digits cut and joined, and digits pressed out of proportion.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.gan.recipe import FEW_IMAGES
from core.ink import geometry

_SIDE = 28
_BOX = 2 * 20 / 28  # side of the box that digits fill
_STEPS = 48  # of the way of a doodle
_AXIS = torch.linspace(-1 + 1 / _SIDE, 1 - 1 / _SIDE, _SIDE)  # pixel centres in grid_sample's coordinates
_GRID = torch.stack(torch.meshgrid(_AXIS, _AXIS, indexing="xy"), dim=2)  # (28, 28, 2), x and y


def malformed(images: Tensor, random: torch.Generator) -> Tensor:
    """Turn each normal digit into something that is not one, by a family drawn at random.

    Args:
        images: ``(n, 28, 28)`` in 0..1.
        random: where the randomness comes from.

    Returns:
        ``(n, 28, 28)`` in 0..1, in the same order.
    """
    choice = torch.multinomial(_SHARES, len(images), replacement=True, generator=random)  # (n,)
    others = images[torch.randperm(len(images), generator=random)]
    edited = torch.empty_like(images)
    for number, family in enumerate(_OF_ONE):
        rows = choice == number
        edited[rows] = family(images[rows], random)
    for number, of_two in enumerate(_OF_TWO, start=len(_OF_ONE)):
        rows = choice == number
        edited[rows] = of_two(images[rows], others[rows], random)
    return edited


def jitter(images: Tensor, random: torch.Generator) -> Tensor:
    """A small affine change and warp that leaves a digit normal; resamples every pixel.

    Normals and edits both pass through it, so that resampling itself tells them nothing apart.
    """
    n = len(images)
    matrix = torch.eye(2) + 0.06 * torch.randn(n, 2, 2, generator=random)  # (n, 2, 2)
    shift = 0.03 * torch.randn(n, 1, 1, 2, generator=random)
    return _resample(images, _affine_grid(matrix) + shift + _waves(n, 4, 0.02, random))


def batch_of(images: Tensor, rows: Tensor, random: torch.Generator) -> Tensor:
    """Rows of training images, ``(b, 28, 28)``; of few images, each time as another go of the same hand has them."""
    if len(images) >= FEW_IMAGES:
        return images[rows]
    seed = int(torch.randint(2**62, (1,), generator=random))
    return torch.from_numpy(geometry.augment(images[rows].numpy(), np.random.default_rng(seed)))


def warp_strongly(images: Tensor, random: torch.Generator) -> Tensor:
    """Bend the strokes by a smooth displacement of several pixels."""
    n = len(images)
    size = 0.12 + 0.14 * torch.rand(n, 1, 1, 1, generator=random)
    return _resample(images, _GRID + size * _waves(n, 5, 1.0, random))


def turn(images: Tensor, random: torch.Generator) -> Tensor:
    """Rotate by 40 to 320 degrees."""
    angle = math.radians(40) + math.radians(280) * torch.rand(len(images), generator=random)
    return _resample(images, _affine_grid(_rotation(angle)))


def move_window(images: Tensor, random: torch.Generator) -> Tensor:
    """Cut out a soft window and put it down 4 to 9 pixels away."""
    n = len(images)
    centre = 0.5 * torch.rand(n, 2, generator=random) - 0.25
    radius = 0.3 + 0.25 * torch.rand(n, 1, 1, generator=random)
    angle = 2 * math.pi * torch.rand(n, generator=random)
    length = (8 + 10 * torch.rand(n, generator=random)) / _SIDE
    offset = torch.stack((angle.cos(), angle.sin()), dim=1) * length[:, None]  # (n, 2): x, y
    moved = _resample(images, _GRID - offset[:, None, None])
    return torch.maximum(images * (1 - _window(centre, radius)), moved * _window(centre + offset, radius))


def swap_window(images: Tensor, others: Tensor, random: torch.Generator) -> Tensor:
    """Fill a soft window with what another normal digit, turned, has there."""
    n = len(images)
    angle = math.pi * (2 * torch.rand(n, generator=random) - 1)
    shift = 0.15 * torch.randn(n, 1, 1, 2, generator=random)
    others = _resample(others, _affine_grid(_rotation(angle)) + shift)
    centre = 0.7 * torch.rand(n, 2, generator=random) - 0.35
    radius = 0.3 + 0.25 * torch.rand(n, 1, 1, generator=random)
    return torch.lerp(images, others, _window(centre, radius))


def swirl(images: Tensor, random: torch.Generator) -> Tensor:
    """Turn the ink about a place near the middle, the less the farther off."""
    n = len(images)
    centre = (0.6 * torch.rand(n, 2, generator=random) - 0.3)[:, None, None]
    away = _GRID - centre  # (n, 28, 28, 2)
    reach = 0.35 + 0.35 * torch.rand(n, 1, 1, generator=random)
    most = _sign(n, random)[:, None, None] * (0.9 + 1.4 * torch.rand(n, 1, 1, generator=random))  # radians
    angle = most * torch.exp(-(away.norm(dim=3) / reach).square())
    return _resample(images, centre + (_rotation(angle) @ away.unsqueeze(4)).squeeze(4))


def overlay(images: Tensor, others: Tensor, random: torch.Generator) -> Tensor:
    """Write another normal digit, distorted, on top."""
    return torch.maximum(images, _distorted(others, 0.3, random))


def join_two(images: Tensor, others: Tensor, random: torch.Generator) -> Tensor:
    """Continue a digit, beyond a straight cut at any angle, by another one that does not fit."""
    kept = _beyond_a_cut(len(images), random)
    return images * kept + _distorted(others, 0.25, random) * (1 - kept)


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
    ends = (1 - t).square() * start[:, :, None] + 2 * t * (1 - t) * 1.6 * corners[:, :, None, 1]
    path = ends + t.square() * corners[:, :, None, 2]  # (n, strokes, points, 2)
    two = torch.rand(n, generator=random) < 0.5
    path[two, 2] = path[two, 1]
    return _inked(path.flatten(1, 2), random)


def doodle(images: Tensor, random: torch.Generator) -> Tensor:
    """Forget the digit: a way of up to five arcs and straights, with corners between, as large as a digit."""
    n, pieces = len(images), 5
    shape = (n, pieces)
    bend = 2 * torch.rand(shape, generator=random) - 1
    bend = 0.32 * bend.sign() * bend.abs() ** 0.7  # radians a step
    straight = 0.03 * torch.randn(shape, generator=random)
    bend = torch.where(torch.rand(shape, generator=random) < 0.3, straight, bend)
    corner = 2.6 * (2 * torch.rand(shape, generator=random) - 1)  # radians, where a piece begins
    corner = torch.where(torch.rand(shape, generator=random) < 0.35, corner, torch.zeros(shape))
    at = torch.arange(float(_STEPS))
    ends = _STEPS * torch.rand(n, 1, pieces - 1, generator=random).sort(dim=2).values
    last = torch.randint(1, pieces, (n, 1), generator=random)
    piece = torch.minimum((at[:, None] >= ends).sum(dim=2), last)  # (n, steps)
    begins = piece != piece.roll(1, dims=1)
    turn_by = bend.gather(1, piece) + torch.where(begins, corner.gather(1, piece), torch.zeros(n, _STEPS))
    angle = 2 * math.pi * torch.rand(n, 1, generator=random) + turn_by.cumsum(dim=1)
    path = torch.stack((angle.cos(), angle.sin()), dim=2).cumsum(dim=1)  # (n, steps, 2)
    # A third are of two strokes.
    two = torch.rand(n, 1, generator=random) < 0.35
    lifted = two & (at >= _STEPS * (0.3 + 0.5 * torch.rand(n, 1, generator=random)))
    path = path + lifted[:, :, None] * 8 * torch.randn(n, 1, 2, generator=random)
    low, high = path.amin(dim=1, keepdim=True), path.amax(dim=1, keepdim=True)
    size = _BOX * (0.85 + 0.15 * torch.rand(n, 1, 1, generator=random)) / (high - low).amax(dim=2, keepdim=True)
    width = torch.exp(0.25 * torch.randn(n, 1, 1, generator=random)).clamp(0.6, 1.2)
    path = (path - low) * size * torch.cat((width, torch.ones(n, 1, 1)), dim=2)
    middle = (path[:, 1:] + path[:, :-1]) / 2
    joined = (lifted[:, 1:] == lifted[:, :-1])[:, :, None]
    return _inked(torch.cat((path, torch.where(joined, middle, path[:, 1:])), dim=1), random)


def go_astray(images: Tensor, random: torch.Generator) -> Tensor:
    """Continue a digit, beyond a straight cut at any angle, by what has nothing to do with it."""
    kept = _beyond_a_cut(len(images), random)
    return images * kept + doodle(images, random) * (1 - kept)


def _inked(path: Tensor, random: torch.Generator) -> Tensor:
    """What a pen leaves that went through points ``(n, p, 2)``, x and y, centred: ``(n, 28, 28)``."""
    path = path - path.mean(dim=1, keepdim=True)
    across = (_AXIS - path[..., 0, None]).square()  # (n, p, 28)
    down = (_AXIS - path[..., 1, None]).square()
    distance = (down[:, :, :, None] + across[:, :, None, :]).amin(dim=1).sqrt() * (_SIDE / 2)  # pixels, (n, 28, 28)
    pen = 0.9 + 0.9 * torch.rand(len(path), 1, 1, generator=random)
    return torch.sigmoid((pen - distance) * 3)


def _beyond_a_cut(n: int, random: torch.Generator) -> Tensor:
    """1 on one side of a straight line near the middle, at any angle, 0 on the other: ``(n, 28, 28)``."""
    angle = 2 * math.pi * torch.rand(n, 1, 1, generator=random)
    place = 0.3 * (torch.rand(n, 1, 1, generator=random) - 0.5)
    return torch.sigmoid((angle.cos() * _AXIS + angle.sin() * _AXIS[:, None] + place) * _SIDE / 2)


def _window(centre: Tensor, radius: Tensor) -> Tensor:
    """1 around centres ``(n, 2)``, x and y, within radii ``(n, 1, 1)``, softly 0 outside: ``(n, 28, 28)``."""
    distance = torch.hypot(_AXIS - centre[:, 0, None, None], _AXIS[:, None] - centre[:, 1, None, None])
    return torch.sigmoid((radius - distance) * _SIDE)


def _rotation(angle: Tensor) -> Tensor:
    """Matrices ``(..., 2, 2)`` of angles ``(...)``."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack((cos, -sin, sin, cos), dim=-1).unflatten(-1, (2, 2))


def _sign(n: int, random: torch.Generator) -> Tensor:
    """Plus or minus one, ``(n,)``."""
    return torch.where(torch.rand(n, generator=random) < 0.5, -1.0, 1.0)


def _waves(n: int, cells: int, size: float, random: torch.Generator) -> Tensor:
    """Smooth random displacement field, ``(n, 28, 28, 2)``."""
    coarse = torch.randn(n, 2, cells, cells, generator=random)
    return size * F.interpolate(coarse, (_SIDE, _SIDE), mode="bicubic", align_corners=True).movedim(1, 3)


def _affine_grid(matrix: Tensor) -> Tensor:
    """Where each pixel comes from under a linear map about the centre: ``(n, 2, 2) -> (n, 28, 28, 2)``."""
    return _GRID @ matrix.transpose(1, 2).unsqueeze(1)


def _distorted(images: Tensor, size: float, random: torch.Generator) -> Tensor:
    """Changed by a random linear map about the centre, and moved: ``(n, 28, 28)``."""
    matrix = torch.eye(2) + size * torch.randn(len(images), 2, 2, generator=random)
    shift = 0.25 * torch.randn(len(images), 1, 1, 2, generator=random)
    return _resample(images, _affine_grid(matrix) + shift)


def _resample(images: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(images.unsqueeze(1), grid, align_corners=False).squeeze(1).clamp(0, 1)


_OF_ONE: dict[Callable[[Tensor, torch.Generator], Tensor], float] = {
    # What digits of another class are most like comes most often: what else a pen may draw.
    doodle: 4,
    scribble: 2,
    go_astray: 2,
    warp_strongly: 1,
    swirl: 1,
    turn: 1,
    move_window: 1,
    press: 1,
}
_OF_TWO: dict[Callable[[Tensor, Tensor, torch.Generator], Tensor], float] = {swap_window: 1, overlay: 1, join_two: 1}
_SHARES = torch.tensor((*_OF_ONE.values(), *_OF_TWO.values()), dtype=torch.float32)
