"""From any picture to ink images: what MNIST would have made of the digits a person drew, scanned or photographed.

The one road that the canvas, uploads, the camera, batches and the command line share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import InkError
from core.ink import folds as folding
from core.ink import storage, strokes
from core.ink.faint import Followed, follow
from core.ink.forms import remove_form
from core.ink.geometry import BOX, is_ink_image, negative
from core.ink.illumination import InkMap, find_ink
from core.ink.masks import extent, grown
from core.ink.picture import Picture, Source, open_picture
from core.ink.resize import SMALLEST, enlarged, pooled
from core.ink.ruled_lines import remove_ruling
from core.ink.segments import INKED, Shape, breadth_of, drop_shading, edge_width, find_shapes
from core.ink.sheet import cut_out

INK_VERSION = 3

STEP_SIDE = 480
ENLARGED = 3  # times, a picture too small for strokes to be told apart
MOST_SHAPES = 500
LOW_CONTRAST = 0.25
SHADE_CONTRAST = 0.35
UNSURE = 0.35
HAIRLINE = 2.0  # pixels at the size that strokes are worked on

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
DoubtKind = Literal["pages", "sheet", "inversion", "several", "contrast", "blob", "faint", "fold", "small"]


@dataclass(frozen=True)
class Step:
    """One stage of the road, to be shown: its name, a uint8 picture ``(h, w)`` or ``(h, w, 3)``, and what was done."""

    name: str
    image: Pixels
    note: str


@dataclass(frozen=True)
class Doubt:
    """Where a step was unsure, and the other choice.

    Attributes:
        kind: which step.
        message: what was found, one sentence.
        offer: the other choice as a label for a button; empty when there is none.
        other: what to give ``read`` besides, for the other choice.
    """

    kind: DoubtKind
    message: str
    offer: str = ""
    other: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Ink:
    """What a picture holds.

    Attributes:
        images: float32 ``(n, 28, 28)``, 0 paper .. 1 ink, n >= 1, in reading order.
        boxes: int64 ``(n, 4)``: left, top, right, bottom of each in the upright original picture, pixels.
        doubts: what was unsure.
        explain: makes ``steps``.
    """

    images: Floats
    boxes: NDArray[np.int64]
    doubts: tuple[Doubt, ...]
    explain: Callable[[], tuple[Step, ...]] = field(repr=False)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The road from the picture to the first image; its pictures are made where someone looks."""
        return self.explain()


