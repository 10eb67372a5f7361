"""Data sets that people bring: a folder of labelled sub-folders, or an ``.npz`` of image and label arrays."""

import math
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from core import paths
from core.errors import DatasetError, InkError, OddDigitError
from core.files.folder import files_in
from core.files.leftovers import is_leftover
from core.files.npy import DAMAGE, Header, read_header
from core.ink.geometry import SIDE, to_ink_images

LARGEST_ARRAY = 1 << 30  # bytes unpacked: a third of a million ink images
LARGEST_SIDE = 1024  # pixels
MOST_FILES = 200_000
MOST_CLASSES = 1_000  # columns of one-hot labels
UNLABELLED = "unlabelled"
# Arrays of images and the labels that go with each, as data sets call them; with ``images`` no other counts.
NAMED = (("images", "labels"), ("x_train", "y_train"), ("x_test", "y_test"), ("x", "y"), ("data", "target"))
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
    from core import ink
    from core.ink.pages import pages

    images, labels, refused = [], [], []
    for done, (label, file, source) in enumerate(pictures):
        if progress is not None:
            progress(min(done / max(total, 1), 1.0), f"{name}: picture {done + 1:,} of {total:,}")
        for name_of_page, page in pages(source, file):
            try:
                images.append(ink.read(page, name=PurePath(name_of_page).name, split=False).images[0])
                labels.append(label)
            except InkError as error:
                refused.append((name_of_page, str(error)))
        if len(images) + len(refused) > MOST_FILES:
            raise DatasetError(f"{name}: more than {MOST_FILES:,} pictures. Take a part of them.")
    if not images:
        why = f"; the first: {refused[0][1]}" if refused else ""
        raise DatasetError(f"{name}: no picture in it could be read ({len(refused)} refused{why}).")
    names, indices = np.unique(labels, return_inverse=True)
    return Content(np.stack(images), indices.astype(np.int64), tuple(str(label) for label in names), tuple(refused))


def read_npz(path: str) -> Content:
    """Read the images of an ``.npz`` and their labels, under the names that data sets have for them.

    ``images`` go with ``labels``, ``x_train`` and ``x_test`` with ``y_train`` and ``y_test``. Images are uint8 0..255
    or float 0..1, ``(n, height, width)`` with or without channels, or flat squares ``(n, pixels)``; dark ink on
    light paper is turned round. Labels are ``(n,)``, ``(n, 1)`` or one-hot. Sizes are checked in the headers before
    anything is unpacked, and nothing is ever unpickled. Images that are not 28x28 are scaled into ink images.

    Raises:
        DatasetError: no such file, not an ``.npz``, or arrays of another kind.
    """
    name, file = f"npz:{path}", locate(path)
    headers = _headers(name, file)
    pairs = [(images, labels) for images, labels in NAMED if images in headers]
    if not pairs:
        known = " or ".join(f"'{images}'" for images, _ in NAMED[:2])
        raise DatasetError(f"{name}: holds no array named {known} (it has: {', '.join(sorted(headers)) or 'none'}).")
    needed = 0
    for images, labels in pairs[:1] if pairs[0][0] == "images" else pairs:
        _check_images(name, images, headers[images])
        needed += max(headers[images].size(item=4), headers[images].shape[0] * SIDE * SIDE * 4)
        if labels in headers:
            _check_labels(name, labels, headers[labels], headers[images].shape[0])
    if needed > LARGEST_ARRAY:
        raise DatasetError(f"{name}: 'images' would take {needed / 1e9:.1f} GB of memory. Take a part of it.")
    pairs = pairs[:1] if pairs[0][0] == "images" else pairs
    labelled = all(labels in headers for _, labels in pairs)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            pixels = [arrays[images] for images, _ in pairs]
            given = [arrays[labels] for _, labels in pairs] if labelled else []
    except (*DAMAGE, MemoryError) as error:
        raise DatasetError(
            f"{name}: {file} is damaged ({error or type(error).__name__}). Copy or make it again."
        ) from error
    for labels in given:
        if (
            labels.dtype.kind == "U"
            and np.ascontiguousarray(labels).view(f"{labels.dtype.byteorder}u4").max(initial=0) > sys.maxunicode
        ):
            raise DatasetError(f"{name}: 'labels' holds text that is not Unicode. Make it again.")
    ink_images = np.concatenate([_light_on_dark(name, images) for images in pixels])
    if not labelled:
        return Content(ink_images, np.zeros(len(ink_images), dtype=np.int64), (UNLABELLED,))
    return Content(ink_images, *_named(np.concatenate([_flat(labels) for labels in given])))


