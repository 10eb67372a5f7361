"""Tells ink from paper: uneven light, the colour of the ink and which of the two is lighter, then ruled lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Strokes are narrower than this share of the picture's longer side; what is broader is light and shade.
BROADEST_STROKE = 0.3
# Light is estimated at this size: coarse enough to be quick, fine enough to follow the edge of a shadow.
_COARSE = 256
# Keeps ratios of dark pixels from being ratios of noise.
_GLOW = np.float32(0.04)
_FAINTEST = 0.07
_NOISE_FACTOR = 6.0


@dataclass(frozen=True)
class InkMap:
    """Where ink is, under even light.

    Attributes:
        ink: float32 ``(h, w)``, 0 paper .. 1 full ink (values between are edges or faint ink).
        light_on_dark: whether ink is the lighter of the two.
        contrast: how far full ink stands from its paper, as a share of the paper's brightness; 0 when nothing does.
        noise: standard deviation of the paper on the same scale.
        polarity_margin: how clearly the picture says which of the two is ink, 0 a toss-up .. 1 clear.
    """

    ink: Floats
    light_on_dark: bool
    contrast: float
    noise: float
    polarity_margin: float


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
    away = _envelope(signed) - signed
    # Back from logarithms, so that a pixel half covered by ink comes out at one half.
    ink = np.expm1(np.minimum(away, 4)) if light else -np.expm1(-away)
    ink -= np.median(_sample(ink))
    noise = _noise(ink)
    level = _level(ink, noise)
    if level <= 0:
        return InkMap(np.zeros_like(ink), light, 0.0, noise, abs(evidence))
    contrast = level / (1 + level) if light else level
    return InkMap(np.clip(ink / level, 0, 1), light, contrast, noise / level, abs(evidence))


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

    Paper is most of the picture and most of its border, and ink is what a small window can close over.
    """
    from scipy.ndimage import grey_closing, grey_opening, uniform_filter
    from skimage.filters import threshold_otsu

    coarse = _shrunk(log_grey, 112)
    side = max(coarse.shape)
    even = coarse - uniform_filter(coarse, max(3, side // 2), mode="nearest")
    if float(np.ptp(even)) < 1e-4:
        return 1.0
    dark = even < threshold_otsu(even)
    border = np.concatenate((dark[0], dark[-1], dark[:, 0], dark[:, -1])).mean()
    votes = [1 - 2 * float(border), 1 - 2 * float(dark.mean())]
    narrow = []
    for share in (0.04, 0.1):
        window = max(3, int(share * side) | 1)
        closed = float((grey_closing(coarse, size=(window, window), mode="nearest") - coarse).sum())
        opened = float((coarse - grey_opening(coarse, size=(window, window), mode="nearest")).sum())
        narrow.append((closed - opened) / max(closed + opened, 1e-6))
    return (sum(votes) + max(narrow, key=abs)) / 3


def _shrunk(values: Floats, longest: int) -> Floats:
    height, width = values.shape
    if max(height, width) <= longest:
        return values
    ratio = longest / max(height, width)
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))


def _envelope(signed: Floats) -> Floats:
    """The paper's own brightness at every pixel: a morphological closing that no stroke survives.

    Unlike a blur it follows light that falls off and the edge of a shadow without a ghost beside it.
    """
    from scipy.ndimage import grey_closing, minimum_filter

    coarse = _shrunk(signed, _COARSE)
    window = max(3, int(BROADEST_STROKE * max(coarse.shape)) | 1)
    closed = grey_closing(coarse, size=(window, window), mode="nearest")
    if coarse is signed:
        return closed
    # Coarse pixels across a shadow's edge would call the dark side ink: there the darker paper counts.
    closed = minimum_filter(closed, size=3, mode="nearest")
    return np.asarray(Image.fromarray(closed).resize(signed.shape[::-1], Image.Resampling.BILINEAR))


def _noise(ink: Floats) -> float:
    """Spread of the paper: median absolute deviation of the differences between neighbours, over sqrt(2)."""
    rows = ink[:: max(1, ink.shape[0] // 200)]
    steps = np.abs(np.diff(rows, axis=1)) if ink.shape[1] > 1 else np.zeros(1)
    return float(1.4826 * np.median(steps) / np.sqrt(2))


def _level(ink: Floats, noise: float) -> float:
    """How much darker full ink is than paper; 0 when nothing stands out of the noise."""
    from scipy.ndimage import uniform_filter

    smooth = uniform_filter(ink, 3, mode="nearest") if noise > 0.01 and min(ink.shape) > 60 else ink
    floor = max(_FAINTEST, _NOISE_FACTOR * noise / (3 if smooth is not ink else 1))
    candidates = smooth[smooth > floor]
    if candidates.size < 4:
        return 0.0
    return float(np.quantile(_sample(candidates), 0.95))


def _sample(values: Floats) -> Floats:
    """Enough of many values for a quantile."""
    flat = values.ravel()
    return flat[:: max(1, flat.size // 100_000)]
