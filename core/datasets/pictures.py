"""Pictures of normal digits gathered to calibrate on: of a folder, an upload or a zip; none is dropped silently."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from core.errors import OddDigitError
from core.files.folder import files_in
from core.files.zip import looks_like_zip, members
from core.ink import apart
from core.readers import pool
from core.readers.items import Item, Manner, label_of, parts_of
from core.words import say_refusal

MOST = 5_000


@dataclass(frozen=True)
class Pictures:
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


def collect(folder: Path, normal: tuple[str, ...], split: bool = False) -> Pictures:
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
        files = sorted(files_in(folder))
        return gather(((file.relative_to(folder).as_posix(), _content(file)) for file in files), normal, split)
    except OSError as error:
        raise OddDigitError(f"{folder}: cannot be read ({error.strerror}): check its permissions.") from error


def _content(file: Path) -> bytes:
    """The bytes of a file; none of a link that leads nowhere, which is then refused as empty."""
    return file.read_bytes() if file.exists() else b""


def gather(files: Iterable[tuple[str, bytes]], normal: tuple[str, ...], split: bool = False) -> Pictures:
    """Read pictures into ink images; what cannot be used is listed with its reason.

    Args:
        files: (name, bytes) of each picture or zip of pictures; a name may have folders, ``"5/first.png"``.
        normal: labels of the detector's normal digits.
        split: whether a picture may be a sheet of many digits.

    Raises:
        OddDigitError: too many pictures, a hostile archive, or none can be used.
    """
    refused: list[tuple[str, str]] = []
    read: list[tuple[str, NDArray[np.float32]]] = []
    items = (Item(name, data) for name, data in _unzipped(files, refused))
    for _, rows, _ in pool.read_items(items, Manner(together=not split), apart.cores()):
        refused += [(row.source, row.error) for row in rows if row.image is None]
        digits = [(row.source, row.image) for row in rows if row.image is not None]
        for page, images in groupby(digits, itemgetter(0)):
            read.append((page, np.stack([image for _, image in images])))
        if len(read) + len(refused) > MOST:
            raise OddDigitError(f"more than {MOST:,} pictures: a few hundred are plenty, so give a part of them.")
    by_folder = len(normal) > 1 or any(_folder(name) in normal for name, _ in read)
    if by_folder:
        where = f"lies in no folder named {' or '.join(normal)}"
        refused += [(name, where) for name, _ in read if _folder(name) not in normal]
        read = [(name, images) for name, images in read if _folder(name) in normal]
    if not read:
        why = f" The first: {say_refusal(*refused[0])}" if refused else ""
        raise OddDigitError(f"no picture could be used to calibrate on.{why}")
    labels = [_folder(name) for name, images in read for _ in images] if len(normal) > 1 else None
    names = [f"{name}, digit {i + 1}" if len(images) > 1 else name for name, images in read for i in range(len(images))]
    return Pictures(np.concatenate([images for _, images in read]), labels, tuple(names), tuple(refused))


def joined(parts: Sequence[Pictures]) -> Pictures:
    """Several lots as one; all are of the same detector's digits."""
    labels = None if parts[0].labels is None else [label for part in parts for label in part.labels or ()]
    names = tuple(name for part in parts for name in part.names)
    refused = tuple(why for part in parts for why in part.refused)
    return Pictures(np.concatenate([part.images for part in parts]), labels, names, refused)


def _unzipped(files: Iterable[tuple[str, bytes]], refused: list[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    for name, data in files:
        if looks_like_zip(data):
            yield from members(data, name, lambda *why: refused.append(why))
        else:
            yield name, data


def _folder(name: str) -> str:
    """The label of a picture: the digit that a folder of it is named after, or the folder that it lies in."""
    return label_of(parts_of(name)) or PurePosixPath(name).parent.name
