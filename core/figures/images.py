"""Pictures: the one way a digit is drawn, sheets of digits, digits on a photograph, and how they travel with a page.

Ink beyond a normal digit's is always orange, missing ink always blue, dark ink on white paper in either theme.
"""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from core.ink.picture import Source, open_picture
from core.ink.storage import grey

BLUE, ORANGE = "#2f7ed8", "#e8672a"  # of what is normal and what is not, told apart by people with any colour vision
_BLUE_RGB, _ORANGE_RGB = np.array([47, 126, 216]), np.array([232, 103, 42])
_PAPER, _INK = np.array([255.0, 255.0, 255.0]), np.array([24.0, 28.0, 36.0])
SCALE, STRIP_SCALE = 8, 3
_PAGE_SIDE = 800  # pixels, at most
_EXACT = 64  # pixels: what is no larger is sent pixel for pixel


def digit_png(image: NDArray[np.float32], scale: int = SCALE) -> bytes:
    """An ink image as a PNG: dark ink on white paper, every pixel a crisp square.

    Args:
        image: ``(28, 28)``, 0 paper .. 1 ink.
        scale: side of a pixel's square.
    """
    return _png(_grey(image), scale)


def residual_png(image: NDArray[np.float32], residual: NDArray[np.float32], scale: int = SCALE) -> bytes:
    """Where a digit differs from its reconstruction, over the digit in faint grey.

    Orange is ink that a normal digit would not have, blue is ink that is missing.

    Args:
        image: ``(28, 28)``, 0 paper .. 1 ink.
        residual: ``(28, 28)``, -1 .. 1, image minus reconstruction.
        scale: side of a pixel's square.
    """
    return _png(_differences(image, residual), scale)


def sheet_png(images: NDArray[np.float32], columns: int, scale: int = 3, gap: int = 2) -> bytes:
    """Many digits on one sheet, row by row.

    Args:
        images: ``(n, 28, 28)``, 0 paper .. 1 ink.
        columns: digits in a row.
        scale: side of a pixel's square.
        gap: pixels of paper between digits, before scaling.
    """
    rows = -(-len(images) // columns)
    side = 28 + gap
    sheet = np.zeros((rows * side + gap, columns * side + gap), dtype=np.float32)
    for i, image in enumerate(images):
        top, left = gap + side * (i // columns), gap + side * (i % columns)
        sheet[top : top + 28, left : left + 28] = image
    return digit_png(sheet, scale)


def strip_png(image: NDArray[np.float32], reconstruction: NDArray[np.float32], residual: NDArray[np.float32]) -> bytes:
    """A digit, its reconstruction and where they differ, in one column, each ``28 * STRIP_SCALE`` pixels a side.

    Args:
        image: ``(28, 28)``, 0 paper .. 1 ink.
        reconstruction: ``(28, 28)``.
        residual: ``(28, 28)``, image minus reconstruction, -1 .. 1.
    """
    column = np.concatenate([_grey(image), _grey(reconstruction), _differences(image, residual)])
    return _png(column, STRIP_SCALE)


def pairs_png(images: NDArray[np.float32], reconstructions: NDArray[np.float32]) -> bytes:
    """Digits in a row, and under each what the networks make of it; both ``(n, 28, 28)``."""
    return sheet_png(np.concatenate([images, reconstructions]), len(images))


def page_with_boxes(data: Source, name: str, boxes: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A picture to look at, and where in it its digits stand.

    Args:
        data: the picture file, as `ink.read` takes it.
        name: what to call it in errors.
        boxes: left, top, right, bottom in the upright original, pixels, ``(n, 4)``.

    Returns:
        uint8 ``(h, w)`` or ``(h, w, 3)``, its longest side at most 800 pixels, and the boxes as shares of its width
        and height, a little wider than the ink, ``(n, 4)`` in 0 .. 1.

    Raises:
        InkError: not a picture, or damaged.
    """
    picture = open_picture(data, name)
    return grey(picture.pixels), _around(boxes, picture.width, picture.height)


def page_of_digits(
    images: NDArray[np.float32], boxes: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A picture put together again from its digits, each brought back to its box on empty paper.

    Args:
        images: ink images ``(n, 28, 28)``, n >= 1.
        boxes: left, top, right, bottom of each in the picture they came from, pixels, ``(n, 4)``.

    Returns:
        as of ``page_with_boxes``; uint8 ``(h, w)``.
    """
    edge = int((boxes[:, 2:] - boxes[:, :2]).max()) // 4
    placed = boxes - np.tile(boxes[:, :2].min(axis=0) - edge, 2)
    width, height = placed[:, 2:].max(axis=0) + edge
    scale = min(1.0, _PAGE_SIDE / max(width, height))
    page = Image.new("L", (max(1, round(scale * width)), max(1, round(scale * height))), 255)
    for image, box in zip(images, np.rint(scale * placed).astype(int), strict=True):
        paper = Image.fromarray(grey(1 - image))
        inked = ImageChops.invert(paper).getbbox() or (0, 0, *paper.size)
        size = np.maximum(box[2:] - box[:2], 1).tolist()
        page.paste(paper.crop(inked).resize(size, Image.Resampling.BICUBIC), tuple(box[:2].tolist()))
    return np.asarray(page), _around(placed, width, height)


def inline(picture: bytes | NDArray[np.uint8]) -> str:
    """A picture as a ``data:`` address: the picture itself instead of where to fetch it.

    Args:
        picture: a PNG, or pixels ``(h, w)`` or ``(h, w, 3)``; what is larger than an ink image becomes a JPEG.
    """
    kind, data = ("png", picture) if isinstance(picture, bytes) else _encoded(picture)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _around(boxes: NDArray[np.int64], width: int, height: int) -> NDArray[np.float64]:
    """Boxes as shares of a picture's width and height, a little wider than the ink."""
    room = 0.006 * np.array([-1, -1, 1, 1])
    around: NDArray[np.float64] = np.clip(boxes / np.array([width, height] * 2) + room, 0, 1)
    return around


def _grey(image: NDArray[np.float32]) -> NDArray[np.float64]:
    ink = np.clip(image, 0, 1)[..., None]
    colours: NDArray[np.float64] = _PAPER * (1 - ink) + _INK * ink
    return colours


def _differences(image: NDArray[np.float32], residual: NDArray[np.float32]) -> NDArray[np.float64]:
    base = _PAPER - 60 * np.clip(image, 0, 1)[..., None]
    strength = np.clip(np.abs(residual) * 1.25, 0, 1)[..., None]
    colour = np.where(residual[..., None] > 0, _ORANGE_RGB, _BLUE_RGB)
    colours: NDArray[np.float64] = base * (1 - strength) + colour * strength
    return colours


def _png(colours: NDArray[np.float64], scale: int) -> bytes:
    return _saved(colours.round().astype(np.uint8).repeat(scale, axis=0).repeat(scale, axis=1), "png")


def _encoded(pixels: NDArray[np.uint8]) -> tuple[str, bytes]:
    kind = "png" if max(pixels.shape[:2]) <= _EXACT else "jpeg"
    return kind, _saved(pixels, kind)


def _saved(pixels: NDArray[np.uint8], kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, quality=90)
    return buffer.getvalue()
