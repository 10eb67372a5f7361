"""Stacks of images in one file: IDX (plain or gzipped), ``.npy`` and ``.npz``, read a few hundred images at a time."""

import gzip
import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from core.batch.items import Item, Place, as_label
from core.errors import BatchError
from core.files.zip import BOMB_BYTES, BOMB_RATIO
from core.ink import are_ink_images
from core.ink.geometry import SIDE, to_ink_images

TOGETHER = 256  # images in memory at a time
MOST_IMAGES = 10_000_000
LARGEST_SIDE = 1024  # pixels
LARGEST_COLUMNWISE = 1 << 28  # bytes of an array that cannot be read row by row
LABEL_NAMES = ("label", "labels", "digit", "digits", "target", "targets", "class", "y")
DAMAGE = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, MemoryError)
# IDX type codes (LeCun, Cortes, Burges: the MNIST file format), big-endian.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass
class Stream:
    """An array that is read from the front, some rows at a time."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    file: BinaryIO
    columnwise: bool = False

    def rows(self, together: int = TOGETHER) -> Iterator[NDArray[np.generic]]:
        """Consecutive blocks of at most ``together`` rows, in the machine's byte order.

        Raises:
            BatchError: the file ends before its header says, or cannot be read row by row.
        """
        if self.columnwise:
            yield from self._from_columns(together)
            return
        width = math.prod(self.shape[1:]) * self.dtype.itemsize
        for at in range(0, self.shape[0], together):
            count = min(together, self.shape[0] - at)
            data = self.file.read(count * width)
            if len(data) < count * width:
                raise BatchError(
                    f"{self.name}: ends after {at + len(data) // max(width, 1):,} of {self.shape[0]:,} rows."
                )
            block = np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])
            yield block.astype(self.dtype.newbyteorder("="))

    def _from_columns(self, together: int) -> Iterator[NDArray[np.generic]]:
        size = math.prod(self.shape) * self.dtype.itemsize
        if size > LARGEST_COLUMNWISE:
            raise BatchError(f"{self.name}: is stored column by column: save it with np.ascontiguousarray first.")
        data = self.file.read(size)
        if len(data) < size:
            raise BatchError(f"{self.name}: ends before its {self.shape[0]:,} rows are complete.")
        whole = np.frombuffer(data, self.dtype).reshape(self.shape, order="F")
        for at in range(0, self.shape[0], together):
            yield np.ascontiguousarray(whole[at : at + together]).astype(self.dtype.newbyteorder("="))


def is_idx(head: bytes) -> bool:
    """Whether a file that begins like this is IDX."""
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in IDX_TYPES and 1 <= head[3] <= 4


def read_idx(place: Place, labels: Place | None) -> Iterator[Item]:
    """The images of an IDX file, with the labels of another where there is one.

    Raises:
        BatchError: damaged, not images, or as many labels as images are missing.
    """
    with ExitStack() as stack:
        images = _open_idx(place, stack)
        if len(images.shape) == 1:
            raise BatchError(f"{place.name}: holds labels only; give the file of images beside it.")
        _check_images(images)
        beside = None
        if labels is not None:
            beside = _open_idx(labels, stack)
            if beside.shape[0] != images.shape[0]:
                raise BatchError(f"{labels.name}: {beside.shape[0]:,} labels for {images.shape[0]:,} images: no pair.")
        yield from _items(place.name, images, beside)


def read_npy(place: Place) -> Iterator[Item]:
    """The images of an ``.npy`` array ``(n, height, width)``, ``(n, pixels)`` or one picture ``(height, width)``.

    Raises:
        BatchError: damaged, or not images.
    """
    with ExitStack() as stack:
        file = _opened(place, stack)
        yield from _items(place.name, _as_images(_npy_stream(place.name, file)), None)


def read_npz(place: Place) -> Iterator[Item]:
    """The images of every image array in an ``.npz``, with the labels that belong to each.

    ``images`` goes with ``labels``, ``x_test`` with ``y_test``; a lone array of as many plain values is labels too.

    Raises:
        BatchError: damaged, or no array of images in it.
    """
    with ExitStack() as stack:
        archive = _open_npz(place, stack)
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        shapes = {name: _member(place, archive, name, stack) for name in names}
        stacks = [name for name in names if _could_be_images(shapes[name])]
        if not stacks:
            raise BatchError(f"{place.name}: none of its arrays ({', '.join(names[:10]) or 'none'}) holds images.")
        for name in stacks:
            beside = _partner(name, shapes)
            images = _as_images(_member(place, archive, name, stack))
            source = place.name if len(stacks) == 1 else f"{place.name}/{name}"
            yield from _items(source, images, None if beside is None else _member(place, archive, beside, stack))


def count(place: Place, kind: str) -> int:
    """How many images a stack will come to, from its header alone; 1 where it will be refused."""
    try:
        with ExitStack() as stack:
            if kind == "idx":
                return _rows(_open_idx(place, stack))
            if kind == "npy":
                return _rows(_as_images(_npy_stream(place.name, _opened(place, stack))))
            archive = _open_npz(place, stack)
            members = [_member(place, archive, name.removesuffix(".npy"), stack) for name in archive.namelist()]
            return max(1, sum(_rows(_as_images(member)) for member in members if _could_be_images(member)))
    except (BatchError, *DAMAGE):
        return 1


def brightness_top(first: NDArray[np.generic]) -> float:
    """Which value is white in a stack, judged by its first images: 1, 16 (scikit-learn's digits), 255 or 65,535.

    Most images' brightest value decides, so that a broken one does not.

    >>> brightness_top(np.array([[0, 254]])), brightness_top(np.array([[0.0, 0.9]]))
    (255.0, 1.0)
    """
    if first.dtype == np.uint8:
        return 255.0
    brightest = np.nanmax(first.reshape(len(first), -1), axis=1, initial=0)
    high = float(np.median(brightest[brightest > 0])) if (brightest > 0).any() else 0.0
    return next((top for top in (1.0, 16.0, 255.0) if high <= top), 65535.0)


def as_picture(image: NDArray[np.generic], top: float) -> NDArray[np.generic] | str:
    """One image of a stack as a picture whose white is known, or why it is none.

    Values that are whole steps of 255 stay exact. Images smaller than 28x28, which only data sets have, are enlarged to
    ink images: of a few pixels no one could tell paper from ink.
    """
    if max(image.shape) < SIDE and image.dtype.kind in "biuf":
        bright = np.asarray(image, np.float64) / top
        if np.isfinite(bright).all() and bright.min() >= 0 and bright.max() <= 1:
            light_on_dark = bright if np.median(bright) <= 0.5 else 1 - bright
            return np.asarray(to_ink_images(light_on_dark[None])[0])
    if image.dtype == np.uint8:
        return image
    if not np.isfinite(image).all():
        return "holds NaN or infinity: brightness must be a number."
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > top:
        return f"holds values from {low:g} to {high:g}: brightness here runs 0 .. {top:g}."
    if top == 255 and np.array_equal(image, np.rint(image)):
        return image.astype(np.uint8)
    return image.astype(np.float32) / np.float32(top)


def _items(source: str, images: Stream, labels: Stream | None) -> Iterator[Item]:
    beside = None if labels is None else labels.rows()
    number, top = 0, 0.0
    for block in images.rows():
        top = top or brightness_top(block)
        given = None if beside is None else next(beside)
        # A whole block is looked at in the time that a few images take one by one.
        ready = are_ink_images(block) if block.dtype == np.uint8 else np.zeros(len(block), bool)
        for i, image in enumerate(block):
            number += 1
            label = None if given is None else as_label(given[i].flat[0])
            picture = as_picture(image, top)
            if isinstance(picture, str):
                yield Item(f"{source} #{number}", None, label, error=f"{source} #{number} {picture}")
            else:
                yield Item(f"{source} #{number}", picture, label, whole=True, ready=bool(ready[i]))


def _opened(place: Place, stack: ExitStack) -> BinaryIO:
    try:
        return stack.enter_context(place.open())
    except OSError as error:
        raise BatchError(f"{place.name}: cannot be read ({error.strerror or error}).") from error


def _open_idx(place: Place, stack: ExitStack) -> Stream:
    file = _opened(place, stack)
    try:
        head = file.read(2)
        file.seek(0)
        if head == b"\x1f\x8b":
            file = stack.enter_context(cast(BinaryIO, gzip.GzipFile(fileobj=file)))
        head = file.read(4)
        if not is_idx(head):
            raise BatchError(f"{place.name}: is not an IDX file.")
        sizes = np.frombuffer(file.read(4 * head[3]), ">u4")
    except DAMAGE as error:
        raise BatchError(f"{place.name}: is damaged ({error}). Copy it again.") from error
    if len(sizes) < head[3] or 0 in sizes:
        raise BatchError(f"{place.name}: its head is cut short or counts no images. Copy it again.")
    return Stream(place.name, tuple(int(size) for size in sizes), np.dtype(IDX_TYPES[head[2]]), file)


def _open_npz(place: Place, stack: ExitStack) -> zipfile.ZipFile:
    try:
        archive = stack.enter_context(zipfile.ZipFile(_opened(place, stack)))
    except DAMAGE as error:
        raise BatchError(f"{place.name}: is not a whole .npz ({error}). Make or copy it again.") from error
    total = sum(entry.file_size for entry in archive.infolist())
    if len(archive.infolist()) > 1000 or (total > BOMB_BYTES and total > BOMB_RATIO * place.size):
        raise BatchError(f"{place.name}: {place.size / 1e6:,.1f} MB that unpack to {total / 1e6:,.0f} MB: refused.")
    return archive


def _member(place: Place, archive: zipfile.ZipFile, name: str, stack: ExitStack) -> Stream:
    try:
        file = stack.enter_context(archive.open(f"{name}.npy"))
    except (KeyError, *DAMAGE) as error:
        raise BatchError(f"{place.name}: '{name}' cannot be read ({error}).") from error
    return _npy_stream(f"{place.name}/{name}", cast(BinaryIO, file))


def _npy_stream(name: str, file: BinaryIO) -> Stream:
    try:
        # Plain arrays are saved in format 1.0, and only there is the length of the header bounded.
        if np.lib.format.read_magic(file) != (1, 0):
            raise BatchError(f"{name}: is not a plain array.")
        shape, columnwise, dtype = np.lib.format.read_array_header_1_0(file)
    except (*DAMAGE, SyntaxError, TypeError, tokenize.TokenError) as error:
        if isinstance(error, BatchError):
            raise
        raise BatchError(f"{name}: is not an array of numbers ({error}). Make it again.") from error
    if dtype.hasobject:
        raise BatchError(f"{name}: holds Python objects, which are never read.")
    if any(side < 0 for side in shape):
        raise BatchError(f"{name}: claims a size below zero. Make it again.")
    return Stream(name, shape, dtype, file, columnwise and len(shape) > 1)


def _as_images(stream: Stream) -> Stream:
    """The same bytes as ``(n, height, width)``: flat rows become squares, a single picture a stack of one."""
    shape = stream.shape
    if len(shape) == 4 and 1 in (shape[1], shape[3]) and not stream.columnwise:
        shape = (shape[0], *(shape[2:] if shape[1] == 1 else shape[1:3]))
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        flat = side * side == shape[1] and side >= 8 and (side in (8, 16, 20, 28, 32) or shape[0] != shape[1])
        if flat and not stream.columnwise:
            shape = (shape[0], side, side)
        elif not flat:
            shape = (1, *shape)
    images = replace(stream, shape=shape)
    _check_images(images)
    return images


def _could_be_images(stream: Stream) -> bool:
    try:
        _as_images(stream)
    except BatchError:
        return False
    return True


def _check_images(stream: Stream) -> None:
    if len(stream.shape) != 3 or not all(1 <= side <= LARGEST_SIDE for side in stream.shape[1:]):
        raise BatchError(f"{stream.name}: has shape {stream.shape}; images are (n, height, width), sides up to 1,024.")
    if stream.dtype.kind not in "biuf":
        raise BatchError(f"{stream.name}: holds {stream.dtype} values; images are whole numbers or floats.")
    if stream.shape[0] > MOST_IMAGES:
        raise BatchError(f"{stream.name}: {stream.shape[0]:,} images; at most {MOST_IMAGES:,}. Take a part of it.")


def _rows(stream: Stream) -> int:
    return stream.shape[0] if len(stream.shape) == 3 else 1


def _partner(name: str, arrays: dict[str, Stream]) -> str | None:
    """The array of labels that belongs to an array of images."""
    n = arrays[name].shape[0]
    plain = [
        other
        for other, stream in arrays.items()
        if len(stream.shape) == 1
        and stream.shape[0] == n
        and stream.dtype.kind in "iufUS"
        and stream.dtype.itemsize < 400
    ]
    lower = name.lower()
    wanted = {
        lower.replace(a, b) for a, b in (("images", "labels"), ("image", "label"), ("x", "y"), ("data", "target"))
    }
    for other in plain:
        if other.lower() in wanted - {lower}:
            return other
    named = [other for other in plain if other.lower() in LABEL_NAMES]
    return named[0] if named else plain[0] if len(plain) == 1 else None
