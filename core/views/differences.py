"""The residual in words: the connected regions where an image differs from its reconstruction, largest first.

Ink a pixel beside where it should be is a matter of the pen and not of the digit, so that what differs is looked for
beyond that first; in what is judged an anomaly, and has nothing of the kind, ever more closely.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.detector.readings import ANOMALY, Readings
from core.operating_point import OperatingPoint
from core.views.digit_parts import name_part
from core.words import HARDLY_NORMAL, either

MOST = 2  # regions named of either kind
_LEAST = 0.3  # of the largest region's ink: what is smaller goes without saying
# How closely one looks: how many pixels aside ink may lie, from where on a pixel differs, and the ink of a region.
_LOOKS = ((3, 0.4, 5.0), (3, 0.4, 3.0), (2, 0.4, 3.0), (1, 0.3, 1.5))
_CERTAIN = 3  # times as plausible as any other is a digit that is surely the one drawn: of 178 odd images all but one
_REACH = 8  # pixels that a straight extra stroke goes on beside normal ink
_LONG, _STRAIGHT = 1.8, 2.6  # times as long as wide is a stroke, and two pieces in line
_THICK = 6  # pixels of ink that a stroke may cross
_NARROW = 6  # pixels of a digit's box in which nobody sees a left and a right
_TOUCHING = np.ones((3, 3), dtype=bool)
_LINES = (np.ones((1, 3), dtype=bool), np.ones((3, 1), dtype=bool))
_ROWS, _COLUMNS = ("top", "", "bottom"), ("left", "", "right")

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """One region of too much or too little ink.

    Attributes:
        extra: whether a normal digit would have no ink there; else the ink is missing.
        what: ``"a short bar"`` (lying), ``"an upright"``, ``"a slanting stroke"``, ``"a curve"``, ``"a loop"``,
            ``"a dot"`` or ``"a piece"``; of missing ink the part of the digit, where it has a name: ``"the upright"``.
        place: where in the digit, for example ``"at the top left"`` or ``"inside the loop"``; empty for a whole part.
        ink: how much it is, pixels of full ink.
    """

    extra: bool
    what: str
    place: str
    ink: float


def in_words(readings: Readings, row: int, point: OperatingPoint) -> str:
    """Where one image differs from its reconstruction; of an anomaly something is always said.

    Args:
        readings: the readings.
        row: which of them.
        point: tells whether it is an anomaly.
    """
    anomaly = int(readings.class_id(point)[row]) == ANOMALY
    closely = anomaly or float(readings.p_values[point.evidence][row]) <= HARDLY_NORMAL
    regions = differences(readings.images[row], readings.residual[row], _drawn_as(readings, row), closely)
    return say_differences(regions) or anomaly * "No stroke is extra and none is missing: its forms as a whole are odd."


def differences(
    image: NDArray[np.float32], residual: NDArray[np.float32], digit: str = "", closely: bool = False
) -> tuple[Difference, ...]:
    """The regions that differ, the largest first, at most ``MOST`` of extra and of missing ink.

    Args:
        image: ``(28, 28)``, 0 paper .. 1 ink.
        residual: ``(28, 28)``, image minus reconstruction, -1 .. 1.
        digit: which one the reconstruction is, if the parts that it lacks are to be called by their names.
        closely: whether to look ever more closely until something differs.
    """
    ink = np.asarray(image, dtype=np.float64)
    normal = np.clip(ink - residual, 0, 1)
    for look in _LOOKS[1:] if closely else _LOOKS[:1]:
        result = []
        for extra, more, less in ((True, ink, normal), (False, normal, ink)):
            for inside, whole in _regions(more, less, look, _LINES if extra else ()):
                amount = float(np.maximum(more - less, 0)[inside].sum())
                result.append(_named(extra, inside, whole, ink, normal, digit, amount))
        if result:
            result.sort(key=lambda region: -region.ink)
            result = [region for region in result if region.ink >= _LEAST * result[0].ink]
            return tuple(
                region for i, region in enumerate(result) if [r.extra for r in result[:i]].count(region.extra) < MOST
            )
    return ()


def say_differences(differences: Sequence[Difference]) -> str:
    """The differences in a sentence or two, the larger first; empty where there are none.

    >>> bar = Difference(True, "a bar", "at the bottom", 20.0)
    >>> say_differences((bar, Difference(False, "the upright", "", 12.0)))
    'Extra ink: a bar at the bottom. Missing: the upright.'
    """
    said: dict[str, dict[str, str]] = {}
    for region in differences:
        words = f"{region.what} {region.place}".strip()
        key = region.what if region.what.startswith("part of") else words
        listed = said.setdefault("Extra ink" if region.extra else "Missing", {})
        listed[key] = key.replace("part of", "parts of") if key in listed else words
    return " ".join(f"{kind}: {either(tuple(listed.values()), 'and')}." for kind, listed in said.items())


def _drawn_as(readings: Readings, row: int) -> str:
    """Which digit the reconstruction is; empty where that is not certain."""
    if len(readings.normal) == 1:
        return readings.normal[0]
    plausible = sorted(readings.digits, key=lambda name: -readings.digits[name][row])
    first, second = (float(readings.digits[name][row]) for name in plausible[:2])
    return plausible[0] if first > _CERTAIN * second else ""


def _regions(
    more: Floats, less: Floats, look: tuple[int, float, float], lines: Sequence[Mask]
) -> list[tuple[Mask, bool]]:
    """Where ``more`` has ink that ``less`` has not, and whether it goes on across what both have."""
    aside, strong, fewest = look
    seeds = more - ndimage.grey_dilation(less, (aside, aside)) > strong
    grown = ndimage.binary_dilation(seeds, _TOUCHING) & (more - less > 0.25)
    for line in lines:
        grown |= ndimage.binary_dilation(seeds, line, _REACH, more - less > 0.4)
    labels, count = ndimage.label(grown, _TOUCHING)
    regions = [labels == number for number in range(1, count + 1)]
    large = [region for region in regions if (more - less)[region].sum() >= fewest and (region & seeds).sum() >= 2]
    for a, b in combinations(large, 2):
        if _in_line(a, b, more > 0.3):
            return [(a | b, True), *((region, False) for region in large if region is not a and region is not b)]
    return [(region, False) for region in large]


def _in_line(one: Mask, other: Mask, inked: Mask) -> bool:
    """Whether two regions are one straight stroke that crosses another."""
    longer, steep = _elongation(one | other)
    own = (_elongation(one), _elongation(other))
    if longer < _STRAIGHT or any(length > _LONG and abs(way - steep) > 0.35 for length, way in own):
        return False
    start, end = np.argwhere(one).mean(axis=0), np.argwhere(other).mean(axis=0)
    rows, columns = np.rint(start + np.linspace(0, 1, 28)[:, None] * (end - start)).astype(np.intp).T
    between = ~(one | other)[rows, columns]
    return bool(inked[rows, columns].all() and between.mean() * np.hypot(*(end - start)) < _THICK)


def _named(
    extra: bool,
    inside: Mask,
    across: bool,
    ink: Floats,
    normal: Floats,
    digit: str,
    amount: float,
) -> Difference:
    box = _box((ink > 0.5) | (normal > 0.5))
    shape, size = _shape(inside, box, across)
    if not extra and (part := name_part(digit, inside, normal, shape)):
        return Difference(extra, part, "" if part.startswith("the ") else _place(inside, box), amount)
    if shape == "piece" and extra and not (ndimage.binary_dilation(inside, _TOUCHING, 2) & ~inside & (ink > 0.4)).any():
        shape, size = "dot", ""
    place = (extra and (_beside(inside, normal) or _enclosed(inside, normal))) or _place(inside, box, shape * across)
    name = f"{size} {shape}".strip()
    return Difference(extra, f"{'an' if name[0] in 'aeiou' else 'a'} {name}", place, amount)


def _box(inked: Mask) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not rows.size:
        return slice(0, inked.shape[0]), slice(0, inked.shape[1])
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _elongation(inside: Mask) -> tuple[float, float]:
    """How many times longer than wide, and how steep the longer axis is: 0 lies, 1 stands."""
    variances, axes = np.linalg.eigh(np.cov(np.argwhere(inside).T.astype(np.float64)) + np.eye(2) / 12)
    return float(np.sqrt(variances[1] / variances[0])), abs(float(axes[0, 1]))  # a pixel has a width of its own


def _shape(inside: Mask, box: tuple[slice, slice], straight: bool) -> tuple[str, str]:
    """What it is, and its size against the digit's box: ``"short"``, ``"long"``, ``"small"`` or empty."""
    height, width = (side.stop - side.start for side in box)
    rows, columns = (side.stop - side.start for side in _box(inside))
    if (ndimage.binary_fill_holes(inside) & ~inside).sum() >= 4:
        return "loop", ""
    points = np.argwhere(inside)
    if not straight and np.hypot(*(points - points.mean(axis=0)).T).min() > 1.5:  # no ink in its own middle
        return "curve", ""
    longer, steep = _elongation(inside)
    if longer < _LONG:
        return "piece", "small" * (len(points) < 12)
    shape = "upright" if steep > 0.93 else "bar" if steep < 0.42 else "slanting stroke"
    share = columns / width if shape == "bar" else rows / height
    return shape, "short" if share < 0.35 else "long" if share > 0.75 else ""


