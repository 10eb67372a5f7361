"""Tells ink from paper: uneven light, the colour of the ink, and which of the two is the lighter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.ink.masks import along_border, extent, grown, otsu, shrunken
from core.ink.resize import shrunk

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Strokes are narrower than this share of the picture's longer side; what is broader is light and shade.
BROADEST_STROKE = 0.3
# Light is estimated at this size: coarse enough to be quick, fine enough to follow the edge of a shadow.
_COARSE = 256
# The light's own surface: fitted at this size, in so many rounds of trimming, to at least this share of the pixels.
_FIT, _TRIMMINGS, _MOST = 48, 5, 0.6
# Paper is even when its brightness varies by less than this share of the way to ink, and by less than this at all.
_UNEVEN, _UNEVEN_AT_ALL = 0.2, 0.1
_MOST_BORDER = 0.1
# No shadow darkens paper by more than this; what covers a third of a pixel darkens it by that (both logarithms).
_DARKEST_SHADOW, _THIRD = 1.6, 0.4
_FINE_ENOUGH = 128
# Shade at the edge of the picture: above the first, and below the second of full ink.
_PALEST, _PALER = 0.25, 0.8
# Keeps ratios of dark pixels from being ratios of noise.
_GLOW = np.float32(0.04)
_DECISIVE = 0.6
# A border of one tone, and how much of the box of all else may be of the other: more is a frame's inside. Of the border
# around a digit cut out along its ink, so much may be ink, which is in no corner.
_ONE_TONE, _FRAMED, _TIGHT = 0.02, 0.75, 0.25
_FAINTEST = 0.07
_NOISE_FACTOR = 6.0
_ENOUGH = 20_000  # values for a quantile


@dataclass(frozen=True)
class InkMap:
    """Where ink is, under even light.

    Attributes:
        ink: float32 ``(h, w)``, 0 paper .. 1 full ink (values between are edges or faint ink).
        light_on_dark: whether ink is the lighter of the two.
        contrast: how far full ink stands from its paper, as a share of the paper's brightness; 0 when nothing does.
        polarity_margin: how clearly the picture says which of the two is ink, 0 a toss-up .. 1 clear.
        faintest: what stands out of the paper's own noise, as a share of full ink.
    """

    ink: Floats
    light_on_dark: bool
    contrast: float
    polarity_margin: float
    faintest: float = 1.0


def find_ink(pixels: Floats, invert: bool | None = None) -> InkMap:
    """Remove uneven light and tell ink from paper.

    Args:
        pixels: float32 ``(h, w)`` or ``(h, w, 3)``, 0 black .. 1 white.
        invert: True when ink is lighter than paper, False when darker, None to find out.
    """
    grey = np.log(project(pixels) + _GLOW)
    evidence = _darkness_of_ink(grey)
    light = evidence < 0 if invert is None else invert
    signed = -grey if light else grey
    paper, shadows = _light(signed, light)
    away = paper - signed
    # Back from logarithms, so that a pixel half covered by ink comes out at one half.
    ink = np.expm1(np.minimum(away, 4)) if light else -np.expm1(-away)
    noise = _noise(ink)
    level, floor = _level(ink, noise)
    if level <= 0:
        return InkMap(np.zeros_like(ink), light, 0.0, abs(evidence))
    contrast = level / (1 + level) if light else level
    ink = np.clip(ink / level, 0, 1)
    return InkMap(_without_shade(ink) if shadows else ink, light, contrast, abs(evidence), floor / level)


def project(pixels: Floats) -> Floats:
    """Brightness ``(h, w)`` along the colour in which ink differs most from paper.

    Grey serves nearly always; only where ink differs in hue rather than in brightness (red on grey, yellow on white)
    is another mixture of the channels taken.
    """
    if pixels.ndim == 2:
        return pixels
    from scipy.ndimage import uniform_filter

    step = max(1, max(pixels.shape[:2]) // 100)
    small = pixels[::step, ::step]
    grey = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    red, green, blue = np.moveaxis(small, 2, 0)
    if max(float(np.abs(red - green).max()), float(np.abs(green - blue).max())) < 0.04:
        return grey
    window = max(3, int(BROADEST_STROKE * max(small.shape[:2])) | 1)
    logs = np.log(small + _GLOW)
    away = (logs - uniform_filter(logs, size=(window, window, 1), mode="nearest")).reshape(-1, 3)
    strength = np.abs(away).max(axis=1)
    inked = away[strength >= np.quantile(strength, 0.95)]
    _, vectors = np.linalg.eigh(inked.T @ inked)
    axis = vectors[:, -1] * np.sign(vectors[:, -1].sum() or 1.0)
    evenness = float(axis.sum() / np.sqrt(3))
    if evenness > 0.93:
        return grey
    # In logarithms a change of light moves all channels alike, so a hue difference stays what it is in shadow.
    mixed = np.log(pixels + _GLOW) @ axis.astype(np.float32)
    low, high = float(mixed.min()), float(mixed.max())
    bright = np.exp(mixed - high) if high > low else np.ones_like(mixed)
    return bright.astype(np.float32)


def _darkness_of_ink(log_grey: Floats) -> float:
    """Which of the two is ink, -1 surely the lighter .. 1 surely the darker.

    Paper is most of the picture and most of its border, and ink is what a small window can close over. Half-covered
    pixels count as light in logarithms and shade as dark in brightness itself, so both are asked.
    """
    coarse = shrunk(log_grey, 112)
    linear = _darkness_by_votes(np.exp(coarse))
    return linear if abs(linear) > _DECISIVE else (linear + _darkness_by_votes(coarse)) / 2


def _darkness_by_votes(coarse: Floats) -> float:
    from scipy.ndimage import grey_closing, grey_opening, uniform_filter

    side = max(coarse.shape)
    even = coarse - uniform_filter(coarse, max(3, side // 2), mode="nearest")
    if float(np.ptp(even)) < 1e-4:
        return 1.0
    dark = even < otsu(even)
    border = float(along_border(dark).mean())
    votes = [1 - 2 * border, 1 - 2 * float(dark.mean())]
    # A picture's paper goes all round a bold digit, in the corners of its box too; a printed frame has none of its own.
    if _is_all_round(dark, border):
        votes.append(votes[0])
        if votes[0] * votes[1] > _DECISIVE:  # as in most pictures: what a window closes over no longer matters
            return sum(votes) / len(votes)
    narrow = []
    for share in (0.04, 0.1):
        window = max(3, int(share * side) | 1)
        closed = float((grey_closing(coarse, size=(window, window), mode="nearest") - coarse).sum())
        opened = float((coarse - grey_opening(coarse, size=(window, window), mode="nearest")).sum())
        narrow.append((closed - opened) / max(closed + opened, 1e-6))
    votes.append(max(narrow, key=abs))
    return sum(votes) / len(votes)


def _is_all_round(dark: Mask, share: float) -> bool:
    """Whether what the border of a picture is made of is also along the box of all else, or around what fills it."""
    other = dark if share < 0.5 else ~dark
    share = min(share, 1 - share)
    if share >= _ONE_TONE:
        return share < _TIGHT and _fills(other) and not other[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    return bool(other.any() and along_border(other[extent(other)]).mean() < _FRAMED)


def _light(signed: Floats, inverted: bool) -> tuple[Floats, bool]:
    """The paper's own brightness at every pixel, and whether shadows had to be followed.

    Light that falls off smoothly is a quadratic surface. Where that leaves the paper even, it is the whole answer, and
    a stroke may be as broad as it likes; else shadows are followed by a closing that no stroke survives.
    """
    coarse = shrunk(signed, _COARSE)
    level = _even_paper(coarse, inverted)
    if level is not None:
        return np.full_like(signed, level), False
    light = _surface(coarse, float(np.median(coarse)))
    shadows = _even_paper(coarse - light, inverted) is None
    if shadows:
        light = light + _envelope(coarse - light, coarse is signed)
    if coarse is not signed:
        light = np.asarray(Image.fromarray(light).resize(signed.shape[::-1], Image.Resampling.BILINEAR))
    return light - np.median(_sample(light - signed)), shadows


def _surface(signed: Floats, middle: float) -> Floats:
    """A quadratic surface through most of the pixels, ink and shadows trimmed; flat where most lie on none."""
    small = shrunk(signed, _FIT)
    terms, whole = _quadratic(small.shape), _quadratic(signed.shape)
    values = small.ravel()
    fitted = np.full(len(values), middle, np.float32)
    for _ in range(_TRIMMINGS):
        away = np.abs(values - fitted)
        chosen = away <= max(2.5 * float(np.quantile(away, 0.5)), 0.02)
        factors = np.linalg.lstsq(terms[chosen], values[chosen], rcond=None)[0]
        fitted = terms @ factors
    if (np.abs(values - fitted) < 0.05).mean() < _MOST:
        return np.full_like(signed, middle)
    return (whole @ factors).reshape(signed.shape)


def _quadratic(shape: tuple[int, ...]) -> Floats:
    """Terms of a quadratic in x and y, -1 .. 1 each, at every pixel of a picture: ``(h w, 6)``."""
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j].astype(np.float32))
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def _even_paper(signed: Floats, inverted: bool) -> float | None:
    """The brightness of the paper where it has but one; None where it has not, or ink could as well be a shadow."""
    signed = shrunk(signed, _FINE_ENOUGH)
    if float(np.ptp(signed)) < 1e-4:
        return float(np.median(signed))
    dark = signed < otsu(signed)
    level = _paper_beside(dark, signed, 3, inverted)
    if level is None:
        # Where edges are blurred, half-covered pixels are taken for paper: what is a third covered is ink as well then.
        middle = float(np.median(signed[~dark]))
        dark = signed < middle - min(_THIRD, (middle - float(np.median(signed[dark]))) / 2)
        level = _paper_beside(dark, signed, 5, inverted)
    if level is None:
        if float(np.median(signed[~dark]) - np.median(signed[dark])) > _DARKEST_SHADOW and _fills(dark):
            return float(np.quantile(signed[~dark], 0.9))
        return None
    # Most of the picture or of its border is ink in a close-up alone. There it is even or far darker than any shadow,
    # and nowhere broader than a stroke; in a shadow, ink would be of a third tone.
    if along_border(dark).mean() <= _MOST_BORDER and dark.mean() <= 0.5:
        return level
    ink = shrunken(dark, 1)
    depth = level - float(np.median(signed[dark]))
    even = ink.any() and np.ptp(np.quantile(signed[ink], [0.01, 0.99])) < _UNEVEN * depth
    return level if even or depth > _DARKEST_SHADOW else None


def _fills(dark: Mask) -> bool:
    """Whether ink reaches all four sides, as in a tight frame: there is little paper then, most of it edge."""
    return bool(dark[0].any() and dark[-1].any() and dark[:, 0].any() and dark[:, -1].any())


def _paper_beside(dark: Mask, signed: Floats, blur: int, inverted: bool) -> float | None:
    """The brightness of all that is not dark, edges of so many pixels left out; None where that varies."""
    paper = ~grown(dark, blur // 2)
    if np.count_nonzero(paper) < 0.2 * paper.size or not dark.any():
        return None
    palest, level, darkest = (float(value) for value in np.quantile(signed[paper], [0.01, 0.5, 0.99]))
    contrast, spread = level - float(np.median(signed[dark])), darkest - palest
    if inverted:  # in logarithms, the least glimmer on black is a step
        spread, contrast = float(np.expm1(spread) / np.expm1(contrast)), 1.0
    return level if spread < min(_UNEVEN * contrast, _UNEVEN_AT_ALL) else None


def _envelope(signed: Floats, finest: bool) -> Floats:
    """A morphological closing: unlike a blur it follows the edge of a shadow without a ghost beside it."""
    from scipy.ndimage import grey_closing, minimum_filter

    window = max(3, int(BROADEST_STROKE * max(signed.shape)) | 1)
    closed = grey_closing(signed, size=(window, window), mode="nearest")
    # Coarse pixels across a shadow's edge would call the dark side ink: there the darker paper counts.
    return closed if finest else minimum_filter(closed, size=3, mode="nearest")


def _without_shade(ink: Floats) -> Floats:
    """Take away what the picture's edge cuts off and is paler than the ink: the end of a shadow, too narrow for one."""
    from scipy.ndimage import find_objects, label

    names, _ = label(ink > _PALEST, structure=np.ones((3, 3)))
    cut = np.unique(along_border(names))
    pieces = find_objects(names)
    for name in cut[cut > 0]:
        place = pieces[name - 1]
        own = names[place] == name
        if np.quantile(ink[place][own], 0.9) < _PALER:
            ink[place][own] = 0
    return ink