def read(
    picture: Source,
    *,
    name: str | None = None,
    invert: bool | None = None,
    split: bool = True,
    whole: bool = False,
    faint: bool | None = None,
    mend: bool = True,
) -> Ink:
    """Find the digits in a picture and redraw each as an ink image.

    What already is an ink image passes unchanged, and so does the exact negative of one, turned round.

    Args:
        picture: bytes or path of a PNG, JPEG, HEIC, AVIF, WebP, TIFF, BMP, GIF or PDF file, a PIL image, or an array
            (or tensor) ``(h, w)``, ``(h, w, 3)`` or ``(h, w, 4)`` of integers or of floats in 0 .. 1 or 0 .. 255.
        name: what to call the picture in errors; by default the file's own name.
        invert: True when ink is lighter than paper, False when darker, None to find out.
        split: whether separate shapes are separate digits; False takes all ink as one shape.
        whole: True reads all of the picture, also where a sheet of paper stands out from what it lies on.
        faint: True takes in whatever may be a faint stroke, False none, None those that go on from dark ink.
        mend: whether narrow gaps that are cut straight, as by a fold, are inked over.

    Raises:
        InkError: not a picture, damaged, too large or too small, or without ink; the text names it and the remedy.

    >>> page = np.ones((60, 40)); page[10:50, 18:22] = 0
    >>> ink = read(page)
    >>> ink.images.shape, ink.boxes.tolist()
    ((1, 28, 28), [[18, 10, 22, 50]])
    """
    if name is None:
        name = (Path(picture).name if isinstance(picture, str | Path) else "") or "picture"
    opened = open_picture(picture, name)
    if invert is not False and is_ink_image(opened.pixels):
        return _unchanged(opened)
    if invert is not True and is_ink_image(other := negative(opened.pixels)):
        return _unchanged(replace(opened, pixels=other))
    if min(opened.pixels.shape[:2]) < 3 or max(opened.pixels.shape[:2]) < 8:
        raise InkError(
            f"{name} is {opened.width} x {opened.height} pixels, too small to hold a digit: use a larger one."
        )
    if max(opened.pixels.shape[:2]) < SMALLEST:
        lighter = False if opened.drawn_in_alpha and invert is None else invert
        picture = enlarged(opened.pixels, ENLARGED)
        larger = read(picture, name=name, invert=lighter, split=split, whole=whole, faint=faint, mend=mend)
        size = opened.width, opened.height
        places = np.clip(np.round(larger.boxes / ENLARGED - 1).astype(np.int64), 0, size * 2)
        message = "The picture is only {} x {} pixels and was enlarged: read from so few, digits look odder."
        return replace(larger, boxes=places, doubts=(Doubt("small", message.format(*size)), *larger.doubts))
    sheet = None if whole or opened.drawn_in_alpha else cut_out(opened.pixels)
    pixels, (left, top, _, _) = sheet or (opened.pixels, (0, 0, 0, 0))
    page = find_ink(pixels, False if opened.drawn_in_alpha and invert is None else invert)
    written, printed = remove_form(page.ink)
    ink, lines = remove_ruling(written)
    # Of ruling, scraps may be left: what is faint then is a matter of asking.
    followed = follow(ink, page.faintest, False if lines and faint is None else faint)
    ink, folds = folding.mend(followed.ink) if mend else (followed.ink, 0)
    shapes = find_shapes(ink > INKED, split=split)
    if page.contrast < SHADE_CONTRAST:
        shapes = drop_shading(shapes, ink)
    # A tall 1 in a tight frame crosses it like a line: when nothing sizeable is left, the dark lines were the drawing.
    largest = max((max(shape.mask.shape) for shape in shapes), default=0)
    if lines and not printed and largest < 0.15 * min(ink.shape) and page.contrast > LOW_CONTRAST:
        ink, lines, followed = written, 0, Followed(written, 0, 0)
        shapes = find_shapes(ink > INKED, split=split)
    if not shapes:
        where = ", in the first of its pages or frames" if opened.more_pages else ""
        raise InkError(
            f"{name}: no ink found{where}; draw or photograph a digit in a pen that stands out from the paper."
        )
    if len(shapes) > MOST_SHAPES:
        raise InkError(f"{name}: {len(shapes)} shapes found, more like a texture than writing; crop it to the digits.")
    drawn = [_outline(ink, shape) for shape in shapes]
    images = np.stack([strokes.place(strokes.smooth(strokes.normalise(shape), *edge)) for shape, *edge in drawn])
    scale = np.array(opened.scale * 2)
    boxes = (np.array([shape.box for shape in shapes]) + np.array([left, top] * 2)) * scale
    limits = np.array([opened.width, opened.height] * 2)
    boxes = np.minimum(np.round(boxes).astype(np.int64), limits)
    doubts = _doubts(page, shapes, invert, sheet is not None, followed)
    if folds:
        message = "A gap that is cut straight, as by a fold, was closed."
        doubts.append(Doubt("fold", message, "Leave it open", {"mend": False}))
    if opened.more_pages:
        doubts.insert(0, Doubt("pages", "The file has more pages or frames: only the first was read."))
    if len(drawn) == 1 and strokes.is_blob(drawn[0][0]):
        doubts.append(Doubt("blob", "What was found has no strokes, so it is hardly a digit: crop the picture to one."))
    cut = None if sheet is None else pixels
    explain = partial(_steps, opened, cut, page, ink, printed + lines, shapes, images)
    return Ink(images, boxes, tuple(doubts), explain)


def _unchanged(opened: Picture) -> Ink:
    image = opened.pixels if opened.pixels.ndim == 2 else opened.pixels[:, :, 0]
    rows, columns = extent(image > 0)
    box = [[columns.start, rows.start, columns.stop, rows.stop]]
    boxes = np.round(np.array(box) * (opened.scale * 2)).astype(np.int64)
    return Ink(image[None].astype(np.float32), boxes, (), partial(_unchanged_steps, image))


def _unchanged_steps(image: Floats) -> tuple[Step, ...]:
    note = "The picture already is a 28x28 ink image, or its negative, and is taken as it stands."
    return (Step("Ink image", _bytes(image), note),)


def _outline(ink: Floats, shape: Shape) -> tuple[NDArray[np.bool_], float, float]:
    """One shape of the page, as fine as strokes are worked on, the size of the page's pixels in it, their greyness."""
    from scipy.ndimage import gaussian_filter, maximum_filter

    left, top, right, bottom = shape.box
    longest = max(right - left, bottom - top)
    margin = 2 + longest // 8
    frame = (max(0, top - margin), max(0, left - margin), bottom + margin, right + margin)
    crop = ink[frame[0] : frame[2], frame[1] : frame[3]]
    own = np.zeros(crop.shape, bool)
    own[top - frame[0] : bottom - frame[0], left - frame[1] : right - frame[1]] = shape.mask
    reach = max(1, longest // 40)
    crop = np.where(grown(own, reach), crop, 0).astype(np.float32)
    crop = np.pad(crop, 2)
    grey = edge_width(crop, strokes.PALEST)
    factor = BOX * strokes.FINE / longest
    if factor * breadth_of(shape.mask) < HAIRLINE:
        crop = maximum_filter(crop, size=round(HAIRLINE / factor))  # averaged, it would fall to pieces
    size = (max(1, round(crop.shape[1] * factor)), max(1, round(crop.shape[0] * factor)))
    fine = np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.BICUBIC))
    if factor > 2:
        fine = gaussian_filter(fine, 0.35 * factor)
    # Half of the ink's own darkness nearby is its edge, whatever blur or a light hand made of it.
    mask = fine > 0.5 * np.clip(_darkness_nearby(fine), 0.45, 1)
    if not mask.any():
        mask = fine >= fine.max()
    return _clean(mask), factor, grey


