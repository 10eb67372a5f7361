"""Six ways in which a digit goes wrong, at three strengths each. None of them is used in training.

Every family takes an ink image and returns one: same shape, 0 .. 1, ink moved back to the centre by whole pixels, as
MNIST's own is, so that neither resampling nor place gives an edit away.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize

Image = NDArray[np.float32]
Points = NDArray[np.int64]
Family = Callable[[Image, int, np.random.Generator], Image]

STRENGTHS = ("weak", "medium", "strong")
INK = 0.4  # darker than this is a stroke
CENTRE = 14.0  # where MNIST puts the centre of mass, both ways
_SIDE = 28
_ALL_ROUND = np.ones((3, 3), bool)


def malform(images: NDArray[np.float32], family: str, strength: int, seed: int = 0) -> NDArray[np.float32]:
    """Edit every image.

    Args:
        images: ``(n, 28, 28)`` float32, 0 .. 1.
        family: a name in ``FAMILIES``.
        strength: 0, 1 or 2, as in ``STRENGTHS``.
        seed: of what is random in the edit.

    Returns:
        ``(n, 28, 28)`` float32, 0 .. 1, in the same order; an image that the family cannot edit comes back as it is.
    """
    edit = FAMILIES[family]
    edited = [_recentred(edit(image, strength, np.random.default_rng([seed, i]))) for i, image in enumerate(images)]
    return np.stack(edited) if edited else images[:0]


def erase(image: Image, strength: int, rng: np.random.Generator) -> Image:
    """Leave out 15, 25 or 40 % of the way the pen went, from one of its ends."""
    path = _path(image)
    ends = _ends(image)
    if len(path) < 8:
        return image
    start = ends[rng.integers(len(ends))] if len(ends) else path[rng.integers(len(path))]
    order = np.argsort(_along(image, start)[path[:, 0], path[:, 1]], kind="stable")
    count = max(2, round((0.15, 0.25, 0.4)[strength] * len(path)))
    return _without(image, path, order[:count])


def tear(image: Image, strength: int, rng: np.random.Generator) -> Image:
    """Tear a gap of about 3, 5 or 7 pixels into the middle of a stroke."""
    path = _path(image)
    if len(path) < 8:
        return image
    ends = _ends(image)
    far = path if not len(ends) else path[np.abs(path[:, None] - ends[None]).max(axis=2).min(axis=1) >= 4]
    start = (far if len(far) else path)[rng.integers(len(far) or len(path))]
    steps = _along(image, start)[path[:, 0], path[:, 1]]
    return _without(image, path, np.flatnonzero(steps <= (1, 2, 3)[strength]))


def add(image: Image, strength: int, rng: np.random.Generator) -> Image:
    """Add a slightly bent stroke of 6, 9 or 13 pixels that starts on the ink, as wide as the writer's."""
    path = _path(image)
    if not len(path):
        return image
    length = (6, 9, 13)[strength]
    best, least = image, np.inf
    for _ in range(8):  # the direction with the least ink on the way: a stroke over a stroke adds nothing
        start = path[rng.integers(len(path))].astype(float)
        angle = rng.uniform(0, 2 * np.pi)
        step = length * np.array([np.sin(angle), np.cos(angle)])
        bend = 0.2 * rng.choice((-1.0, 1.0)) * step[::-1] * (1, -1)
        end = np.clip(start + step, 3, 24)
        drawn = _draw(image, start, (start + end) / 2 + bend, end)
        covered = float((image * (drawn > image)).sum()) - float((drawn - image).sum())
        if covered < least:
            best, least = drawn, covered
    return best


def close(image: Image, strength: int, rng: np.random.Generator) -> Image:
    """Join an end of the pen's way to a place about 5, 8 or 11 pixels off, so that a loop closes.

    Straight across where there is paper in between, else in a bow beside the stroke.
    """
    path = _path(image)
    if len(path) < 8:
        return image
    ends = _ends(image)
    start = ends[rng.integers(len(ends))] if len(ends) else path[rng.integers(len(path))]
    away = path - start
    distance = np.hypot(*away.T)
    misfit = np.abs(distance - (5, 8, 11)[strength])
    near = np.flatnonzero(misfit <= max(1.0, misfit.min()))
    detour = _along(image, start)[path[near, 0], path[near, 1]] / np.maximum(distance[near], 1)
    chosen = near[int(detour.argmax())]
    begin, end = start.astype(float), path[chosen].astype(float)
    if detour.max() >= 1.6:
        return _draw(image, begin, (begin + end) / 2, end)
    side = away[chosen][::-1] * (1.0, -1.0)
    bows = [_draw(image, begin, np.clip((begin + end) / 2 + sign * side, 2, 25), end) for sign in (-1, 1)]
    return max(bows, key=lambda bow: float((bow - image).sum()))