def _place(inside: Mask, box: tuple[slice, slice], across: str = "") -> str:
    """In which ninth of the digit's box its middle lies; of a stroke that goes ``across`` another, in which third."""
    words = []
    for at, side, names in zip(np.argwhere(inside).mean(axis=0), box, (_ROWS, _COLUMNS), strict=True):
        length = side.stop - side.start
        share = (at - side.start + 0.5) / length if length > _NARROW else 0.5
        words.append(names[0 if share < 0.36 else 2 if share > 0.64 else 1])
    row, column = words
    if across:
        return f"down the {column or 'middle'}" if across == "upright" else f"across the {row or 'middle'}"
    return f"at the {row} {column}".strip() if row else f"on the {column}" if column else "in the middle"


def _beside(inside: Mask, normal: Floats) -> str:
    """On which side of the whole normal digit it lies, if it does."""
    strokes = normal > 0.4
    if (ndimage.binary_dilation(strokes, _TOUCHING) & inside).sum() > 0.15 * inside.sum():
        return ""
    (top, bottom), (left, right) = ((side.start, side.stop) for side in _box(strokes))
    rows, columns = np.argwhere(inside).T
    for outside, said in (
        (rows < top, "above the digit"),
        (rows >= bottom, "below the digit"),
        (columns < left, "left of the digit"),
        (columns >= right, "right of the digit"),
    ):
        if outside.mean() > 0.75:
            return said
    return ""


def _enclosed(inside: Mask, normal: Floats) -> str:
    strokes = normal > 0.4
    within = ndimage.binary_fill_holes(strokes) & ~strokes
    return "inside the loop" if (within & inside).sum() > 0.6 * inside.sum() else ""
