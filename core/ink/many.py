"""Many pictures at once: the ink images of a folder or a list of files, each with the file it came from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core import arguments
from core.errors import InkError
from core.ink.pages import pages
from core.ink.picture import Source
from core.ink.read import read


@dataclass(frozen=True)
class Many:
    """What several pictures hold, shape by shape.

    Attributes:
        images: ink images, float32 ``(n, 28, 28)``, 0 paper .. 1 ink.
        files: the file that each came from, n of them; a page of a document as ``"scan.pdf page 3"``, and what came
            from no file as ``"picture 2"``.
        boxes: int64 ``(n, 4)``: left, top, right, bottom of each in its own upright picture, pixels.
        refused: (file, reason) of every picture that holds no ink to read.
    """

    images: NDArray[np.float32]
    files: tuple[str, ...]
    boxes: NDArray[np.int64]
    refused: tuple[tuple[str, str], ...]


def read_many(pictures: str | Path | Source | Iterable[str | Path | Source], split: bool = True) -> Many:
    """Read pictures into ink images; one that cannot be read is listed with its reason, and the rest counts.

    Args:
        pictures: a folder, whose files are read in the order of their names; or pictures, each as ``read`` takes it:
            paths of files, bytes, PIL images, arrays ``(h, w)``, or one array ``(n, h, w)``.
        split: whether separate shapes in a picture are separate digits.

    Raises:
        InkError: there is no such folder or file.
    """
    images, boxes = [np.zeros((0, 28, 28), np.float32)], [np.zeros((0, 4), np.int64)]
    files: list[str] = []
    refused: list[tuple[str, str]] = []
    for called, picture in _named(pictures):
        for name, page in pages(picture, called):
            try:
                ink = read(page, name=Path(name).name, split=split)
            except InkError as error:
                refused.append((name, str(error)))
                continue
            images.append(ink.images)
            boxes.append(ink.boxes)
            files += [name] * len(ink.images)
    return Many(np.concatenate(images), tuple(files), np.concatenate(boxes), tuple(refused))


def _named(pictures: Any) -> list[tuple[str, Source]]:
    """Each picture under its path, or its number where it came from no file."""
    one = isinstance(pictures, str | Path | bytes | bytearray | Image.Image) or getattr(pictures, "ndim", 1) == 2
    if not one and not isinstance(pictures, Iterable):
        raise InkError(f"pictures are of type {type(pictures).__name__}: give a folder, or a list of pictures.")
    named: list[tuple[str, Source]] = []
    for number, picture in enumerate([pictures] if one else pictures, 1):
        if not isinstance(picture, str | Path):
            named.append((f"picture {number}", picture))
        elif (path := _there(picture)).is_dir():
            inside = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
            named += [(str(file), file) for file in inside]
        else:
            named.append((str(path), path))
    return named


def _there(given: str | Path) -> Path:
    path = arguments.path("pictures", given)
    if not str(given) or (not path.is_dir() and not path.is_file()):
        raise InkError(f"{given}: there is no such picture or folder: give paths of files, or a folder of them.")
    return path
