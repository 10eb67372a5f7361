"""Archives of arrays, ``.npz``: which of them are images, and which are the labels that belong to those."""

import math
import re
import zipfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from core.errors import BatchError
from core.files.zip import BOMB_BYTES, BOMB_RATIO
from core.readers.arrays import Stream, items_of, npy_stream
from core.readers.columns import NUMBERING, label_column
from core.readers.items import Item, Place
from core.readers.stacks import Form
from core.readers.unpack import DAMAGE

MOST_CLASSES = 1_000  # columns of one-hot labels
IMAGE_TO_LABEL = (("images", "labels"), ("image", "label"), ("x", "y"), ("data", "target"), ("inputs", "targets"))
_IMAGE_WORDS = {"images", "image", "imgs", "img", "digits", "digit", "x", "data", "inputs", "pixels"}


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
            yield from items_of(source, images, labels, None if labels else _digit_of(name, content.stacks))
        if content.left_out:
            left_out = ", ".join(content.left_out[:10])
            yield Item(place.name, None, note=f"{place.name}: left out beside the images: {left_out}.")


def count(place: Place) -> int:
    """How many images the archive will come to, from its headers alone."""
    with ExitStack() as stack:
        content = _content(place, _open_npz(place, stack), stack)
        return sum(form.count for form in content.stacks.values())


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
            if _could_be_labels(name, stream) or _one_hot(stream):
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
    return npy_stream(f"{place.name}/{name}", cast(BinaryIO, file))


def _one_hot(stream: Stream) -> bool:
    """Whether each of the first rows, which this reads, marks one class and nothing else."""
    if len(stream.shape) != 2 or not 1 < stream.shape[1] <= MOST_CLASSES:
        return False
    block = next(stream.rows(), np.empty((0, 2)))
    ones = len(block) > 0 and block.dtype.kind in "biuf" and block.max() == 1
    return bool(ones and ((block != 0).sum(axis=1) == 1).all())


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
