"""Data sets that people bring: a folder of labelled sub-folders, or an array or a table of images and labels."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core import paths
from core.errors import BatchError, DatasetError
from core.files.folder import files_in
from core.ink import apart
from core.ink.geometry import SIDE
from core.ink.picture import SUFFIXES
from core.readers.items import Item, Manner, label_of, place_of

if TYPE_CHECKING:
    from core.readers.pool import Reading

LARGEST_ARRAY = 1 << 30  # bytes unpacked: a third of a million ink images
MOST_FILES = 200_000
STEPS = 200  # in which progress is said
ALONE = Manner(together=True)
Progress = Callable[[float, str], object]
UNLABELLED = "unlabelled"
# Folders that stand above the labels, where a data set is packed in parts.
PARTS = {"train", "training", "test", "testing", "val", "valid", "validation"}


class Content(NamedTuple):
    """Ink images ``(n, 28, 28)`` float32, labels ``(n,)`` int64 into ``label_names``, and refused (file, reason)."""

    images: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    refused: tuple[tuple[str, str], ...] = ()


def locate(path: str) -> Path:
    """The path as given, or, when relative and not found from here, inside the data folder."""
    given = Path(path).expanduser()
    return given if given.is_absolute() or given.exists() else paths.datasets_dir() / given


def folder_labels(path: str) -> tuple[str, ...]:
    """The labels of the pictures in a folder, sorted.

    Raises:
        DatasetError: there is no such folder, or no file in it lies in a sub-folder.
    """
    return _sorted({label for _, label in _labelled(path) if label})


def read_folder(path: str, progress: Progress | None = None) -> Content:
    """Read every picture of a folder as one shape each, through `core.ink`; the sub-folder is the label.

    Raises:
        DatasetError: no such folder, too many files, or not one picture could be read.
    """
    files, folder = _labelled(path), locate(path)
    if len(files) > MOST_FILES:
        raise DatasetError(f"folder:{path}: {len(files):,} files; at most {MOST_FILES:,}. Take a part of them.")
    pictures = ((label, file, folder / file) for file, label in files if label)
    content = read_pictures(pictures, len(files), f"folder:{path}", progress)
    beside = [file for file, label in files if not label and file.lower().endswith(SUFFIXES)]
    return content._replace(refused=content.refused + tuple((file, "lies in no sub-folder.") for file in beside))


def _labelled(path: str) -> list[tuple[str, str | None]]:
    """The files of a folder, sorted, and the label of each: the digit that a folder is named after, or the outermost.

    Folders such as training/ and testing/ stand above the labels, as data sets are often packed.
    """
    folder = locate(path)
    if not folder.is_dir():
        raise DatasetError(f"folder:{path}: there is no folder {folder}. Give one that has a sub-folder per label.")
    parts = sorted(file.relative_to(folder).parts for file in files_in(folder))
    outer = [next((part for part in above if part.lower() not in PARTS), None) for *above, _ in parts]
    if not any(outer):
        raise DatasetError(f"folder:{path}: has no sub-folders of files. Put the pictures into a sub-folder per label.")
    return [(str(Path(*at)), label_of(at) or name) for at, name in zip(parts, outer, strict=True)]


def read_pictures(
    pictures: Iterable[tuple[str, str, Path | bytes]],
    total: int,
    name: str,
    progress: Progress | None = None,
    refused: list[tuple[str, str]] | None = None,
) -> Content:
    """Read pictures of one shape each, through `core.ink`.

    Args:
        pictures: (label, what to call it, where it lies or its bytes), one at a time.
        total: how many there are.
        name: of the whole, for errors.
        progress: called with the share done, 0 to 1, and a line to show.
        refused: (file, reason) of what is passed over as ``pictures`` are given; it grows.

    Raises:
        DatasetError: not one picture could be read.
    """
    from core.readers import pool

    items = (_item(file, source, label) for label, file, source in pictures)
    return _content(name, pool.read_items(items, ALONE, apart.cores()), total, progress, refused)


def read_file(path: str, progress: Progress | None = None) -> Content:
    """Read the images and labels of an array or a table, through the reader that batches have: `core.readers.sources`.

    What a batch redraws is redrawn. The size is checked before anything is unpacked.

    Raises:
        DatasetError: no such file, damaged, too large, or no images in it.
    """
    from core.readers import pool, sources

    name, file = f"npz:{path}", locate(path)
    if not file.is_file():
        raise DatasetError(f"{name}: there is no file {file}.")
    try:
        place = place_of(file, name)
        count = sources.count([place])
        _check_size(name, count)
        return _content(name, pool.read([place], 0, ALONE, apart.cores()), count, progress)
    except BatchError as error:
        raise DatasetError(str(error)) from error


def _check_size(name: str, count: int) -> None:
    needed = count * SIDE * SIDE * 4
    if needed > LARGEST_ARRAY:
        raise DatasetError(f"{name}: its images would take {needed / 1e9:.1f} GB of memory. Take a part of it.")


def _item(file: str, source: Path | bytes, label: str) -> Item:
    """A picture file as an item, or why it cannot be one."""
    try:
        picture = place_of(source, file) if isinstance(source, Path) else source
    except BatchError as error:
        return Item(file, None, label, error=str(error))
    return Item(file, picture, label, together=True)


def _content(
    name: str,
    readings: "Iterable[Reading]",
    total: int,
    progress: Progress | None,
    refused: list[tuple[str, str]] | None = None,
) -> Content:
    read: list[tuple[str, np.ndarray, str | None]] = []
    refused = [] if refused is None else refused
    said = 0
    for _, rows, note in readings:
        if broken := [row.error for row in rows if row.error and row.source == name]:  # the file itself
            raise DatasetError(broken[0])
        read += [(row.source, row.image, row.label) for row in rows if row.image is not None]
        refused += [(row.source, row.error) for row in rows if row.error] + ([(name, note)] if note else [])
        done = len(read) + len(refused)
        if progress is not None and done - said >= max(1, total // STEPS):
            progress(min(done / max(total, 1), 1.0), f"{name}: picture {done:,} of {max(total, done):,}")
            said = done
        _check_size(name, done)
    if not read:
        first = f"{f' The first of {len(refused):,} refused:' * (len(refused) > 1)} {refused[0][1]}" if refused else ""
        raise DatasetError(f"{name}: no picture in it could be read.{first}")
    labels = {label for _, _, label in read} - {None, UNLABELLED}
    otherwise = None if labels else UNLABELLED  # as the folder of a corrected set is called that no label was given
    read = [(source, image, label if label in labels else otherwise) for source, image, label in read]
    refused += [(source, "has no label.") for source, _, label in read if label is None]
    known = [(image, label) for _, image, label in read if label is not None]
    names = _sorted({label for _, label in known})
    at = {label: i for i, label in enumerate(names)}
    indices = np.array([at[label] for _, label in known], dtype=np.int64)
    return Content(np.stack([image for image, _ in known]), indices, names, tuple(refused))


def _sorted(labels: set[str]) -> tuple[str, ...]:
    """Labels in order, by number where all of them are numbers."""
    return tuple(sorted(labels, key=int if all(re.fullmatch(r"-?\d{1,9}", label) for label in labels) else None))


def unit(pixels: np.ndarray) -> np.ndarray:
    """Float32 0..1 of uint8 or float pixels, in one pass without a wide copy."""
    if pixels.dtype == np.uint8:
        return np.divide(pixels, np.float32(255), dtype=np.float32)
    return pixels.astype(np.float32)
