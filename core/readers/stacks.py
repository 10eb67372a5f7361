"""A stack of images: blocks of pixels, whatever their form, become items that are grey, upright and of known white."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.ink import are_ink_images
from core.ink.geometry import SIDE, to_ink_images
from core.readers.items import Item, as_label

LARGEST_SIDE = 1024  # pixels
FLAT_SIDES = (8, 16, 20, 28, 32)  # of images that are stored as rows of pixels; other squares may be a picture
ENOUGH = 16  # images by which it is told how they lie
LYING = 0.6  # share of images wider than high above which a stack lies on its side; of MNIST's digits it is 0.1
LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
Block = NDArray[np.generic]


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
    """

    count: int
    height: int
    width: int
    flat: bool = False
    channels: int | None = None
    single: bool = False

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> "Form | None":
        """The form of an array of a shape; None where it can hold no images.

        >>> Form.of((9, 28, 28, 3)).channels, Form.of((9, 784)).height, Form.of((9, 1)), Form.of((40, 30)).single
        (3, 28, None, True)
        """
        form = cls._of(shape)
        sides = () if form is None else (form.height, form.width)
        return form if form is not None and all(2 <= side <= LARGEST_SIDE for side in sides) else None

    @classmethod
    def _of(cls, shape: tuple[int, ...]) -> "Form | None":
        if len(shape) == 4 and shape[3] in (1, 3, 4):
            return cls(shape[0], shape[1], shape[2], channels=3)
        if len(shape) == 4 and shape[1] in (1, 3, 4):
            return cls(shape[0], shape[2], shape[3], channels=1)
        if len(shape) == 3 and shape[2] in (1, 3, 4) and min(shape[:2]) >= 8:
            return cls(1, shape[0], shape[1], channels=3, single=True)
        if len(shape) == 3:
            return cls(*shape)
        if len(shape) != 2:
            return None
        side = math.isqrt(shape[1])
        if side * side == shape[1] and side >= 8 and (side in FLAT_SIDES or shape[0] != shape[1]):
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


class StackReader:
    """Turns blocks of grey images into items; what holds for the whole stack is told by its first images.

    Args:
        source: what the stack is called; its images are ``"source #1"``, ``"source #2"`` and so on.
        number: images that come before the first block.
    """

    def __init__(self, source: str, number: int = 0) -> None:
        self.source, self.number = source, number
        self.top = 0.0
        self._turned = self._signed = False

    def look(self, first: Block) -> Iterator[Item]:
        """Judge by some images, ``(m, h, w)``, which value is white and how the stack lies; says if it lies wrong."""
        self._signed = runs_from_minus_one(first)
        first = _from_zero(first) if self._signed else first
        self.top = brightness_top(first)
        if not lies_on_its_side(first, self.top):
            return
        if "emnist" in self.source.lower():
            self._turned = True
            yield Item(self.source, None, note=f"{self.source}: EMNIST stores its images on their side; set upright.")
        else:
            yield Item(
                self.source, None, note=f"{self.source}: most images are wider than high. Do they lie on their side?"
            )

    def items(self, block: Block, labels: Sequence[object]) -> Iterator[Item]:
        """The items of ``(m, h, w)`` grey images; one that is no picture is a refusal on its own."""
        if not self.top:
            yield from self.look(block)
        if self._signed:
            block = _from_zero(block)
        if self._turned:
            block = np.ascontiguousarray(block.transpose(0, 2, 1))
        # A whole block is looked at in the time that a few images take one by one.
        ready = are_ink_images(block) if block.dtype == np.uint8 else np.zeros(len(block), bool)
        for image, label, is_ready in zip(block, labels, ready.tolist(), strict=True):
            picture = as_picture(image, self.top)
            if isinstance(picture, str):
                yield self.refusal(picture, label)
            else:
                self.number += 1
                yield Item(f"{self.source} #{self.number}", picture, as_label(label), together=True, ready=is_ready)

    def refusal(self, reason: str, label: object = None) -> Item:
        """The next image as one that cannot be used."""
        self.number += 1
        name = f"{self.source} #{self.number}"
        return Item(name, None, as_label(label), error=f"{name} {reason}")


def brightness_top(first: Block) -> float:
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


def runs_from_minus_one(first: Block) -> bool:
    """Whether brightness runs -1 .. 1 in most of ``(m, h, w)``, as networks with a tanh are fed."""
    if first.dtype.kind != "f":
        return False
    low, high = (end(first.reshape(len(first), -1), axis=1) for end in (np.min, np.max))
    return bool((np.isclose(low, -1, atol=1e-3) & (high <= 1)).mean() > 0.5)


def lies_on_its_side(first: Block, top: float) -> bool:
    """Whether most of the digits in ``(m, h, w)`` are wider than high, as those of a transposed stack are."""
    height, width = first.shape[1:]
    if len(first) < ENOUGH or height != width:
        return False
    with np.errstate(invalid="ignore"):
        bright = np.asarray(first, np.float64) > top / 2
    ink = np.asarray(np.where((bright.mean(axis=(1, 2)) > 0.5)[:, None, None], ~bright, bright), np.bool_)
    rows, columns = np.any(ink, axis=2), np.any(ink, axis=1)
    inked = rows.any(axis=1)
    high, wide = (_extent(marks) for marks in (rows, columns))
    return bool(inked.sum() >= ENOUGH and (wide > high)[inked].mean() > LYING)


def as_picture(image: Block, top: float) -> Block | str:
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


def _from_zero(block: Block) -> NDArray[np.float64]:
    """Brightness of -1 .. 1 as 0 .. 1."""
    return (block.astype(np.float64) + 1) / 2


def _grey(colours: Block) -> Block:
    """Grey images of ``(m, h, w, 1 | 3 | 4)``; equal channels stay exact, see-through paper is white."""
    if colours.shape[3] == 1 or (colours.shape[3] == 3 and (colours == colours[..., :1]).all()):
        return np.ascontiguousarray(colours[..., 0])
    grey = np.tensordot(colours[..., :3].astype(np.float64), LUMINANCE, 1)
    if colours.shape[3] == 4:
        white = brightness_top(colours)
        opaque = colours[..., 3].astype(np.float64) / white
        grey = grey * opaque + white * (1 - opaque)
    return np.rint(grey).astype(colours.dtype) if colours.dtype.kind in "iu" else grey


def _extent(marks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first to the last mark of each row, ``(m,)``."""
    return marks.shape[1] - marks[:, ::-1].argmax(axis=1) - marks.argmax(axis=1)
