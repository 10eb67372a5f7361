"""Many pictures at once: the ink images of a folder or a list of files, each with the file it came from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import InkError
from core.ink.pages import pages
from core.ink.read import read


@dataclass(frozen=True)
class Many:
    """What several pictures hold, shape by shape.

    Attributes:
        images: ink images, float32 ``(n, 28, 28)``, 0 paper .. 1 ink.
        files: the file that each came from, n of them; a page of a document as ``"scan.pdf page 3"``.
        boxes: int64 ``(n, 4)``: left, top, right, bottom of each in its own upright picture, pixels.
        refused: (file, reason) of every picture that holds no ink to read.
    """

    images: NDArray[np.float32]
    files: tuple[str, ...]
    boxes: NDArray[np.int64]
    refused: tuple[tuple[str, str], ...]


def read_many(pictures: str | Path | Iterable[str | Path], split: bool = True) -> Many:
    """Read pictures into ink images; one that cannot be read is listed with its reason, and the rest counts.

    Args:
        pictures: a folder, whose files are read in the order of their names, or paths of files.
        split: whether separate shapes in a picture are separate digits.

    Raises:
        InkError: there is no such folder or file.
    """
    images, boxes = [np.zeros((0, 28, 28), np.float32)], [np.zeros((0, 4), np.int64)]
    files: list[str] = []
    refused: list[tuple[str, str]] = []
    for path in _files(pictures):
        for name, page in pages(path, str(path)):
            try:
                ink = read(page, name=Path(name).name, split=split)
            except InkError as error:
                refused.append((name, str(error)))
                continue
            images.append(ink.images)
            boxes.append(ink.boxes)
            files += [name] * len(ink.images)
    return Many(np.concatenate(images), tuple(files), np.concatenate(boxes), tuple(refused))


def _files(pictures: str | Path | Iterable[str | Path]) -> list[Path]:
    if not isinstance(pictures, str | Path):
        paths = [Path(path) for path in pictures]
    elif (folder := Path(pictures)).is_dir():
        return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    else:
        paths = [folder]
    if missing := [path for path in paths if not path.is_file()]:
        raise InkError(f"{missing[0]}: there is no such picture or folder: give paths of files, or a folder of them.")
    return paths