def _darkness_nearby(fine: Floats) -> Floats:
    """The darkest ink within some two pixels of the ink image, smoothed, ``(h, w)``; reckoned in blocks of one."""
    from scipy.ndimage import gaussian_filter, maximum_filter

    height, width = fine.shape
    block = strokes.FINE
    padded = np.pad(fine, ((0, -height % block), (0, -width % block)))
    blocks = pooled(padded, block)
    dark = gaussian_filter(maximum_filter(blocks, size=3), 1.0)
    box = (0, 0, width / block, height / block)
    return np.asarray(Image.fromarray(dark).resize((width, height), Image.Resampling.BILINEAR, box))


def _clean(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill pinholes and drop crumbs smaller than about a pixel of the ink image; a hairline may hold by its corners."""
    from scipy.ndimage import label

    least = strokes.FINE**2
    names, count = label(~mask)
    if count > 1:
        mask = mask | (np.bincount(names.ravel()) <= least)[names] & (names > 0)
    names, count = label(mask, structure=np.ones((3, 3)))
    if count > 1:
        large = np.bincount(names.ravel()) > least
        large[0] = False
        mask = large[names] if large.any() else mask
    return mask[extent(mask)]


def _doubts(
    page: InkMap, shapes: list[Shape], invert: bool | None, cut_out_of_more: bool, followed: Followed
) -> list[Doubt]:
    doubts = []
    if cut_out_of_more:
        message = "A sheet of paper was found: only what is on it was read."
        doubts.append(Doubt("sheet", message, "Read the whole picture", {"whole": True}))
    if invert is None and page.polarity_margin < UNSURE:
        now, other = ("lighter", "darker") if page.light_on_dark else ("darker", "lighter")
        doubts.append(
            Doubt(
                "inversion",
                f"The ink was taken to be {now} than the paper, but the picture leaves that open.",
                f"The ink is {other}",
                {"invert": not page.light_on_dark},
            )
        )
    if count := followed.left or followed.taken:
        strokes_are, them = ("A faint stroke was", "it") if count == 1 else (f"{count} faint strokes were", "them")
        done, offer = ("left out", f"Take {them} in") if followed.left else ("taken in", f"Leave {them} out")
        doubts.append(Doubt("faint", f"{strokes_are} {done}.", offer, {"faint": bool(followed.left)}))
    if len(shapes) > 1:
        message = f"{len(shapes)} shapes found: each is judged on its own."
        doubts.append(Doubt("several", message, "They are one digit", {"split": False}))
    if page.contrast < LOW_CONTRAST:
        message = f"The ink is only {page.contrast:.0%} away from the paper: more light or a darker pen would help."
        doubts.append(Doubt("contrast", message))
    return doubts


def _steps(
    opened: Picture, sheet: Floats | None, page: InkMap, ink: Floats, lines: int, shapes: list[Shape], images: Floats
) -> tuple[Step, ...]:
    kind = "lighter" if page.light_on_dark else "darker"
    inked = np.zeros(page.ink.shape, bool)
    for shape in shapes:
        left, top, right, bottom = shape.box
        inked[top:bottom, left:right] |= shape.mask
    count = "1 shape" if len(shapes) == 1 else f"{len(shapes)} shapes"
    cut = () if sheet is None else (Step("Sheet found", _bytes(sheet), "What the sheet lies on was left out."),)
    ruling = () if not lines else (Step("Lines removed", _bytes(1 - ink), f"{lines} printed lines taken out."),)
    return (
        Step("Picture", _bytes(opened.pixels), f"{opened.width} x {opened.height} pixels, upright."),
        *cut,
        Step("Even light", _bytes(1 - page.ink), f"Uneven light removed; the ink is {kind} than the paper."),
        *ruling,
        Step(
            "Ink found", _bytes(1 - inked.astype(np.float32)), f"{count}; specks and what the edge cuts off left out."
        ),
        Step("Ink image", _bytes(images[0]), "Strokes brought to MNIST's widths, put in the 20x20 box, centred."),
    )


def _bytes(pixels: Floats) -> Pixels:
    """Floats 0 .. 1 as uint8, small enough to show."""
    factor = -(-max(pixels.shape[:2]) // STEP_SIDE)
    return storage.grey(pixels[::factor, ::factor])
