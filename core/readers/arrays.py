"""Arrays of images in one file: IDX, ``.npy`` and ``.npz``, compressed or not, a few hundred images at a time."""

import math
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from core.errors import BatchError, OddDigitError
from core.files.npy import read_header
from core.files.zip import BOMB_BYTES, BOMB_RATIO
from core.readers.columns import LABEL_NAMES, NUMBERING
from core.readers.items import Item, Place
from core.readers.stacks import Form, StackReader
from core.readers.unpack import DAMAGE, opened, read_up_to

TOGETHER = 256  # images in memory at a time
BLOCK_BYTES = 64 << 20  # fewer, where they are large
MOST_IMAGES = 10_000_000
MOST_CLASSES = 1_000  # columns of one-hot labels
LARGEST_COLUMNWISE = 1 << 28  # bytes of an array that cannot be read row by row
_IMAGE_TO_LABEL = (("images", "labels"), ("image", "label"), ("x", "y"), ("data", "target"), ("inputs", "targets"))
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

    def rows(self) -> Iterator[NDArray[np.generic]]:
        """Consecutive blocks of some rows, in the machine's byte order; a single picture comes as one block.

        Raises:
            BatchError: the file ends before its header says, or cannot be read row by row; the rows before were given.
        """
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        together = max(1, min(TOGETHER, BLOCK_BYTES // max(row, 1)))
        form = Form.of(self.shape)
        if self.columnwise:
            yield from self._from_columns(together)
        elif form is not None and form.single:
            yield from self._blocks(self.shape[0], row)
        else:
            yield from self._blocks(together, row)

    def _blocks(self, together: int, row: int) -> Iterator[NDArray[np.generic]]:
        for at in range(0, self.shape[0], together):
            count = min(together, self.shape[0] - at)
            data, error = read_up_to(self.file, count * row)
            whole = len(data) // row if row else count
            if whole:
                yield self._native(np.frombuffer(data, self.dtype, whole * row // self.dtype.itemsize), whole)
            if isinstance(error, BatchError):
                raise error
            if error is not None:
                raise BatchError(f"{self.name}: is damaged after {at + whole:,} of {self.shape[0]:,} rows ({error}).")
            if whole < count:
                raise BatchError(f"{self.name}: ends after {at + whole:,} of {self.shape[0]:,} rows.")

    def _native(self, values: NDArray[np.generic], rows: int) -> NDArray[np.generic]:
        return values.reshape(rows, *self.shape[1:]).astype(self.dtype.newbyteorder("="))

    def _from_columns(self, together: int) -> Iterator[NDArray[np.generic]]:
        size = math.prod(self.shape) * self.dtype.itemsize
        if size > LARGEST_COLUMNWISE:
            raise BatchError(f"{self.name}: is stored column by column: save it with np.ascontiguousarray first.")
        data, error = read_up_to(self.file, size)
        if len(data) < size:
            raise BatchError(f"{self.name}: ends before its {self.shape[0]:,} rows are complete.") from error
        whole = np.frombuffer(data, self.dtype).reshape(self.shape, order="F")
        for at in range(0, self.shape[0], together):
            yield np.ascontiguousarray(whole[at : at + together]).astype(self.dtype.newbyteorder("="))


class Content(NamedTuple):
    """What an ``.npz`` holds.

    Attributes:
        stacks: names of the arrays of images, with their forms.
        labels: names of the arrays of one label an image, with how many those are.
        left_out: what else is in it, with its shape or what is wrong with it.
    """

    stacks: dict[str, Form]
    labels: dict[str, int]
    left_out: list[str]


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
        beside = None
        if labels is not None:
            beside = _open_idx(labels, stack)
            if beside.shape[0] != images.shape[0]:
                raise BatchError(f"{labels.name}: {beside.shape[0]:,} labels for {images.shape[0]:,} images: no pair.")
        yield from _items(place.name, images, beside)


def read_npy(place: Place) -> Iterator[Item]:
    """The images of an ``.npy`` array; ``Form.of`` says of which shapes.

    Raises:
        BatchError: damaged, or not images.
    """
    with ExitStack() as stack:
        yield from _items(place.name, _npy_stream(place.name, opened(place, stack)), None)


def read_npz(place: Place) -> Iterator[Item]:
    """The images of every image array in an ``.npz``, with the labels that belong to each.

    ``images`` goes with ``labels``, ``x_test`` with ``y_test``; a lone array of as many labels goes with them too.
    Labels are ``(n,)``, ``(n, 1)`` or one-hot. Beside stacks of images, single pictures (their mean, say) are left out.

    Raises:
        BatchError: damaged, or no array of images in it.
    """
    with ExitStack() as stack:
        archive = _open_npz(place, stack)
        content = _content(place, archive, stack)
        if not content.stacks:
            inside = ", ".join([*content.labels, *content.left_out][:10]) or "none"
            raise BatchError(f"{place.name}: none of its arrays ({inside}) holds images.")
        for name in content.stacks:
            images, partner = _member(place, archive, name, stack), _partner(name, content)
            source = place.name if len(content.stacks) == 1 else f"{place.name}/{name}"
            yield from _items(source, images, None if partner is None else _member(place, archive, partner, stack))
        if content.left_out:
            left_out = ", ".join(content.left_out[:10])
            yield Item(place.name, None, note=f"{place.name}: left out, no stack of images: {left_out}.")


def count(place: Place, kind: str) -> int:
    """How many images a stack will come to, from its header alone; 1 where it will be refused."""
    try:
        with ExitStack() as stack:
            if kind != "npz":
                stream = _open_idx(place, stack) if kind == "idx" else _npy_stream(place.name, opened(place, stack))
                return _images_form(stream).count
            content = _content(place, _open_npz(place, stack), stack)
            return max(1, sum(form.count for form in content.stacks.values()))
    except (BatchError, *DAMAGE):
        return 1


def _items(source: str, images: Stream, labels: Stream | None) -> Iterator[Item]:
    form = _images_form(images)
    beside = None if labels is None else _labels(labels)
    reader = StackReader(source)
    for block in images.rows():
        grey = form.grey(block)
        given = [None] * len(grey) if beside is None else [next(beside, None) for _ in range(len(grey))]
        yield from reader.items(grey, given)


def _images_form(stream: Stream) -> Form:
    form = Form.of(stream.shape)
    if form is None:
        raise BatchError(
            f"{stream.name}: has shape {stream.shape}; images are (n, height, width), with or without channels, or "
            "(n, pixels), sides up to 1,024."
        )
    if stream.dtype.kind not in "biuf":
        raise BatchError(f"{stream.name}: holds {stream.dtype} values; images are whole numbers or floats.")
    if form.count > MOST_IMAGES:
        raise BatchError(f"{stream.name}: {form.count:,} images; at most {MOST_IMAGES:,}. Take a part of it.")
    return form


def _labels(stream: Stream) -> Iterator[object]:
    """One label after the other.

    Raises:
        BatchError: damaged, or text that is none.
    """
    for block in stream.rows():
        if _is_one_hot(stream.shape):
            yield from np.where(block.any(axis=1), block.argmax(axis=1), -1).tolist()
            continue
        values = np.ascontiguousarray(block.reshape(len(block), -1)[:, 0])
        # numpy hands out such text unchecked, and everything after would stumble over it.
        if values.dtype.kind == "U" and values.view(np.uint32).max(initial=0) > sys.maxunicode:
            raise BatchError(f"{stream.name}: holds a label that is not Unicode text. Make it again.")
        yield from values


def _open_idx(place: Place, stack: ExitStack) -> Stream:
    file = opened(place, stack)
    head, error = read_up_to(file, 4)
    if error is None and not is_idx(head):
        raise BatchError(f"{place.name}: is not an IDX file.")
    sizes, error = read_up_to(file, 4 * head[3]) if error is None else (head, error)
    if error is not None:
        raise BatchError(f"{place.name}: is damaged ({error}). Copy it again.") from error
    shape = tuple(np.frombuffer(sizes[: len(sizes) // 4 * 4], ">u4").tolist())
    if len(shape) < head[3] or 0 in shape:
        raise BatchError(f"{place.name}: its head is cut short or counts no images. Copy it again.")
    return Stream(place.name, shape, np.dtype(IDX_TYPES[head[2]]), file)


def _open_npz(place: Place, stack: ExitStack) -> zipfile.ZipFile:
    try:
        archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(place.open())))
    except DAMAGE as error:
        raise BatchError(f"{place.name}: is not a whole .npz ({error}). Make or copy it again.") from error
    total = sum(entry.file_size for entry in archive.infolist())
    if len(archive.infolist()) > 1000 or (total > BOMB_BYTES and total > BOMB_RATIO * place.size):
        raise BatchError(f"{place.name}: {place.size / 1e6:,.1f} MB that unpack to {total / 1e6:,.0f} MB: refused.")
    return archive


def _content(place: Place, archive: zipfile.ZipFile, stack: ExitStack) -> Content:
    images: dict[str, Form] = {}
    labels: dict[str, int] = {}
    left_out: list[str] = []
    for name in (entry.removesuffix(".npy") for entry in archive.namelist()):
        try:
            stream = _member(place, archive, name, stack)
            form, n = Form.of(stream.shape), stream.shape[0] if stream.shape else 0
            if _could_be_labels(name, stream) or _one_hot(stream, _member(place, archive, name, stack)):
                labels[name] = n
            elif form is not None and stream.dtype.kind in "biuf":
                images[name] = form
            else:
                left_out.append(f"{name} {stream.shape}")
        except BatchError as error:
            left_out.append(str(error).removeprefix(f"{place.name}/").rstrip("."))
    stacks = {name: form for name, form in images.items() if form.count > 1} or images
    left_out += [f"{name} {form.height} x {form.width}" for name, form in images.items() if name not in stacks]
    return Content(stacks, labels, left_out)


def _member(place: Place, archive: zipfile.ZipFile, name: str, stack: ExitStack) -> Stream:
    try:
        file = stack.enter_context(archive.open(f"{name}.npy"))
    except (KeyError, *DAMAGE) as error:
        raise BatchError(f"{place.name}: '{name}' cannot be read ({error}).") from error
    return _npy_stream(f"{place.name}/{name}", cast(BinaryIO, file))


def _npy_stream(name: str, file: BinaryIO) -> Stream:
    try:
        header = read_header(file)
    except OddDigitError as error:
        raise BatchError(f"{name}: {error}") from error
    return Stream(name, header.shape, header.dtype, file, header.columnwise)


def _is_one_hot(shape: Sequence[int]) -> bool:
    return len(shape) == 2 and 1 < shape[1] <= MOST_CLASSES


def _one_hot(stream: Stream, again: Stream) -> bool:
    """Whether each of the first rows marks one class and nothing else; they are read from ``again``."""
    if not _is_one_hot(stream.shape):
        return False
    block = next(again.rows())
    return block.dtype.kind in "biuf" and bool(((block != 0).sum(axis=1) == 1).all() and block.max() == 1)


def _could_be_labels(name: str, stream: Stream) -> bool:
    """Whether it is one short value an image, as ``(n,)`` or ``(n, 1)``."""
    shape, dtype = stream.shape, stream.dtype
    plain = dtype.kind in "iufUS" and dtype.itemsize < 400 and name.lower() not in NUMBERING
    return plain and len(shape) in (1, 2) and math.prod(shape) == shape[0]


def _partner(name: str, content: Content) -> str | None:
    """The array of labels that belongs to an array of images."""
    able = [other for other, n in content.labels.items() if n == content.stacks[name].count]
    lower = name.lower()
    wanted = {lower.replace(images, labels) for images, labels in _IMAGE_TO_LABEL} - {lower}
    for other in able:
        if other.lower() in wanted:
            return other
    named = [other for other in able if other.lower() in LABEL_NAMES]
    return named[0] if named else able[0] if len(able) == 1 else None
