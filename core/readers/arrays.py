"""Arrays of images, read a few hundred at a time; those of IDX and ``.npy`` files, with their labels beside them."""

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import BatchError, OddDigitError
from core.files.npy import read_header
from core.readers.columns import LOOK, Columns, unnamed
from core.readers.items import Item, Place
from core.readers.stacks import LARGEST_SIDE, Form, StackReader, plain
from core.readers.unpack import opened, read_up_to

TOGETHER = 256  # images in memory at a time
BLOCK_BYTES = 64 << 20  # fewer, where they are large
MOST_IMAGES = 10_000_000
LARGEST_COLUMNWISE = 1 << 28  # bytes of an array that cannot be read row by row
# IDX type codes (LeCun, Cortes, Burges: the MNIST file format), big-endian.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass
class Stream:
    """An array that is read from the front, some rows at a time; ``either`` where values may lie in either order."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    file: BinaryIO
    columnwise: bool = False
    either: bool = False

    def rows(self, form: Form | None = None) -> Iterator[NDArray[np.generic]]:
        """Consecutive blocks of some rows, in the machine's byte order; what is no stack of rows comes as one block.

        Args:
            form: of the images, where it holds images.

        Raises:
            BatchError: the file ends before its header says, or cannot be read row by row; the rows before were given.
        """
        shape = self.shape if form is None else plain(self.shape)
        row = math.prod(shape[1:]) * self.dtype.itemsize
        together = max(1, min(TOGETHER, BLOCK_BYTES // max(row, 1)))
        if self.columnwise or (form is not None and form.last):
            whole = self._whole().reshape(shape)
            whole = np.moveaxis(whole, -1, 0) if form is not None and form.last else whole
            for at in range(0, len(whole), together):
                yield np.ascontiguousarray(whole[at : at + together])
            return
        # Few rows with columns beside the pixels may be one picture.
        if form is not None and (form.single or (form.columns and shape[0] <= LARGEST_SIDE)):
            together = shape[0]
        for at in range(0, shape[0], together):
            count = min(together, shape[0] - at)
            data, error = read_up_to(self.file, count * row)
            whole_rows = len(data) // row if row else count
            if whole_rows:
                yield self._values(data[: whole_rows * row]).reshape(whole_rows, *shape[1:])
            if isinstance(error, BatchError):
                raise error
            if error is not None:
                raise BatchError(f"{self.name}: is damaged after {at + whole_rows:,} of {shape[0]:,} rows ({error}).")
            if whole_rows < count:
                raise BatchError(f"{self.name}: ends after {at + whole_rows:,} of {shape[0]:,} rows.")

    def goes_on(self) -> bool:
        """Whether something stands after all rows, which were read."""
        return bool(read_up_to(self.file, 1)[0])

    def _whole(self) -> NDArray[np.generic]:
        size = math.prod(self.shape) * self.dtype.itemsize
        if size > LARGEST_COLUMNWISE:
            raise BatchError(f"{self.name}: is stored column by column: save it row by row, (n, 28, 28), first.")
        data, error = read_up_to(self.file, size)
        if len(data) < size:
            raise BatchError(f"{self.name}: ends before its {self.shape[0]:,} rows are complete.") from error
        return self._values(data).reshape(self.shape, order="F" if self.columnwise else "C")

    def _values(self, data: bytes) -> NDArray[np.generic]:
        """The values of some bytes, in the machine's order."""
        if self.either and not _are_usual(np.frombuffer(data, self.dtype)):
            other = self.dtype.newbyteorder()
            self.dtype = other if _are_usual(np.frombuffer(data, other)) else self.dtype
        self.either = False  # the first values have told
        return np.frombuffer(data, self.dtype).astype(self.dtype.newbyteorder("="))


def _are_usual(values: NDArray[np.generic]) -> bool:
    """Whether these could be brightness or labels, which numbers written the wrong way round could hardly."""
    sizes = np.abs(values[values != 0].astype(np.float64))
    return bool(np.isfinite(sizes).all() and ((sizes > 1e-20) & (sizes <= 65535)).all() and values.min() >= -256)


def is_idx(head: bytes) -> bool:
    """Whether a file that begins like this is IDX, written big-endian as it should be or little-endian."""
    magic = head[:4] if head[:2] == b"\0\0" else head[3::-1]
    return len(head) >= 4 and magic[:2] == b"\0\0" and magic[2] in IDX_TYPES and 1 <= magic[3] <= 4