def _check_images(name: str, key: str, header: Header) -> None:
    shape, dtype = header.shape, header.dtype
    square = len(shape) == 2 and math.isqrt(shape[1]) ** 2 == shape[1] and shape[1] >= 64 and shape[0] != shape[1]
    stack = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))
    if not (square or stack) or shape[0] < 1 or not all(1 <= side <= LARGEST_SIDE for side in shape[1:3] if stack):
        raise DatasetError(f"{name}: '{key}' has shape {shape}; needed is (n, height, width), sides up to 1,024.")
    if dtype != np.uint8 and dtype.kind != "f":
        raise DatasetError(f"{name}: '{key}' is of type {dtype}; needed is uint8 0..255 or float 0..1.")


def _check_labels(name: str, key: str, header: Header, n: int) -> None:
    shape, dtype = header.shape, header.dtype
    single = shape in ((n,), (n, 1)) and dtype.kind in "iuU"
    one_hot = len(shape) == 2 and shape[0] == n and 1 < shape[1] <= MOST_CLASSES and dtype.kind in "biuf"
    if not (single or one_hot) or not dtype.itemsize or header.size() > LARGEST_ARRAY:
        raise DatasetError(
            f"{name}: '{key}' is {dtype} {shape}; needed is one whole number or short text for each of the "
            f"{n:,} images."
        )


def _light_on_dark(name: str, pixels: np.ndarray) -> np.ndarray:
    """A stack of images as ink images: grey, 0 paper .. 1 ink."""
    if pixels.dtype.kind == "f" and not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        raise DatasetError(f"{name}: 'images' has values outside 0..1. Scale them, 0 = paper, 1 = ink, or use uint8.")
    grey = unit(pixels)
    if grey.ndim == 4:
        grey = grey[..., 0] if grey.shape[3] == 1 else grey @ np.array([0.299, 0.587, 0.114], np.float32)
    if grey.ndim == 2:
        side = math.isqrt(grey.shape[1])
        grey = grey.reshape(-1, side, side)
    # Of most images nearly all the border is paper, whichever way round.
    border = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
    return to_ink_images(1 - grey if np.median(border) > 0.5 and np.median(border.min(axis=1)) > 0.2 else grey)


def _flat(labels: np.ndarray) -> np.ndarray:
    """Labels ``(n,)`` of those that are ``(n, 1)`` or one-hot."""
    if labels.ndim == 2:
        return labels[:, 0] if labels.shape[1] == 1 else labels.argmax(axis=1)
    return labels


def unit(pixels: np.ndarray) -> np.ndarray:
    """Float32 0..1 of uint8 or float pixels, in one pass without a wide copy."""
    if pixels.dtype == np.uint8:
        return np.divide(pixels, np.float32(255), dtype=np.float32)
    return pixels.astype(np.float32)


def _named(labels: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as indices, and what they mean: digits stay what they are, anything else is numbered in sorted order."""
    if labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() <= 9:
        return labels.astype(np.int64), tuple("0123456789")
    names, indices = np.unique(labels, return_inverse=True)
    return indices.astype(np.int64), tuple(str(name) for name in names)


def _headers(name: str, file: Path) -> dict[str, Header]:
    """Shape and type of every array, read from the first bytes of each.

    Raises:
        DatasetError: no such file, not a zip archive, or a member that is not an array of plain values.
    """
    if not file.is_file():
        raise DatasetError(f"{name}: there is no file {file}.")
    headers: dict[str, Header] = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                key = member.filename.removesuffix(".npy")
                if key in headers:
                    raise DatasetError(f"{name}: '{key}' stands in it twice.")
                with archive.open(member) as stream:
                    headers[key] = read_header(cast(BinaryIO, stream))
    except DatasetError:
        raise
    except OddDigitError as error:
        raise DatasetError(f"{name}: '{key}' {error}") from error
    except DAMAGE as error:
        raise DatasetError(f"{name}: {file} is not an .npz of arrays ({error or type(error).__name__}).") from error
    return headers