def _noise(ink: Floats) -> float:
    """Spread of the paper: median absolute deviation of the differences between neighbours, over sqrt(2)."""
    rows = ink[:: max(1, ink.size // _ENOUGH)]
    steps = np.abs(np.diff(rows, axis=1)) if ink.shape[1] > 1 else np.zeros(1)
    return float(1.4826 * np.median(steps) / np.sqrt(2))


def _level(ink: Floats, noise: float) -> tuple[float, float]:
    """How much darker full ink is than paper, and the faintest that stands out of the noise and of the paper's grain.

    The first is 0 when nothing does.
    """
    from scipy.ndimage import uniform_filter

    smooth = uniform_filter(ink, 3, mode="nearest") if noise > 0.01 and min(ink.shape) > 60 else ink
    # Grain that neighbours share, as in a blurred or compressed photograph, does not show in their differences. The
    # paler half of it is used: on the other side there is ink as well. Ink may be most of the picture, or of its rim.
    height, width = smooth.shape
    rim = max(1, min(height, width) // 10)
    frame = np.concatenate([part.ravel() for part in (smooth[:rim], smooth[-rim:], smooth[:, :rim], smooth[:, -rim:])])
    middle = float(np.median(_sample(smooth)))
    paper = [part if middle < _FAINTEST else part[part < middle / 2] for part in (smooth, frame)]
    grain = min((_paler_spread(part) for part in paper if part.size), default=0.0)
    floor = max(_FAINTEST, _NOISE_FACTOR * max(noise / (3 if smooth is not ink else 1), grain))
    if middle >= _FAINTEST:  # of little paper most is the edge of ink, and no measure of grain
        floor = min(floor, middle / 2)
    candidates = smooth[smooth > floor]
    if candidates.size < 4:
        return 0.0, floor
    return float(np.quantile(_sample(candidates), 0.95)), floor


def _paler_spread(values: Floats) -> float:
    """Standard deviation of normally distributed values, by their lower half."""
    low, middle = np.quantile(_sample(values), [0.16, 0.5])
    return float(middle - low)


def _sample(values: Floats) -> Floats:
    """Enough of many values for a quantile."""
    flat = values.ravel()
    return flat[:: max(1, flat.size // _ENOUGH)]
