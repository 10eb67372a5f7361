"""Arrays of images in one file: IDX, ``.npy`` and ``.npz``, compressed or not, a few hundred images at a time."""

import math
import re
import sys
import zipfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from core.errors import BatchError, OddDigitError
from core.files.npy import read_header
from core.files.zip import BOMB_BYTES, BOMB_RATIO
from core.readers.columns import LOOK, NUMBERING, Columns, label_column, unnamed
from core.readers.items import Item, Place
from core.readers.stacks import LARGEST_SIDE, Form, StackReader, plain
from core.readers.unpack import DAMAGE, opened, read_up_to

TOGETHER = 256  # images in memory at a time
BLOCK_BYTES = 64 << 20  # fewer, where they are large
MOST_IMAGES = 10_000_000
MOST_CLASSES = 1_000  # columns of one-hot labels
LARGEST_COLUMNWISE = 1 << 28  # bytes of an array that cannot be read row by row
IMAGE_TO_LABEL = (("images", "labels"), ("image", "label"), ("x", "y"), ("data", "target"), ("inputs", "targets"))
_IMAGE_WORDS = {"images", "image", "imgs", "img", "digits", "digit", "x", "data", "inputs", "pixels"}
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
                yield np.ascontiguousarray(whole[at : at + together]).astype(self.dtype.newbyteorder("="))
            return
        # Few rows with columns beside the pixels may be one picture.
        if form is not None and (form.single or (form.columns and shape[0] <= LARGEST_SIDE)):
            together = shape[0]
        for at in range(0, shape[0], together):
            count = min(together, shape[0] - at)
            data, error = read_up_to(self.file, count * row)
            whole_rows = len(data) // row if row else count
            if whole_rows:
                values = np.frombuffer(data, self.dtype, whole_rows * row // self.dtype.itemsize)
                yield values.reshape(whole_rows, *shape[1:]).astype(self.dtype.newbyteorder("="))
            if isinstance(error, BatchError):
                raise error
            if error is not None:
                raise BatchError(f"{self.name}: is damaged after {at + whole_rows:,} of {shape[0]:,} rows ({error}).")
            if whole_rows < count:
                raise BatchError(f"{self.name}: ends after {at + whole_rows:,} of {shape[0]:,} rows.")

    def _whole(self) -> NDArray[np.generic]:
        size = math.prod(self.shape) * self.dtype.itemsize
        if size > LARGEST_COLUMNWISE:
            raise BatchError(f"{self.name}: is stored column by column: save it row by row, (n, 28, 28), first.")
        data, error = read_up_to(self.file, size)
        if len(data) < size:
            raise BatchError(f"{self.name}: ends before its {self.shape[0]:,} rows are complete.") from error
        return np.frombuffer(data, self.dtype).reshape(self.shape, order="F" if self.columnwise else "C")


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


def read_npy(place: Place, labels: Place | None = None) -> Iterator[Item]:
    """The images of an ``.npy`` array, with the labels of another where there is one; ``Form.of`` says of which shapes.

    Raises:
        BatchError: damaged, not images, or not as many labels as images.
    """
    with ExitStack() as stack:
        images = _npy_stream(place.name, opened(place, stack))
        beside = None if labels is None else _npy_stream(labels.name, opened(labels, stack))
        if labels is not None and beside is not None and beside.shape[:1] != (_images_form(images).count,):
            there = _images_form(images).count
            raise BatchError(f"{labels.name}: has shape {beside.shape} for {there:,} images: no pair.")
        yield from _items(place.name, images, beside)


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
            images, partner = _member(place, archive, name, stack), _partner(place, name, content)
            source = place.name if len(content.stacks) == 1 else f"{place.name}/{name}"
            labels = None if partner is None else _member(place, archive, partner, stack)
            if partner is not None and label_column([partner]) is None and not partner.startswith("arr_"):
                yield Item(source, None, note=f"{source}: labels are read from '{partner}'.")
            yield from _items(source, images, labels, None if labels else _digit_of(name, content.stacks))
        if content.left_out:
            left_out = ", ".join(content.left_out[:10])
            yield Item(place.name, None, note=f"{place.name}: left out beside the images: {left_out}.")


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


def _items(source: str, images: Stream, labels: Stream | None, label: str | None = None) -> Iterator[Item]:
    """Items of images; ``labels`` go with them, or ``label`` is that of all."""
    form = _images_form(images)
    beside = None if labels is None else _labels(labels)
    reader = StackReader(source)
    found: Columns | None = None
    for block in images.rows(form):
        given: Sequence[object] = ()
        if form.columns and (found := found or unnamed(block[:LOOK].tolist())) is None:
            form = Form(1, block.shape[0], block.shape[1], single=True)
        if found is not None:
            given, block = found.labels(block.tolist()), block[:, list(found.pixels)]
        grey = form.grey(block)
        if beside is not None:
            given = [next(beside, None) for _ in range(len(grey))]
        yield from reader.items(grey, given or [label] * len(grey))


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
    names = [entry.removesuffix(".npy") for entry in archive.namelist()]
    if len(set(names)) < len(names):
        raise BatchError(f"{place.name}: an array stands in it twice. Make it again.")
    for name in names:
        try:
            stream = _member(place, archive, name, stack)
            form = Form.of(stream.shape)
            if _could_be_labels(name, stream) or _one_hot(stream, _member(place, archive, name, stack)):
                labels[name] = max(stream.shape)
            elif form is not None and stream.dtype.kind in "biuf":
                images[name] = form
            else:
                left_out.append(f"{name} {stream.shape}")
        except BatchError as error:
            if label_column([name]) is not None:  # what was left out would be all that is known of the digits
                raise
            left_out.append(str(error).removeprefix(f"{place.name}/").rstrip("."))
    stacks = {name: form for name, form in images.items() if form.count > 1 or _digit_of(name, images)} or images
    # Where some are named as images are, others are their masks, say.
    named = {name: form for name, form in stacks.items() if not _IMAGE_WORDS.isdisjoint(_words(name))}
    stacks = named or stacks
    left_out += [f"{name} {form.height} x {form.width}" for name, form in images.items() if name not in stacks]
    return Content(stacks, labels, left_out)


def _words(name: str) -> set[str]:
    return set(re.findall("[a-z]+", name.lower()))


def _digit_of(name: str, images: Collection[str]) -> str | None:
    """The digit that all images of an array are, where there is one for each of the ten: ``train0`` to ``train9``."""
    stem, digit = name[:-1], name[-1:]
    return digit if digit.isdigit() and all(f"{stem}{other}" in images for other in range(10)) else None


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
    block = next(again.rows(), None)
    return (
        block is not None
        and block.dtype.kind in "biuf"
        and bool(((block != 0).sum(axis=1) == 1).all() and block.max() == 1)
    )


def _could_be_labels(name: str, stream: Stream) -> bool:
    """Whether it is one short value an image, as ``(n,)``, ``(n, 1)`` or ``(1, n)``."""
    shape, dtype = stream.shape, stream.dtype
    # Confidences and weights are floats, too.
    named = label_column([name]) is not None
    kinds = "iufUS" if named or name.startswith("arr_") else "iuUS"
    able = dtype.kind in kinds and dtype.itemsize < 400 and name.lower() not in NUMBERING
    return able and len(shape) in (1, 2) and 0 < math.prod(shape) == (max(shape) if named else shape[0])


def _partner(place: Place, name: str, content: Content) -> str | None:
    """The array of labels that belongs to an array of images.

    Raises:
        BatchError: there is one by its name, of another length.
    """
    count, lower = content.stacks[name].count, name.lower()
    wanted = {lower.replace(images, labels) for images, labels in IMAGE_TO_LABEL} - {lower}
    meant = [other for other in content.labels if other.lower() in wanted]
    named = [other for other in content.labels if label_column([other]) is not None]
    able = [other for other in [*meant, *named, *content.labels] if content.labels[other] == count]
    if able and (able[0] in (*meant, *named) or len(set(able)) == 1):
        return able[0]
    if wrong := meant or (named if len(content.stacks) == 1 else []):
        raise BatchError(
            f"{place.name}: {content.labels[wrong[0]]:,} labels in '{wrong[0]}' for {count:,} images in '{name}': no "
            "pair. Give one for each image, or leave them out."
        )
    return None
