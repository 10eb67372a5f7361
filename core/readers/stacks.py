"""A stack of images: blocks of pixels, whatever their form, become items that are grey, upright and of known white."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.ink import are_ink_images
from core.ink.geometry import SIDE, negative, to_ink_images
from core.readers.brightness import Block, Brightness
from core.readers.items import Item, as_label

LARGEST_SIDE = 1024  # pixels
FLAT_SIDES = (8, 16, 20, 28, 32)  # of images that are stored as rows of pixels; other squares may be a picture
ENOUGH = 16  # images by which it is told how they lie
COLOURS = (1, 3, 4)  # channels
ONE_WAY = 0.8  # share of images, mostly light or mostly dark, from which on all of a stack are held to be so
LYING = 0.6  # share of images wider than high above which a stack lies on its side; of MNIST's digits it is 0.1
Pixels = NDArray[np.uint8] | NDArray[np.float32]
LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


@dataclass(frozen=True)
class Form:
    """How an array holds images.

    Attributes:
        count: images.
        height: of each, pixels.
        width: of each, pixels.
        flat: whether an image is one row of pixels.
        channels: axis of the colours in ``(n, ., ., .)``, 1 or 3, or None.
        single: whether the array is one picture, not a stack of them.
        last: whether the last axis counts the images, as MATLAB's arrays have it.
        columns: beside the pixels of flat images, which may be labels: 1, or 10 where they are one-hot.
    """

    count: int
    height: int
    width: int
    flat: bool = False
    channels: int | None = None
    single: bool = False
    last: bool = False
    columns: int = 0

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> "Form | None":
        """The form of an array of a shape; None where it can hold no images.

        >>> Form.of((9, 28, 28, 3)).channels, Form.of((9, 784)).height, Form.of((9, 1)), Form.of((40, 30)).single
        (3, 28, None, True)
        >>> Form.of((28, 28, 90)).last, Form.of((784, 90)).last, Form.of((3, 10, 28, 28)).count
        (True, True, 30)
        """
        form = cls._of(plain(shape))
        sides = () if form is None else (form.height, form.width)
        return form if form is not None and all(2 <= side <= LARGEST_SIDE for side in sides) else None

    @classmethod
    def _of(cls, shape: tuple[int, ...]) -> "Form | None":
        if len(shape) == 4 and shape[3] in COLOURS:
            return cls(shape[0], shape[1], shape[2], channels=3)
        if len(shape) == 4 and shape[1] in COLOURS:
            return cls(shape[0], shape[2], shape[3], channels=1)
        if len(shape) == 3 and shape[2] in COLOURS and min(shape[:2]) >= 8:
            return cls(1, shape[0], shape[1], channels=3, single=True)
        if len(shape) in (3, 4) and shape[0] == shape[1] != shape[2] and shape[0] >= 8:
            form = cls._of((shape[-1], *shape[:-1]))
            return form and replace(form, last=True)
        # Of (28, n, 28) no one can say which axis counts.
        if len(shape) == 3 and (shape[0] != shape[2] or shape[0] == shape[1] or shape[0] < 8):
            return cls(*shape)
        if len(shape) != 2:
            return None
        for pixels in (shape[1], shape[1] - 1, shape[1] - 10):
            side = math.isqrt(max(pixels, 0))
            if side in FLAT_SIDES and side * side == pixels:
                return cls(shape[0], side, side, flat=True, columns=shape[1] - pixels)
        if shape[0] in (784, 785, 794) or (shape[1] > LARGEST_SIDE and math.isqrt(shape[0]) in FLAT_SIDES):
            form = cls._of((shape[1], shape[0]))
            return form and replace(form, last=True)
        side = math.isqrt(shape[1])
        if side * side == shape[1] and side >= 8 and shape[0] != shape[1]:
            return cls(shape[0], side, side, flat=True)
        return cls(1, *shape, single=True)

    def grey(self, block: Block) -> Block:
        """Some rows of the array as grey images ``(m, height, width)``; a whole single picture as a stack of one."""
        if self.single:
            block = block[None]
        if self.flat:
            return block.reshape(len(block), self.height, self.width)
        if self.channels is None:
            return block
        return _grey(np.moveaxis(block, self.channels, 3))


def plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without axes that say nothing: batches of stacks are one stack, 784 pixels in a row or column are flat.

    >>> plain((3, 10, 1, 28, 28)), plain((30, 784, 1)), plain((784,)), plain((30, 28, 28, 1, 1))
    ((30, 1, 28, 28), (30, 784), (1, 784), (30, 28, 28, 1))
    """
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    if shape == (SIDE * SIDE,):
        return (1, *shape)
    if len(shape) == 3 and SIDE * SIDE in shape[1:] and 1 in shape[1:]:
        return shape[0], SIDE * SIDE
    kept = 3 if len(shape) > 4 and (shape[-1] in COLOURS or shape[-3] in COLOURS) else 2
    leads = len(shape) > 3 and shape[-1] == shape[-2] >= 8 and shape[0] != shape[1] and shape[1] not in COLOURS
    if leads or len(shape) > 4:
        return math.prod(shape[:-kept]), *shape[-kept:]
    return shape


