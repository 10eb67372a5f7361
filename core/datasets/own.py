"""Data sets that people bring: a folder of labelled sub-folders, or an ``.npz`` of image and label arrays."""

import lzma
import math
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np

from core import paths
from core.errors import DatasetError, InkError
from core.ink.geometry import to_ink_images

LARGEST_ARRAY = 1 << 30  # bytes unpacked: a third of a million ink images
LARGEST_SIDE = 1024  # pixels
MOST_FILES = 200_000
DAMAGE = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
UNLABELLED = "unlabelled"


class Header(NamedTuple):
    """What an array of an ``.npz`` says of itself before it is unpacked."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def size(self, item: int = 0) -> int:
        """Bytes it takes at ``item`` bytes a value, or at its own if those are more; exact, never overflowing."""
        return math.prod(self.shape) * max(item, self.dtype.itemsize)


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
        names = sorted(item.name for item in folder.iterdir() if item.is_dir() and not item.name.startswith("."))
    except OSError as error:
        raise DatasetError(f"folder:{path}: cannot be listed ({error.strerror}). Check its permissions.") from error
    if not names:
        raise DatasetError(f"folder:{path}: has no sub-folders. Put the pictures into one sub-folder per label.")
    return tuple(names)


def read_folder(path: str, progress: Callable[[float, str], None] | None = None) -> Content:
    """Read every picture of a folder as one shape each, through `core.ink`; the sub-folder is the label.

    Raises:
        DatasetError: no such folder, too many files, or not one picture could be read.
    """
    folder, names = locate(path), folder_labels(path)
    files = [
        (label, file)
        for label, name in enumerate(names)
        for file in sorted((folder / name).iterdir())
        if file.is_file() and not file.name.startswith(".")
    ]
    if len(files) > MOST_FILES:
        raise DatasetError(f"folder:{path}: {len(files):,} files; at most {MOST_FILES:,}. Take a part of them.")
    pictures = ((names[label], str(file.relative_to(folder)), file) for label, file in files)
    content = read_pictures(pictures, len(files), f"folder:{path}", progress)
    # A label all of whose pictures were refused, or that has none, still is one.
    back = np.array([names.index(name) for name in content.label_names], dtype=np.int64)
    return content._replace(labels=back[content.labels], label_names=names)


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

    images, labels, refused = [], [], []
    for done, (label, file, source) in enumerate(pictures):
        if progress is not None:
            progress(min(done / max(total, 1), 1.0), f"{name}: picture {done + 1:,} of {total:,}")
        try:
            images.append(ink.read(source, name=PurePath(file).name, split=False).images[0])
            labels.append(label)
        except InkError as error:
            refused.append((file, str(error)))
    if not images:
        why = f"; the first: {refused[0][1]}" if refused else ""
        raise DatasetError(f"{name}: no picture in it could be read ({len(refused)} refused{why}).")
    names, indices = np.unique(labels, return_inverse=True)
    return Content(np.stack(images), indices.astype(np.int64), tuple(str(label) for label in names), tuple(refused))


def read_npz(path: str) -> Content:
    """Read ``images``, uint8 0..255 or float 0..1 ``(n, height, width)``, light ink on black, and ``labels`` if there.

    Sizes are checked in the headers before anything is unpacked, and nothing is ever unpickled. Images that are not
    28x28 are scaled into ink images.

    Raises:
        DatasetError: no such file, not an ``.npz``, or arrays of another kind.
    """
    name, file = f"npz:{path}", locate(path)
    headers = _headers(name, file)
    if "images" not in headers:
        raise DatasetError(f"{name}: holds no array named 'images' (it has: {', '.join(sorted(headers)) or 'none'}).")
    shape, dtype = headers["images"]
    if len(shape) != 3 or shape[0] < 1 or not all(1 <= side <= LARGEST_SIDE for side in shape[1:]):
        raise DatasetError(f"{name}: 'images' has shape {shape}; needed is (n, height, width), sides up to 1,024.")
    if dtype != np.uint8 and dtype.kind != "f":
        raise DatasetError(f"{name}: 'images' is of type {dtype}; needed is uint8 0..255 or float 0..1.")
    needed = max(headers["images"].size(item=4), shape[0] * 28 * 28 * 4)
    if needed > LARGEST_ARRAY:
        raise DatasetError(f"{name}: 'images' would take {needed / 1e9:.1f} GB of memory. Take a part of it.")
    labelled = "labels" in headers
    if labelled:
        header = headers["labels"]
        if (
            header.dtype.kind not in "iuU"
            or not header.dtype.itemsize
            or header.shape != shape[:1]
            or header.size() > LARGEST_ARRAY
        ):
            raise DatasetError(
                f"{name}: 'labels' is {header.dtype} {header.shape}; needed is one whole number or short text for each "
                f"of the {shape[0]:,} images."
            )
    try:
        with np.load(file, allow_pickle=False) as arrays:
            pixels = arrays["images"]
            labels = arrays["labels"] if labelled else np.zeros(shape[0], dtype=np.int64)
    except (*DAMAGE, MemoryError) as error:
        raise DatasetError(
            f"{name}: {file} is damaged ({error or type(error).__name__}). Copy or make it again."
        ) from error
    if (
        labels.dtype.kind == "U"
        and np.ascontiguousarray(labels).view(f"{labels.dtype.byteorder}u4").max(initial=0) > sys.maxunicode
    ):
        raise DatasetError(f"{name}: 'labels' holds text that is not Unicode. Make it again.")
    if dtype.kind == "f" and not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        raise DatasetError(f"{name}: 'images' has values outside 0..1. Scale them, 0 = paper, 1 = ink, or use uint8.")
    ink_images = to_ink_images(unit(pixels))
    return Content(ink_images, *(_named(labels) if labelled else (labels, (UNLABELLED,))))


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
                with archive.open(member) as stream:
                    # Format 1.0 is what plain arrays are saved in; only there is the header's own length bounded.
                    if np.lib.format.read_magic(stream) != (1, 0):
                        raise DatasetError(f"{name}: '{member.filename}' is not a plain array.")
                    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
                key = member.filename.removesuffix(".npy")
                if dtype.hasobject:
                    raise DatasetError(f"{name}: '{key}' holds Python objects, which are never read.")
                if key in headers or any(side < 0 for side in shape):
                    raise DatasetError(f"{name}: '{key}' stands in it twice, or with a size below zero.")
                headers[key] = Header(shape, dtype)
    except DatasetError:
        raise
    except (*DAMAGE, MemoryError, SyntaxError, TypeError, tokenize.TokenError) as error:
        # numpy reads a header by evaluating it as a literal, and every way for that to fail comes through.
        raise DatasetError(f"{name}: {file} is not an .npz of arrays ({error or type(error).__name__}).") from error
    return headers