def mirror(image: Image, strength: int, rng: np.random.Generator) -> Image:  # noqa: ARG001 - every family's signature
    """Mirror the lower 40 % or 60 % of the digit, or all of it, left to right."""
    top, bottom = _extent(image)
    start = bottom - round((0.4, 0.6, 1.0)[strength] * (bottom - top))
    edited = image.copy()
    middle = round(float(ndimage.center_of_mass(image)[1]) * 2) if image.any() else _SIDE - 1
    edited[start:] = _shifted(image[start:, ::-1], 0, middle - (_SIDE - 1))
    return edited


def swap(image: Image, strength: int, rng: np.random.Generator) -> Image:  # noqa: ARG001 - every family's signature
    """Exchange the upper and the lower quarter, third or half of the digit."""
    top, bottom = _extent(image)
    rows = round((0.25, 0.34, 0.5)[strength] * (bottom - top))
    edited = image.copy()
    edited[top : top + rows] = image[bottom - rows : bottom]
    edited[bottom - rows : bottom] = image[top : top + rows]
    return edited


FAMILIES: dict[str, Family] = {
    "stroke erased": erase,
    "stroke added": add,
    "mirrored": mirror,
    "halves swapped": swap,
    "gap torn": tear,
    "loop closed": close,
}


def _path(image: Image) -> Points:
    """The pen's way: pixels of the skeleton, ``(m, 2)`` as row and column."""
    return np.argwhere(_skeleton(image.tobytes()))


def _ends(image: Image) -> Points:
    """Where the pen's way ends: skeleton pixels with one neighbour, ``(m, 2)``."""
    skeleton = _skeleton(image.tobytes())
    neighbours = ndimage.convolve(skeleton.astype(np.uint8), _ALL_ROUND.astype(np.uint8), mode="constant")
    return np.argwhere(skeleton & (neighbours == 2))


@lru_cache(maxsize=4)
def _skeleton(pixels: bytes) -> NDArray[np.bool_]:
    return skeletonize(np.frombuffer(pixels, np.float32).reshape(_SIDE, _SIDE) > INK)


def _along(image: Image, start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Steps along the pen's way from ``start``, ``(28, 28)``; very many where it does not lead."""
    skeleton = _skeleton(image.tobytes())
    steps = np.full((_SIDE, _SIDE), 10_000, np.int64)
    reached = np.zeros((_SIDE, _SIDE), bool)
    reached[tuple(start)] = True
    for number in range(_SIDE * _SIDE):
        steps[reached & (steps == 10_000)] = number
        further = ndimage.binary_dilation(reached, _ALL_ROUND) & skeleton
        if (further <= reached).all():
            break
        reached |= further
    return steps


def _without(image: Image, path: Points, erased: NDArray[np.int64]) -> Image:
    """The ink that lies nearer to the rest of the path than to the erased part of it."""
    gone = np.zeros(len(path), bool)
    gone[erased] = True
    if gone.all():
        return image
    rows, columns = np.mgrid[:_SIDE, :_SIDE]
    away = np.hypot(rows[..., None] - path[:, 0], columns[..., None] - path[:, 1])  # (28, 28, m)
    nearer = away[..., ~gone].min(axis=2) - away[..., gone].min(axis=2)
    return (image * np.clip(0.5 - nearer, 0, 1)).astype(np.float32)


def _draw(image: Image, start: NDArray[np.float64], bend: NDArray[np.float64], end: NDArray[np.float64]) -> Image:
    """Draw a quadratic curve with the pen the digit was drawn with."""
    mask = image > INK
    width = mask.sum() / max(1, _skeleton(image.tobytes()).sum())
    t = np.linspace(0, 1, 30)[:, None]
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
    rows, columns = np.mgrid[:_SIDE, :_SIDE]
    away = np.hypot(rows[..., None] - curve[:, 0], columns[..., None] - curve[:, 1]).min(axis=2)
    return np.maximum(image, np.clip(width / 2 + 0.5 - away, 0, 1)).astype(np.float32)


def _extent(image: Image) -> tuple[int, int]:
    """First row with ink and the row after the last."""
    rows = np.flatnonzero((image > INK).any(axis=1))
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, _SIDE)


def _recentred(image: Image) -> Image:
    if not image.any():
        return image
    down, right = (round(CENTRE - at) for at in ndimage.center_of_mass(image))
    return _shifted(image, down, right) if down or right else image


def _shifted(image: Image, down: int, right: int) -> Image:
    """Moved by whole pixels; what leaves the frame is lost."""
    return ndimage.shift(image, (down, right), order=0, prefilter=False).astype(np.float32)
