"""Calibration set of one's own ink: what so many digits guarantee, and what to look at before they count.

Dropping odd digits would break the promise: normal digits as odd as those would then be flagged more often than said.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.calibration.conformal import Calibration, images_needed
from core.words import name_normals

ALPHAS = (0.01, 0.05, 0.1)
FEWEST, ENOUGH = 30, 500
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


@dataclass(frozen=True)
class Guarantee:
    """What a number of calibration digits gives at an alpha.

    Attributes:
        alpha: the rate asked for.
        needed: fewest digits with which anything can be flagged at all.
        promised: the rate it comes to on average over all such sets, 0 .. 1; 0 where there is no threshold.
        at_most: upper bound on the true rate of one set, with 95 % confidence; 0 where there is no threshold.
    """

    alpha: float
    needed: int
    promised: float
    at_most: float


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
    names: Sequence[str], normal: tuple[str, ...], doubtful: Suspects, refused: Sequence[tuple[str, str]] = ()
) -> list[str]:
    """What a person should know before calibrating, one sentence each; empty when there is nothing.

    Args:
        names: where each of the images came from, n of them.
        normal: labels of the detector's normal digits.
        doubtful: what ``suspects`` says of them.
        refused: (name, reason) of everything that could not be used.
    """
    n = len(names)
    said = []
    if refused:
        first = f"{refused[0][0]}: {refused[0][1]}"
        said.append(f"{_count(len(refused), 'picture was', 'pictures were')} left out. The first: {first}")
    for guarantee in guarantees(n):
        if n < guarantee.needed:
            said.append(f"{n} are too few for a line at {_percent(guarantee.alpha)}: it takes {guarantee.needed}.")
    if n < ENOUGH:
        said.append(say_guarantee(n, 0.05))
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


def guarantees(n: int) -> tuple[Guarantee, ...]:
    """What n calibration digits give at 1, 5 and 10 %.

    >>> [round(g.at_most, 3) for g in guarantees(30)]
    [0.0, 0.166, 0.279]
    """
    calibration = Calibration.fit(np.arange(max(n, 1)))
    return tuple(
        Guarantee(alpha, images_needed(alpha), calibration.rank(alpha) / (n + 1), calibration.bound(alpha))
        for alpha in ALPHAS
    )


def say_guarantee(n: int, alpha: float) -> str:
    """What n digits really guarantee at an alpha, one sentence.

    >>> say_guarantee(30, 0.05)
    'With 30 digits a line at 5 % flags 3.2 % of normal ones on average, and with 95 % confidence no more than 16.6 %.'
    >>> say_guarantee(12, 0.05)
    'With 12 digits there is no line at 5 %: it takes 19.'
    """
    if n < images_needed(alpha):
        return f"With {n} digits there is no line at {_percent(alpha)}: it takes {images_needed(alpha)}."
    calibration = Calibration.fit(np.arange(n))
    average = calibration.rank(alpha) / (n + 1)
    return (
        f"With {n} digits a line at {_percent(alpha)} flags {100 * average:.1f} % of normal ones on average, and with "
        f"95 % confidence no more than {100 * calibration.bound(alpha):.1f} %."
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
