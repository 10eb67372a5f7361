"""Calibration set of one's own ink: what it promises, and what to look at before it counts.

Dropping odd digits would break the promise: normal digits as odd as those would then be flagged more often than said.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.calibration.conformal import Calibration, images_needed
from core.calibration.few_digits import adapted
from core.words import name_normals, say_share

ALPHAS = (0.01, 0.05, 0.1)
ASKED = 20  # digits to draw or hand in; `few_digits.ENOUGH` guarantee by themselves
FAR_OUT = 3.0  # times the way from the set's median to its upper quartile, beyond that quartile
LISTED = 8  # names spelt out before "and n more"


@dataclass(frozen=True)
class Suspects:
    """Rows of a calibration set that a person should look at; all of them count unless that person takes them out.

    Attributes:
        repeated: images that equal an earlier one.
        odd: images far odder than the rest, oddest first.
    """

    repeated: tuple[int, ...]
    odd: tuple[int, ...]


def suspects(images: NDArray[np.float32], scores: NDArray[np.float64], calibration: Calibration) -> Suspects:
    """Images that are repeated, or odd within the set itself: another hand makes all of them a little odd.

    Args:
        images: ink images to calibrate on, ``(n, 28, 28)``, n >= 1.
        scores: their raw scores, ``(n,)``.
        calibration: of the detector as it is.
    """
    seen: dict[bytes, int] = {}
    repeated = tuple(i for i, image in enumerate(images) if seen.setdefault(image.tobytes(), i) != i)
    middle, upper = np.quantile(scores, [0.5, 0.75])
    far = (calibration.p_values(scores) <= max(ALPHAS[0], calibration.floor)) & (
        scores > upper + FAR_OUT * (upper - middle)
    )
    return Suspects(repeated, tuple(int(i) for i in np.argsort(-scores, kind="stable") if far[i]))


def concerns(
    names: Sequence[str],
    normal: tuple[str, ...],
    doubtful: Suspects,
    scores: NDArray[np.float64],
    known: Calibration,
    refused: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """What a person should know before calibrating, one sentence each.

    Args:
        names: where each of the images came from, n of them.
        normal: labels of the detector's normal digits.
        doubtful: what ``suspects`` says of them.
        scores: their raw scores, ``(n,)``.
        known: what the detector was measured against before.
        refused: (name, reason) of everything that could not be used.
    """
    n, promised = len(names), adapted(Calibration.fit(scores), known)
    said = []
    if refused:
        first = f"{refused[0][0]}: {refused[0][1]}"
        said.append(f"{_count(len(refused), 'picture was', 'pictures were')} left out. The first: {first}")
    said += [
        f"{n} are too few for a line at {_percent(alpha)}: it takes {images_needed(alpha)}."
        for alpha in ALPHAS
        if promised.rank(alpha) < 1
    ]
    said.append(say_promise(promised, 0.05))
    if doubtful.repeated:
        said.append(
            f"{_count(len(doubtful.repeated), 'image repeats', 'images repeat')} an earlier one: "
            f"{_listed([names[i] for i in doubtful.repeated])}. A digit that counts twice makes the promise look "
            "firmer than it is."
        )
    if doubtful.odd:
        said.append(
            f"{_count(len(doubtful.odd), 'image is', 'images are')} far odder than the others: "
            f"{_listed([names[i] for i in doubtful.odd])}. Take out only what is no {_one(normal)}; an odd one that is "
            "real must stay, or the promise breaks."
        )
    return said


def say_promise(promised: Calibration, alpha: float) -> str:
    """What own digits promise at an alpha, one sentence: by themselves, or few of them with what is known of others.

    >>> say_promise(Calibration.fit(np.arange(30)), 0.05)
    'With 30 digits a line at 5 % flags 3.2 % of normal ones on average, and with 95 % confidence no more than 16.6 %.'
    >>> say_promise(Calibration.fit(np.arange(12)), 0.05)
    'With 12 digits there is no line at 5 %: it takes 19.'
    """
    n = promised.own
    if promised.rank(alpha) < 1:
        return f"With {n} digits there is no line at {_percent(alpha)}: it takes {images_needed(alpha)}."
    if promised.rates is None:
        return (
            f"With {n} digits a line at {_percent(alpha)} flags {100 * promised.rank(alpha) / (n + 1):.1f} % of normal "
            f"ones on average, and with 95 % confidence no more than {100 * promised.bound(alpha):.1f} %."
        )
    low, high = promised.rates[promised.n - promised.rank(alpha)]
    return (
        f"A line at {_percent(alpha)} flags {_percent(alpha)} of normal ones by that hand, most likely between "
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


def _percent(alpha: float) -> str:
    return f"{100 * alpha:g} %"