class StackReader:
    """Turns blocks of grey images into items; what holds for the whole stack is told by its first images.

    Args:
        source: what the stack is called; its images are ``"source #1"``, ``"source #2"`` and so on.
        number: images that come before the first block.
    """

    def __init__(self, source: str, number: int = 0) -> None:
        self.source, self.number = source, number
        self.brightness: Brightness | None = None
        self._light_paper: bool | None = None
        self._turned = False

    def look(self, first: Block) -> Iterator[Item]:
        """Judge by some images, ``(m, h, w)``, which value is white and how the stack lies; says if it lies wrong.

        Raises:
            BatchError: as `Brightness.of`.
        """
        self.brightness = Brightness.of(first, self.source)
        grey = self.brightness.grey(first)
        usable = grey.images[[not reason for reason in grey.reasons]]
        light = _mostly_light(usable).mean() if len(usable) >= ENOUGH else 0.5
        self._light_paper = None if 1 - ONE_WAY < light < ONE_WAY else bool(light > 0.5)
        if not lies_on_its_side(usable):
            return
        self._turned = "emnist" in self.source.lower()
        said = "EMNIST stores its images on their side; set upright."
        asked = "most images are wider than high. Do they lie on their side?"
        yield Item(self.source, None, note=f"{self.source}: {said if self._turned else asked}")

    def items(self, block: Block, labels: Sequence[object]) -> Iterator[Item]:
        """The items of ``(m, h, w)`` grey images; one that is no picture is a refusal on its own."""
        if self.brightness is None:
            yield from self.look(block)
        assert self.brightness is not None
        if self._turned:
            block = np.ascontiguousarray(block.transpose(0, 2, 1))
        grey = self.brightness.grey(block)
        # A whole block is looked at in the time that a few images take one by one.
        images = grey.images
        ready = are_ink_images(images)
        if not ready.all() and (dark := ~ready & are_ink_images(negative(images))).any():
            images, ready = np.where(dark[:, None, None], negative(images), images), ready | dark
        for picture, is_ready, label, reason in zip(images, ready.tolist(), labels, grey.reasons, strict=True):
            if reason:
                yield self.refusal(reason, label)
                continue
            self.number += 1
            pixels = picture if max(picture.shape) >= SIDE else _enlarged(picture, self._light_paper)
            yield Item(f"{self.source} #{self.number}", pixels, as_label(label), together=True, ready=is_ready)

    def refusal(self, reason: str, label: object = None) -> Item:
        """The next image as one that cannot be used."""
        self.number += 1
        name = f"{self.source} #{self.number}"
        return Item(name, None, as_label(label), error=f"{name} {reason}")


def lies_on_its_side(grey: Pixels) -> bool:
    """Whether most of the digits in grey images ``(m, h, w)`` are wider than high, as in a transposed stack."""
    height, width = grey.shape[1:]
    if len(grey) < ENOUGH or height != width:
        return False
    bright = np.asarray(grey > (127 if grey.dtype == np.uint8 else 0.5), np.bool_)
    ink = np.asarray(np.where((bright.mean(axis=(1, 2)) > 0.5)[:, None, None], ~bright, bright), np.bool_)
    rows, columns = np.any(ink, axis=2), np.any(ink, axis=1)
    inked = rows.any(axis=1)
    high, wide = (_extent(marks) for marks in (rows, columns))
    return bool(inked.sum() >= ENOUGH and (wide > high)[inked].mean() > LYING)


def _mostly_light(images: Pixels) -> NDArray[np.bool_]:
    """Which images ``(m, h, w)`` are light in most of their pixels, ``(m,)``."""
    return np.asarray(np.median(images, axis=(1, 2)) > (127.5 if images.dtype == np.uint8 else 0.5), np.bool_)


def _enlarged(image: Pixels, light_paper: bool | None) -> Block:
    """An image smaller than 28x28, which only data sets have, as ink image.

    So few pixels tell no paper from ink where a bold digit fills them: the stack tells, or else most of the pixels.
    """
    bright = np.asarray(image, np.float64) / (255 if image.dtype == np.uint8 else 1)
    light = np.median(bright) > 0.5 if light_paper is None else light_paper
    return np.asarray(to_ink_images((1 - bright if light else bright)[None])[0])


def _grey(colours: Block) -> Block:
    """Grey images of ``(m, h, w, 1 | 3 | 4)``; equal channels stay exact, see-through paper is white."""
    if colours.shape[3] == 1 or (colours.shape[3] == 3 and (colours == colours[..., :1]).all()):
        return np.ascontiguousarray(colours[..., 0])
    grey = np.tensordot(colours[..., :3].astype(np.float64), LUMINANCE, 1)
    if colours.shape[3] == 4:
        white = Brightness.of(colours[..., :3].reshape(len(colours), -1, 3)).high or 1.0
        opaque = colours[..., 3].astype(np.float64) / white
        grey = grey * opaque + white * (1 - opaque)
    return np.rint(grey).astype(colours.dtype) if colours.dtype.kind in "iu" else grey


def _extent(marks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first to the last mark of each row, ``(m,)``."""
    return marks.shape[1] - marks[:, ::-1].argmax(axis=1) - marks.argmax(axis=1)
