"""Calibration on one's own ink: pictures of normal digits gathered, looked over and said aloud, never dropped silently.

Dropping odd digits would break the promise: normal digits as odd as those would then be flagged more often than said.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core import ink
from core.calibration.conformal import Calibration, images_needed
from core.errors import InkError, OddDigitError
from core.files.zip import looks_like_zip, members
from core.words import name_normals

if TYPE_CHECKING:
    from core.detector import Detector

ALPHAS = (0.01, 0.05, 0.1)
FEWEST, ENOUGH, MOST = 30, 500, 5_000
FAR_OUT = 3.0  # times the way from the pile's median to its upper quartile, beyond that quartile
LISTED = 8  # names spelt out before "and n more"


@dataclass(frozen=True)
class Pile:
    """Normal digits to calibrate on.

    Attributes:
        images: ink images, float32 ``(n, 28, 28)``, n >= 1.
        labels: which digit each is, n of them; None for a detector of one digit.
        names: where each came from.
        refused: (name, reason) of everything that could not be used.
    """

    images: NDArray[np.float32]
    labels: list[str] | None
    names: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Suspects:
    """Rows of a pile that a person should look at; all of them count unless that person takes them out.

    Attributes:
        repeated: images that equal an earlier one.
        odd: images far odder than the rest of the pile, oddest first.
    """

    repeated: tuple[int, ...]
    odd: tuple[int, ...]


@dataclass(frozen=True)
class Guarantee:
    """What a number of calibration digits gives at an alpha.

    Attributes:
        alpha: the rate asked for.
        needed: fewest digits with which anything can be flagged at all.
        promised: the rate it comes to on average over all such piles, 0 .. 1; 0 where there is no line.
        at_most: upper bound on the true rate of one pile, with 95 % confidence; 0 where there is no line.
    """

    alpha: float
    needed: int
    promised: float
    at_most: float


def collect(folder: Path, normal: tuple[str, ...], split: bool = False) -> Pile:
    """Gather the pictures of a folder; sub-folders named like the normal digits say which digit they hold.

    Args:
        folder: where the pictures lie.
        normal: labels of the detector's normal digits.
        split: whether a picture may be a sheet of many digits.

    Raises:
        OddDigitError: no such folder, or nothing in it can be used.
    """
    if not folder.is_dir():
        raise OddDigitError(f"{folder}: there is no such folder: give one that holds pictures of normal digits.")
    try:
        files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
        return gather(((file.relative_to(folder).as_posix(), file.read_bytes()) for file in files), normal, split)
    except OSError as error:
        raise OddDigitError(f"{folder}: cannot be read ({error.strerror}): check its permissions.") from error


def gather(files: Iterable[tuple[str, bytes]], normal: tuple[str, ...], split: bool = False) -> Pile:
    """Read pictures into a pile; what cannot be used is listed with its reason.

    Args:
        files: (name, bytes) of each picture or zip of pictures; a name may have folders, ``"5/first.png"``.
        normal: labels of the detector's normal digits.
        split: whether a picture may be a sheet of many digits.

    Raises:
        OddDigitError: too many pictures, a hostile archive, or none can be used.
    """
    refused: list[tuple[str, str]] = []
    read: list[tuple[str, NDArray[np.float32]]] = []
    for name, data in _unzipped(files, refused):
        try:
            read.append((name, ink.read(data, name=name, split=split).images))
        except InkError as error:
            refused.append((name, str(error)))
        if len(read) + len(refused) > MOST:
            raise OddDigitError(f"more than {MOST:,} pictures: a few hundred are plenty, so give a part of them.")
    by_folder = len(normal) > 1 or any(_folder(name) in normal for name, _ in read)
    if by_folder:
        where = f"lies in no folder named {' or '.join(normal)}"
        refused += [(name, where) for name, _ in read if _folder(name) not in normal]
        read = [(name, images) for name, images in read if _folder(name) in normal]
    if not read:
        why = f" The first: {refused[0][0]}: {refused[0][1]}" if refused else ""
        raise OddDigitError(f"no picture could be used to calibrate on.{why}")
    labels = [_folder(name) for name, images in read for _ in images] if len(normal) > 1 else None
    names = [f"{name}, digit {i + 1}" if len(images) > 1 else name for name, images in read for i in range(len(images))]
    return Pile(np.concatenate([images for _, images in read]), labels, tuple(names), tuple(refused))


def suspects(detector: "Detector", pile: Pile) -> Suspects:
    """Images that are repeated, or odd within the pile itself: another hand makes all of them a little odd."""
    seen: dict[bytes, int] = {}
    repeated = tuple(i for i, image in enumerate(pile.images) if seen.setdefault(image.tobytes(), i) != i)
    scores = detector.inspect(pile.images).scores["fused"]
    middle, upper = np.quantile(scores, [0.5, 0.75])
    yardstick = detector.calibrations_["fused"]
    far = (yardstick.p_values(scores) <= max(ALPHAS[0], yardstick.floor)) & (
        scores > upper + FAR_OUT * (upper - middle)
    )
    return Suspects(repeated, tuple(int(i) for i in np.argsort(-scores, kind="stable") if far[i]))


def concerns(detector: "Detector", pile: Pile, found: Suspects | None = None) -> list[str]:
    """What a person should know before calibrating on a pile, one sentence each; empty when there is nothing.

    Args:
        detector: the detector to be calibrated.
        pile: the normal digits.
        found: what ``suspects`` found in it; None looks anew.
    """
    n = len(pile.images)
    found = found or suspects(detector, pile)
    said = []
    if pile.refused:
        first = f"{pile.refused[0][0]}: {pile.refused[0][1]}"
        said.append(f"{_count(len(pile.refused), 'picture was', 'pictures were')} left out. The first: {first}")
    for guarantee in guarantees(n):
        if n < guarantee.needed:
            said.append(f"{n} are too few for a line at {_percent(guarantee.alpha)}: it takes {guarantee.needed}.")
    if n < ENOUGH:
        said.append(say_guarantee(n, 0.05))
    if found.repeated:
        names = _listed([pile.names[i] for i in found.repeated])
        said.append(
            f"{_count(len(found.repeated), 'image repeats', 'images repeat')} an earlier one: {names}. A digit that "
            "counts twice makes the promise look firmer than it is."
        )
    if found.odd:
        names = _listed([pile.names[i] for i in found.odd])
        said.append(
            f"{_count(len(found.odd), 'image is', 'images are')} far odder than the others: {names}. Take out only "
            f"what is no {_one(detector.card_.normal)}; an odd one that is real must stay, or the promise breaks."
        )
    return said


def guarantees(n: int) -> tuple[Guarantee, ...]:
    """What n calibration digits give at 1, 5 and 10 %.

    >>> [round(g.at_most, 3) for g in guarantees(30)]
    [0.0, 0.095, 0.195]
    """
    yardstick = Calibration.fit(np.arange(max(n, 1)))
    return tuple(
        Guarantee(alpha, images_needed(alpha), yardstick.rank(alpha) / (n + 1), yardstick.fixed_bound(alpha))
        for alpha in ALPHAS
    )


def say_guarantee(n: int, alpha: float) -> str:
    """What n digits really guarantee at an alpha, one sentence.

    >>> say_guarantee(30, 0.05)
    'With 30 digits a line at 5 % flags 3.2 % of normal ones on average, and with 95 % confidence no more than 9.5 %.'
    >>> say_guarantee(12, 0.05)
    'With 12 digits there is no line at 5 %: it takes 19.'
    """
    if n < images_needed(alpha):
        return f"With {n} digits there is no line at {_percent(alpha)}: it takes {images_needed(alpha)}."
    yardstick = Calibration.fit(np.arange(n))
    average = yardstick.rank(alpha) / (n + 1)
    return (
        f"With {n} digits a line at {_percent(alpha)} flags {100 * average:.1f} % of normal ones on average, and with "
        f"95 % confidence no more than {100 * yardstick.fixed_bound(alpha):.1f} %."
    )


def _unzipped(files: Iterable[tuple[str, bytes]], refused: list[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    for name, data in files:
        if looks_like_zip(data):
            yield from members(data, name, lambda *why: refused.append(why))
        else:
            yield name, data


def _folder(name: str) -> str:
    return PurePosixPath(name).parent.name


def _one(normal: tuple[str, ...]) -> str:
    return name_normals(normal).removesuffix("s") if len(normal) == 1 else "normal digit"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _percent(alpha: float) -> str:
    return f"{100 * alpha:g} %"
