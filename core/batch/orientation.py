"""Orientation of a batch: whether its digits read clearly better mirrored or turned, as files of other programs lie."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.words import say_share

if TYPE_CHECKING:
    from core.detector import Detector

Image = NDArray[np.float32]
LOOK, FEWEST = 200, 50  # digits that are looked at, and below which nothing is said
ODD = 0.05  # p-value up to which a digit is odd here
MANY = 0.3  # share of odd digits from which the others are tried
SEVERAL = 5  # digits a detector must know: to one of sixes, nines are upside down
WAYS = {
    "mirrored left to right": (False, False, True),
    "mirrored top to bottom": (False, True, False),
    "turned upside down": (False, True, True),
    "with rows and columns exchanged": (True, False, False),
    "turned a quarter clockwise": (True, False, True),
    "turned a quarter anticlockwise": (True, True, False),
    "turned a quarter and mirrored": (True, True, True),
}


def say_better(looked_at: Sequence[Image], detector: "Detector") -> str:
    """In which other way ink images, each ``(28, 28)``, read clearly better, as a sentence; nothing where in none."""
    if len(looked_at) < FEWEST or len(detector.card_.normal) < SEVERAL:
        return ""
    images = np.stack(looked_at[:LOOK])
    given = _odd(images, detector)
    if given < MANY:
        return ""
    shares = {way: _odd(_laid(images, *how), detector) for way, how in WAYS.items()}
    best = min(shares, key=shares.__getitem__)
    if shares[best] > given / 2:
        return ""
    return (
        f"Of the first {len(images)} digits {say_share(given)} are odd as they lie, "
        f"and {say_share(shares[best])} {best}: do they lie wrong?"
    )


def _odd(images: Image, detector: "Detector") -> float:
    return float((detector.scores(images).p_values["fused"] <= ODD).mean())


def _laid(images: Image, exchanged: bool, down: bool, across: bool) -> Image:
    """The images laid otherwise; what is mirrored has its centre a pixel before the middle, and is moved there."""
    laid = images.transpose(0, 2, 1) if exchanged else images
    for axis, mirrored in ((1, down), (2, across)):
        laid = np.roll(np.flip(laid, axis), 1, axis) if mirrored else laid
    return np.ascontiguousarray(laid)
