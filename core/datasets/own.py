"""Data sets that people bring: a folder of labelled sub-folders, or an array or a table of images and labels."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from core import paths
from core.errors import BatchError, DatasetError, InkError, OddDigitError
from core.files.folder import files_in
from core.files.leftovers import is_leftover
from core.ink import apart
from core.ink.geometry import SIDE
from core.ink.pages import read_pages
from core.readers.items import Item, Place, place_of

LARGEST_ARRAY = 1 << 30  # bytes unpacked: a third of a million ink images
MOST_FILES = 200_000
PORTION = 256  # images of a file read at a time
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
    """Names of the sub-folders of a folder, sorted; hidden ones are left out.

    Raises:
        DatasetError: there is no such folder, or nothing in it is a sub-folder.
    """
    folder = locate(path)
    if not folder.is_dir():
        raise DatasetError(f"folder:{path}: there is no folder {folder}. Give one that has a sub-folder per label.")
    try:
        names = _sub_folders(folder)
        if names and {name.lower() for name in names} <= PARTS:
            # training/ and testing/ stand above the labels, as data sets are often packed.
            names = sorted({label for name in names for label in _sub_folders(folder / name)})
    except OSError as error:
        raise DatasetError(f"folder:{path}: cannot be listed ({error.strerror}). Check its permissions.") from error
    if not names:
        raise DatasetError(f"folder:{path}: has no sub-folders. Put the pictures into one sub-folder per label.")
    return tuple(names)


def _sub_folders(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir() if item.is_dir() and not is_leftover((item.name, "")))


def read_folder(path: str, progress: Callable[[float, str], None] | None = None) -> Content:
    """Read every picture of a folder as one shape each, through `core.ink`; the sub-folder is the label.

    Raises:
        DatasetError: no such folder, too many files, or not one picture could be read.
    """
    folder, names = locate(path), folder_labels(path)
    files = sorted(file for file in files_in(folder) if len(file.relative_to(folder).parts) > 1)
    if len(files) > MOST_FILES:
        raise DatasetError(f"folder:{path}: {len(files):,} files; at most {MOST_FILES:,}. Take a part of them.")
    labelled = [(_label(file.relative_to(folder), names), file) for file in files]
    pictures = ((label, str(file.relative_to(folder)), file) for label, file in labelled if label is not None)
    content = read_pictures(pictures, len(files), f"folder:{path}", progress)
    # A label all of whose pictures were refused, or that has none, still is one.
    back = np.array([names.index(name) for name in content.label_names], dtype=np.int64)
    return content._replace(labels=back[content.labels], label_names=names)


def _label(inside: Path, names: Sequence[str]) -> str | None:
    """The outermost folder that a file lies in and that is a label."""
    return next((part for part in inside.parts[:-1] if part in names), None)


def read_pictures(
    pictures: Iterable[tuple[str, str, Path | bytes]],
    total: int,
    name: str,
    progress: Callable[[float, str], object] | None = None,
) -> Content:
    """Read pictures of one shape each, through `core.ink`.

    Args:
        pictures: (label, what to call it, where it lies or its bytes), one at a time.
        total: how many there are.
        name: of the whole, for errors.
        progress: called with the share done, 0 to 1, and a line to show.

    Raises:
        DatasetError: not one picture could be read.
    """
    images, labels, refused = [], [], []
    labels_ahead = deque[str]()

    def things() -> Iterator[tuple[str, tuple[Path | bytes, str]]]:
        for label, file, source in pictures:
            labels_ahead.append(label)
            yield file, (source, file)

    for done, pages in enumerate(apart.over(partial(read_pages, split=False), things())):
        label = labels_ahead.popleft()
        if progress is not None:
            progress(min(done / max(total, 1), 1.0), f"{name}: picture {done + 1:,} of {total:,}")
        for page, ink in pages:
            if isinstance(ink, InkError):
                refused.append((page, str(ink)))
            else:
                images.append(ink.images[0])
                labels.append(label)
        if len(images) + len(refused) > MOST_FILES:
            raise DatasetError(f"{name}: more than {MOST_FILES:,} pictures. Take a part of them.")
    if not images:
        why = f"; the first: {refused[0][1]}" if refused else ""
        raise DatasetError(f"{name}: no picture in it could be read ({len(refused)} refused{why}).")
    names, indices = np.unique(labels, return_inverse=True)
    return Content(np.stack(images), indices.astype(np.int64), tuple(str(label) for label in names), tuple(refused))


def read_file(path: str) -> Content:
    """Read the images and labels of an array or a table, through the reader that batches have: `core.readers.sources`.

    Images of 28x28 pixels pass as they are, dark ink on light paper turned round; smaller ones are scaled into ink
    images, larger ones read through `core.ink`. The size is checked before anything is unpacked.

    Raises:
        DatasetError: no such file, damaged, too large, or no images in it.
    """
    from core.readers import sources

    name, file = f"npz:{path}", locate(path)
    if not file.is_file():
        raise DatasetError(f"{name}: there is no file {file}.")
    try:
        place = place_of(file, name)
        _check_size(name, sources.count([place]))
        return _content(name, apart.each(name, _portions, place, seconds=apart.FILE_SECONDS))
    except (BatchError, InkError) as error:
        raise DatasetError(str(error)) from error


def _check_size(name: str, count: int) -> None:
    needed = count * SIDE * SIDE * 4
    if needed > LARGEST_ARRAY:
        raise DatasetError(f"{name}: its images would take {needed / 1e9:.1f} GB of memory. Take a part of it.")


class _Image(NamedTuple):
    """What an item of a file came to: an ink image, float32 ``(28, 28)``, or None and why.

    Attributes:
        source: what it is called.
        image: the ink image.
        label: what it is said to be.
        as_given: whether it is neither known to be an ink image nor read through ``core.ink``.
        why: why there is none; empty where there is.
    """

    source: str
    image: np.ndarray | None
    label: str | None = None
    as_given: bool = False
    why: str = ""


def _portions(place: Place) -> Iterator[list[_Image]]:
    """What a file holds, some items at a time; works apart."""
    from core.readers import sources

    items = sources.read([place])
    while portion := [_image(item, place.name) for item in islice(items, PORTION)]:
        yield portion


def _image(item: Item, of: str) -> _Image:
    if item.error and item.source == of:
        raise DatasetError(item.error)
    if item.note or item.picture is None:
        return _Image(item.source, None, why=item.note or item.error)
    small = isinstance(item.picture, np.ndarray) and item.picture.shape == (SIDE, SIDE)
    try:
        image = unit(cast(np.ndarray, item.picture)) if small else _read(item)
    except OddDigitError as error:
        return _Image(item.source, None, why=str(error))
    return _Image(item.source, image, item.label, small and not item.ready)


def _content(name: str, portions: Iterable[Sequence[_Image]]) -> Content:
    images, labels, refused = [], [], []
    as_given = []
    for portion in portions:
        for one in portion:
            if one.image is None:
                refused.append((one.source, one.why))
            else:
                images.append(one.image)
                labels.append(one.label)
                as_given.append(one.as_given)
        _check_size(name, len(images))
    if not images:
        raise DatasetError(f"{name}: no image in it can be read. {refused[0][1] if refused else ''}".rstrip())
    stack, chosen = np.stack(images), np.array(as_given)
    if chosen.any():
        stack[chosen] = _light_on_dark(stack[chosen])
    if not any(labels):
        return Content(stack, np.zeros(len(stack), dtype=np.int64), (UNLABELLED,), tuple(refused))
    refused += [(f"{name}, image {i + 1}", "has no label.") for i, label in enumerate(labels) if label is None]
    known = np.array([label is not None for label in labels])
    names, indices = np.unique([label for label in labels if label is not None], return_inverse=True)
    numbers = all(re.fullmatch(r"-?\d{1,9}", label) for label in names)
    order = sorted(range(len(names)), key=(lambda i: int(names[i])) if numbers else (lambda i: str(names[i])))
    named = tuple(str(names[i]) for i in order)
    return Content(stack[known], np.argsort(order)[indices].astype(np.int64), named, tuple(refused))


def _read(item: Item) -> np.ndarray:
    from core import ink

    picture = item.picture.read() if isinstance(item.picture, Place) else item.picture
    assert picture is not None
    return ink.read(picture, name=item.source, split=False).images[0]


def _light_on_dark(grey: np.ndarray) -> np.ndarray:
    """A stack of images, 0 .. 1, light on dark: of most images nearly all the border is paper, whichever way round."""
    border = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
    return 1 - grey if np.median(border) > 0.5 and np.median(border.min(axis=1)) > 0.2 else grey


def unit(pixels: np.ndarray) -> np.ndarray:
    """Float32 0..1 of uint8 or float pixels, in one pass without a wide copy."""
    if pixels.dtype == np.uint8:
        return np.divide(pixels, np.float32(255), dtype=np.float32)
    return pixels.astype(np.float32)
