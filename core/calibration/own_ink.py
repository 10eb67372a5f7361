"""Calibration set of one's own ink: what it promises, and what to look at before it counts.

Dropping odd digits would break the promise: normal digits as odd as those would then be flagged more often than said.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.calibration.conformal import Calibration, images_needed
from core.calibration.few_digits import adapted
from core.words import name_normals, say_refusal, say_share

ALPHAS = (0.01, 0.05, 0.1)
ASKED = 20  # digits to draw or hand in; `few_digits.ENOUGH` guarantee by themselves
FAR_OUT = 3.0  # times the way from the set's median to its upper quartile, beyond that quartile
LISTED = 8  # names spelt out before "and n more"


@dataclass(frozen=True)
class Review:
    """What a person should look at in a calibration set; all of it counts unless that person takes it out.

    Attributes:
        repeated: rows of images that equal an earlier one.
        odd: rows of images far odder than the rest, oddest first.
        promise: what the set promises at 5 %, one sentence; empty where it is too small for a threshold there.
        concerns: what is doubtful or short about it, one sentence each.
    """

    repeated: tuple[int, ...]
    odd: tuple[int, ...]
    promise: str
    concerns: tuple[str, ...]


def review(
    names: Sequence[str],
    images: NDArray[np.float32],
    scores: NDArray[np.float64],
    known: Calibration,
    normal: tuple[str, ...],
    refused: Sequence[tuple[str, str]] = (),
    odds: float = 0.0,
) -> Review:
    """Look through a calibration set: another hand makes all of it a little odd, so oddness is within the set.

    Args:
        names: where each of the images came from, n of them.
        images: ink images to calibrate on, ``(n, 28, 28)``, n >= 1.
        scores: their raw scores, ``(n,)``.
        known: what the detector was measured against before.
        normal: labels of the detector's normal digits.
        refused: (name, reason) of everything that could not be used.
        odds: what ``assemble.strangeness`` says of the images.
    """
    promised = adapted(Calibration.fit(scores), known, odds)
    seen: dict[bytes, int] = {}
    repeated = tuple(i for i, image in enumerate(images) if seen.setdefault(image.tobytes(), i) != i)
    middle, upper = np.quantile(scores, [0.5, 0.75])
    far = (known.p_values(scores) <= max(ALPHAS[0], known.floor)) & (scores > upper + FAR_OUT * (upper - middle))
    odd = tuple(int(i) for i in np.argsort(-scores, kind="stable") if far[i])
    said = []
    if refused:
        first = say_refusal(*refused[0])
        said.append(f"{_count(len(refused), 'picture was', 'pictures were')} left out. The first: {first}")
    said += [
        f"{len(names)} are too few for a line at {say_share(alpha)}: it takes {images_needed(alpha)}."
        for alpha in ALPHAS
        if promised.rank(alpha) < 1
    ]
    if repeated:
        said.append(
            f"{_count(len(repeated), 'image repeats', 'images repeat')} an earlier one: "
            f"{_listed([names[i] for i in repeated])}. A digit that counts twice makes the promise look firmer than it "
            "is."
        )
    if odd:
        said.append(
            f"{_count(len(odd), 'image is', 'images are')} far odder than the others: "
            f"{_listed([names[i] for i in odd])}. Take out only what is no {_one(normal)}; an odd one that is real "
            "must stay, or the promise breaks."
        )
    return Review(repeated, odd, say_promise(promised, 0.05) if promised.rank(0.05) >= 1 else "", tuple(said))


def say_promise(promised: Calibration, alpha: float) -> str:
    """What own digits promise at an alpha that leaves a threshold, one sentence: alone, or few beside others'.

    >>> say_promise(Calibration.fit(np.arange(30)), 0.05)
    'With 30 digits a line at 5 % flags 3.2 % of normal ones on average, and with 95 % confidence no more than 16.6 %.'
    """
    n = promised.own
    if promised.rates is None:
        return (
            f"With {n} digits a line at {say_share(alpha)} flags {say_share(promised.kept(alpha))} of normal "
            f"ones on average, and with 95 % confidence no more than {say_share(promised.bound(alpha))}."
        )
    low, high = promised.rates[promised.n - promised.rank(alpha)]
    return (
        f"A line at {say_share(alpha)} flags about {say_share(alpha)} of normal ones by that hand, most likely between "
        f"{say_share(low)} and {say_share(high)}: estimated from {n} digits and from what other people's are like. "
        f"The {n} alone promise, with 95 % confidence, no more than {say_share(promised.bound(alpha))}."
    )


def _one(normal: tuple[str, ...]) -> str:
    return name_normals(normal).removesuffix("s") if len(normal) == 1 else "normal digit"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"
