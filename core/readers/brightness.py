"""Brightness of a stack of images: which value is black and which is white, told by its first images."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import BatchError

Block = NDArray[np.generic]
TOPS = (1.0, 16.0, 255.0, 65535.0)  # white of a stack without values below 0; scikit-learn's digits have 16 steps
MNIST_BLACK, MNIST_WHITE = -0.1307 / 0.3081, (1 - 0.1307) / 0.3081  # by torchvision's examples
SYMMETRIC = ((-1.0, 1.0), (-0.5, 0.5), (-127.5, 127.5), (MNIST_BLACK, MNIST_WHITE))
MOST, NEARLY_ALL = 0.5, 0.8  # share of the images that decide, so that a broken one does not
PAPER = 0.2  # share of an image's pixels that have one value where all were moved and stretched alike
ENOUGH = 8  # images that tell which of few steps is white
NEAR = 1e-3  # of the range, by which equal ends may differ
SPILL = 0.02  # of the range, by which later images may go beyond the ends that the first had
WHOLE, WHOLE_HALF = 0.02, 0.07  # of a step of 255, by which rounded text and 16-bit floats miss it


@dataclass(frozen=True)
class Brightness:
    """The values of black and white in a stack.

    Attributes:
        low: of black; None where each image has a range of its own.
        high: of white; None likewise.
        wrapped: whether 128 .. 255 were stored as -128 .. -1.
        spill: how far beyond them a value may lie.
    """

    low: float | None = 0.0
    high: float | None = 255.0
    wrapped: bool = False
    spill: float = 0.0

    @classmethod
    def of(cls, first: Block, name: str = "the stack") -> "Brightness":
        """Judge by some images ``(m, h, w)``; values that are no numbers are passed over.

        Standardised images (mean 0, deviation 1) are known by their paper, which has one value: what moved and
        stretched it is undone, for the whole stack or, where they were standardised one by one, for each.

        Raises:
            BatchError: nothing tells black and white, as in a stack that was standardised pixel by pixel.

        >>> Brightness.of(np.array([[[0, 254]]])).high, Brightness.of(np.array([[[-1.0, 0.9]]])).low
        (255.0, -1.0)
        """
        pixels = first.reshape(len(first), -1)
        if first.dtype.kind == "f":
            pixels = pixels[np.isfinite(pixels).all(axis=1)]
        if not pixels.size:
            return cls()
        lows, highs = (np.asarray(end(pixels, axis=1), np.float64) for end in (np.min, np.max))
        if (lows < 0).mean() <= MOST:
            return cls(0.0, _white(highs, first.dtype == np.uint8))
        for low, high in SYMMETRIC:
            if (np.isclose(lows, low, atol=NEAR) & (highs <= high + NEAR)).mean() > MOST:
                return cls(low, high, spill=NEAR)
        if (lows >= -128).all() and (highs <= 127).all() and bool((pixels == np.rint(pixels)).all()):
            values, counts = np.unique(pixels, return_counts=True)
            if values[counts.argmax()] in (0, -1):  # paper, black or white
                return cls(wrapped=True)
            if values[counts.argmax()] in (-128, 127):
                return cls(-128.0, 127.0)
        paper = [(pixels == end[:, None]).mean(axis=1) > PAPER for end in (pixels.min(axis=1), pixels.max(axis=1))]
        if np.logical_or(*paper).mean() > MOST:
            low, high, span = np.median(lows), np.median(highs), NEAR * np.median(highs - lows)
            ends = (abs(lows - low) < span).mean() > MOST, (abs(highs - high) < span).mean() > MOST
            if not any(ends):
                return cls(None, None)
            low, high = float(low if ends[0] else lows.min()), float(high if ends[1] else highs.max())
            return cls(low, high, spill=SPILL * (high - low))
        raise BatchError(
            f"{name}: holds values from {lows.min():g} to {highs.max():g}, which do not say what is black and what is "
            "white (standardised pixel by pixel?): save the images as they were before, 0 .. 255 or 0 .. 1."
        )

    def grey(self, block: Block) -> "Grey":
        """Images ``(m, h, w)`` of this brightness as grey ones."""
        if block.dtype == np.uint8 and (self.low, self.high) == (0, 255):
            return Grey(np.asarray(block, np.uint8), [""] * len(block))
        values = block.astype(np.float64)
        if self.wrapped:
            values[values < 0] += 256
        finite = np.isfinite(values).all(axis=(1, 2))
        values[~finite] = 0
        lows, highs = values.min(axis=(1, 2)), values.max(axis=(1, 2))
        low, high = (lows, highs) if self.low is None or self.high is None else (self.low, self.high)
        reasons = [""] * len(block)
        for i in np.flatnonzero((lows < low - self.spill) | (highs > high + self.spill)):
            here = f"brightness here runs {self.low:g} .. {self.high:g}."
            reasons[i] = f"holds values from {lows[i]:g} to {highs[i]:g}: {here}"
        for i in np.flatnonzero(~finite):
            reasons[i] = "holds NaN or infinity: brightness must be a number."
        black, span = (np.reshape(end, (-1, 1, 1)) for end in (low, np.maximum(np.subtract(high, low), 1e-12)))
        values -= black
        values /= span
        shares = np.clip(values, 0, 1, out=values)
        scaled = 255 * shares
        steps = np.rint(scaled)
        scaled -= steps
        off = np.abs(scaled, out=scaled).max(axis=(1, 2), initial=0)
        whole = off <= (WHOLE_HALF if block.dtype == np.float16 else WHOLE)
        if whole.all():
            return Grey(steps.astype(np.uint8), reasons)
        exact = steps.astype(np.float32) / np.float32(255)
        return Grey(np.where(whole[:, None, None], exact, shares.astype(np.float32)), reasons)


class Grey(NamedTuple):
    """Grey images.

    Attributes:
        images: ``(m, h, w)``, uint8 where all are whole steps of 255, else float32 0 .. 1.
        reasons: for each why it cannot be used, or an empty text.
    """

    images: NDArray[np.uint8] | NDArray[np.float32]
    reasons: list[str]


def _white(highs: NDArray[np.float64], are_bytes: bool) -> float:
    """The value of white where none lies below 0, by the brightest value of each image."""
    high = float(np.median(highs[highs > 0])) if (highs > 0).any() else 0.0
    most = float(highs.max())
    if are_bytes and most > 1 and (most > 128 or len(highs) < ENOUGH):
        return 255.0
    white = next((top for top in TOPS if high <= top), TOPS[-1])
    # Of 3, 7, 15 or 100 steps nearly every digit has the brightest.
    few = 1 < most <= 128 and len(highs) >= ENOUGH and (highs == most).mean() > NEARLY_ALL
    if few and most != 16:
        return most
    return 255.0 if are_bytes and white == 1 and most > 1 else white