def read_array(place: Place, labels: Place | None = None) -> Iterator[Item]:
    """The images of an IDX or ``.npy`` file, with the labels of another where there is one; of the shapes of `Form.of`.

    Raises:
        BatchError: damaged, not images, or not as many labels as images.
    """
    with ExitStack() as stack:
        images = _opened(place, stack)
        beside = None if labels is None else _opened(labels, stack)
        if beside is not None and len(images.shape) == 1 < len(beside.shape):
            images, beside = beside, images  # named the wrong way round
        if beside is not None and beside.shape[:1] != ((there := _images_form(images).count),):
            raise BatchError(f"{beside.name}: {math.prod(beside.shape[:1]):,} labels for {there:,} images: no pair.")
        yield from items_of(images.name, images, beside)


def count(place: Place) -> int:
    """How many images an IDX or ``.npy`` file will come to, from its header alone."""
    with ExitStack() as stack:
        return _images_form(_opened(place, stack)).count


def items_of(source: str, images: Stream, labels: Stream | None, label: str | None = None) -> Iterator[Item]:
    """Items of images; ``labels`` go with them, or ``label`` is that of all.

    Raises:
        BatchError: damaged, or not images.
    """
    form = _images_form(images)
    beside = None if labels is None else _labels(labels)
    reader = StackReader(source)
    columns: Columns | None = None
    for block in images.rows(form):
        given: Sequence[object] = ()
        if form.columns and (columns := columns or unnamed(block[:LOOK].tolist())) is None:
            form = Form(1, block.shape[0], block.shape[1], single=True)
        if columns is not None:
            given, block = columns.labels(block.tolist()), block[:, list(columns.pixels)]
        grey = form.grey(block)
        if beside is not None:
            given = [next(beside, None) for _ in range(len(grey))]
        yield from reader.items(grey, given or [label] * len(grey))
    if images.goes_on():
        yield Item(source, None, note=f"{source}: goes on after the {form.count:,} images that its head counts.")


def _images_form(stream: Stream) -> Form:
    if stream.dtype.names:
        fields = ", ".join(stream.dtype.names)
        raise BatchError(f"{stream.name}: holds records of {fields}: save each as an array of its own, numpy.savez.")
    if (form := Form.of(stream.shape)) is None and len(stream.shape) == 1:
        raise BatchError(f"{stream.name}: holds labels only; give the file of images beside it.")
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
        BatchError: damaged, text that is none, or numbers that are not whole.
    """
    for block in stream.rows():
        if math.prod(stream.shape) > max(stream.shape):
            yield from np.where(block.any(axis=1), block.argmax(axis=1), -1).tolist()
            continue
        values = np.ascontiguousarray(block.reshape(-1))
        # numpy hands out such text unchecked, and everything after would stumble over it.
        if values.dtype.kind == "U" and values.view(np.uint32).max(initial=0) > sys.maxunicode:
            raise BatchError(f"{stream.name}: holds a label that is not Unicode text. Make it again.")
        if values.dtype.kind == "f" and (odd := values[np.isfinite(values) & (values != np.rint(values))]).size:
            raise BatchError(f"{stream.name}: holds {odd[0]:g} as a label: give whole numbers or text.")
        yield from values


def _opened(place: Place, stack: ExitStack) -> Stream:
    """An ``.npy`` or IDX file; its magic number, sizes and values may each be big-endian, as they should, or not."""
    file = opened(place, stack)
    head, error = read_up_to(file, 4)
    if error is None and not is_idx(head):
        return npy_stream(place.name, opened(place, stack))
    kind, axes, order = (head[2], head[3], ">") if head[:2] == b"\0\0" else (*head[1::-1], "<")
    sizes, error = read_up_to(file, 4 * axes) if error is None else (head, error)
    if error is not None:
        raise BatchError(f"{place.name}: is damaged ({error}). Copy it again.") from error
    whole = sizes[: len(sizes) // 4 * 4]
    ways = [np.frombuffer(whole, f"{way}u4").tolist() for way in (order, ">", "<")]
    shape = min(ways, key=lambda way: max(way, default=0))  # the wrong way round, small numbers are huge
    if len(shape) < axes or 0 in shape:
        raise BatchError(f"{place.name}: its head is cut short or counts no images. Copy it again.")
    return Stream(place.name, tuple(shape), np.dtype(IDX_TYPES[kind].replace(">", order)), file, either=True)


def npy_stream(name: str, file: BinaryIO) -> Stream:
    """The array of an open ``.npy`` file.

    Raises:
        BatchError: it is none, or holds other than plain values.
    """
    try:
        header = read_header(file)
    except OddDigitError as error:
        raise BatchError(f"{name}: {error}") from error
    return Stream(name, header.shape, header.dtype, file, header.columnwise)
