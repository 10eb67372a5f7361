"""Opens pictures that nobody vouches for: files, PIL images and arrays become bounded, upright, opaque pixels."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from core import arguments, settings
from core.errors import InkError, OddDigitError
from core.ink import containers, pdf
from core.ink.masks import along_border, extent
from core.ink.resize import resized, unrepeated

# Names of files that hold one picture, but for a TIFF of several pages; a PDF may be read too.
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".heic", ".heif", ".avif"),
    *(".webp", ".tif", ".tiff", ".bmp", ".gif"),
)
MOST_PIXELS = settings.PIXELS
# Of a strip, such as a row of a form, the shorter side counts: it keeps at least this share of the working side, as far
# as that makes it no longer than so many of them.
WORKING_SIDE, STRIP, LONGEST_STRIP = 800, 0.25, 8

Floats = NDArray[np.float32]
Source = bytes | Path | Image.Image | NDArray[Any] | InkError

_SAMPLE_FORMAT = 339  # tag of TIFF (6.0, section 19)
# A sheet that was cut out fills its box; so much of a drawing of one colour is another by so much at most.
_FILLED, _WRITTEN, _OTHER, _SHEET = 0.7, 0.0005, 0.3, 0.9


@dataclass(frozen=True)
class Picture:
    """An opened picture, upright, opaque and small enough to work on.

    Attributes:
        pixels: float32 ``(h, w)`` or ``(h, w, 3)``, 0 black .. 1 white, longest side at most ``WORKING_SIDE``,
            but for strips.
        width: width of the upright original, pixels.
        height: height of the upright original, pixels.
        drawn_in_alpha: whether the drawing was in the alpha channel alone; ``pixels`` then hold 1 - alpha.
        more_pages: whether the file has other pages or frames, which are not read.
    """

    pixels: Floats
    width: int
    height: int
    drawn_in_alpha: bool = False
    more_pages: bool = False

    @property
    def scale(self) -> tuple[float, float]:
        """Original pixels per working pixel, (x, y), each >= 1."""
        return self.width / self.pixels.shape[1], self.height / self.pixels.shape[0]


def open_picture(source: Source, name: str) -> Picture:
    """Open anything a person may hand over.

    A picture's size is read from its header before anything is decoded; an animation gives its first frame, a TIFF or
    a PDF of several pages its first page.

    Args:
        source: the bytes of a picture file, the path of one, a PIL image, or an array ``(h, w)``, ``(h, w, 1 .. 4)``
            of bool, unsigned or signed integers, or floats in 0 .. 1 or 0 .. 255; an error, of a page, is raised.
        name: what to call it in errors.

    Raises:
        InkError: not a picture, truncated, empty, too large, or values that are no brightness.
    """
    if isinstance(source, InkError):
        raise source
    if isinstance(source, Image.Image):
        return _from_image(source, name)
    if hasattr(source, "__array__"):
        try:
            return _from_array(arguments.array(name, source, "an array (h, w), (h, w, 3) or (h, w, 4)"), name)
        except OddDigitError as error:
            raise InkError(str(error)) from error
    if isinstance(source, (bytes, bytearray, memoryview)):
        if not len(source):
            raise InkError(f"{name} is empty (0 bytes): save or upload it again.")
        return _from_file(io.BytesIO(source), name)
    if isinstance(source, (str, Path)):
        try:
            path = arguments.path(name, source)
            size = path.stat().st_size if path.is_file() else None
        except OSError as error:
            raise InkError(f"{name} cannot be opened ({error.strerror}): check the path.") from error
        except OddDigitError as error:
            raise InkError(str(error)) from error
        if size is None and str(source) and path.is_dir():
            raise InkError(f"{name} is a folder: give a picture in it, or the folder to read_many.")
        if size is None:
            raise InkError(f"{name}: there is no such file; check the path.")
        if not size:
            raise InkError(f"{name} is empty (0 bytes): save it again.")
        with path.open("rb") as file:  # by its path, Pillow maps a raw TIFF into memory, on its side as it lies there
            return _from_file(file, name)
    raise InkError(f"{name} is a {type(source).__name__}, which is no picture: {containers.OFFER}")


def _from_file(file: BinaryIO, name: str) -> Picture:
    try:
        head = containers.check_cost(file, name)
        if pdf.is_pdf(head):
            total, page = next(pdf.pages(file.read(pdf.LARGEST_BYTES + 1), name))
            return replace(_from_array(page, name), more_pages=total > 1)
        with Image.open(containers.without_texts(file), formats=containers.formats(head)) as image:
            picture = _from_image(image, name)
            return replace(picture, more_pages=containers.has_more_pages(image))
    except InkError:
        raise
    except Image.UnidentifiedImageError as error:
        raise InkError(containers.unknown(file, name)) from error
    except Image.DecompressionBombError as error:
        raise InkError(_too_large(name)) from error
    # Decoders meet hostile bytes here and raise almost anything: struct.error, KeyError, zlib.error, MemoryError, ...
    except Exception as error:
        raise InkError(f"{name} is damaged or incomplete: save or upload it again.") from error


def _from_image(image: Image.Image, name: str) -> Picture:
    width, height = image.size
    if width < 1 or height < 1:
        raise InkError(f"{name} is {width} x {height} pixels: {containers.OFFER}")
    if width * height > MOST_PIXELS:
        raise InkError(_too_large(name, f" ({width} x {height} pixels)"))
    image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))  # JPEG alone: decodes at a fraction of the size, with its memory
    try:
        image.load()
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        small = _shrink(_as_meant(image))
        if orientation != 1:
            # All else that a file says of itself, which may be damaged, is left behind.
            small.info = {}
            small.getexif()[ExifTags.Base.Orientation] = orientation
            small = ImageOps.exif_transpose(small)
        pixels, in_alpha = _opaque(small, name)
    except InkError:
        raise
    # As in _from_file: an image object may still decode lazily.
    except Exception as error:
        raise InkError(f"{name} is damaged or incomplete: save or upload it again.") from error
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    return Picture(unrepeated(pixels), width, height, in_alpha)


def _from_array(array: NDArray[Any], name: str) -> Picture:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (2, 3, 4)) or array.size == 0:
        raise InkError(f"{name} has shape {array.shape}: give one picture of shape (h, w), (h, w, 3) or (h, w, 4).")
    height, width = array.shape[:2]
    if height * width > MOST_PIXELS:
        raise InkError(_too_large(name, f" ({width} x {height} pixels)"))
    values = _brightness(array, name)
    if (size := _fitted(width, height)) != (width, height):
        values = resized(values, size)
    pixels, in_alpha = _flatten(values)
    return Picture(unrepeated(pixels), width, height, in_alpha)


def _brightness(array: NDArray[Any], name: str) -> Floats:
    """Any array as float32 0 .. 1; an 8-bit value becomes exactly value / 255."""
    if array.dtype == np.bool_:
        return array.astype(np.float32)
    if not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)):
        raise InkError(f"{name} holds {array.dtype} values, which are no brightness: give floats 0 .. 1 or 0 .. 255.")
    _check_finite(array, name)
    low, high = float(array.min()), float(array.max())
    whole = np.issubdtype(array.dtype, np.integer)
    top = 65535 if whole and (array.dtype == np.uint16 or high > 255) else 255 if whole or high > 1.001 else 1
    if low < -0.001 or high > top:
        raise InkError(f"{name} holds values from {low:g} to {high:g}: brightness runs 0 .. 1 or 0 .. 255.")
    return np.clip(array.astype(np.float32) / np.float32(top), 0, 1)


def _as_meant(image: Image.Image) -> Image.Image:
    """A picture whose numbers are what its TIFF says: Pillow takes all bytes for unsigned and 32 bits for signed."""
    signed = isinstance(image, TiffImageFile) and image.tag_v2.get(_SAMPLE_FORMAT, (1,))[0] == 2
    if signed and image.mode == "L":
        return Image.fromarray(np.asarray(image) ^ 128)
    if isinstance(image, TiffImageFile) and not signed and image.mode == "I":
        return Image.fromarray(np.asarray(image).view(np.uint32).astype(np.float32))
    return image


def _shrink(image: Image.Image) -> Image.Image:
    """At most ``WORKING_SIDE`` on the longest side, in a mode that brightness can be read from."""
    if image.mode not in ("1", "L", "LA", "RGB", "RGBA", "I", "F", "CMYK", "I;16", "I;16L", "I;16B", "I;16N"):
        transparent = "transparency" in image.info or image.mode in ("PA", "RGBa", "La")
        image = image.convert("RGBA" if transparent else "RGB")
    elif "transparency" in image.info and image.mode in ("1", "L", "RGB"):
        image = image.convert("RGBA")
    if (size := _fitted(*image.size)) == image.size:
        return image
    if image.mode == "1":
        image = image.convert("L")
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _fitted(width: int, height: int) -> tuple[int, int]:
    """The size to work at, (width, height): that of the picture where it is small enough."""
    shorter, longer = sorted((width, height))
    ratio = min(
        1.0, max(WORKING_SIDE / longer, min(STRIP * WORKING_SIDE / shorter, LONGEST_STRIP * WORKING_SIDE / longer))
    )
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def _opaque(image: Image.Image, name: str) -> tuple[Floats, bool]:
    """PIL image to opaque brightness ``(h, w)`` or ``(h, w, 3)``."""
    if image.mode == "CMYK":
        image = image.convert("RGB")
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image, dtype=np.float32)
        _check_finite(values, name)
        low, high = float(values.min()), float(values.max())
        tops = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        # These have no agreed white: the least that all values are below; with none, the brightest there is.
        top = next((top for top in tops if low >= 0 and high <= top), None)
        if top is None:
            values, top = values - low, high - low
        return (values / np.float32(top)).astype(np.float32), False
    if image.mode == "1":
        image = image.convert("L")
    return _flatten(np.asarray(image).astype(np.float32) / np.float32(255))


def _check_finite(values: NDArray[Any], name: str) -> None:
    if not np.isfinite(values).all():
        raise InkError(f"{name} holds NaN or infinity: brightness must be finite, 0 .. 1 or 0 .. 255.")


def _flatten(values: Floats) -> tuple[Floats, bool]:
    """Put what is transparent on paper.

    A drawing of one colour on nothing is its alpha channel, whatever the colour: 1 - alpha then stands for brightness.
    So is what was rubbed out of a sheet of one colour that fills the picture: there, alpha does.
    A cut-out sheet goes on in its own colour, whatever shadow is around it. Anything else is laid on white, or on black
    where what shows is mostly light.
    """
    if values.ndim == 2 or values.shape[2] == 3:
        return values, False
    colour, alpha = values[:, :, :-1], values[:, :, -1]
    if alpha.min() > 0.99:
        return (colour[:, :, 0] if colour.shape[2] == 1 else colour), False
    shows = alpha > 0.5
    seen = colour[shows]
    middle = np.median(seen, axis=0) if seen.size else np.zeros(colour.shape[2], np.float32)
    written = (np.abs(seen - middle).max(axis=1) > _OTHER).mean() if seen.size else 0.0
    if (alpha < 0.1).mean() > 0.02 and written < _WRITTEN and (not seen.size or seen.std(axis=0).max() < 0.1):
        return (alpha if along_border(shows).mean() > _SHEET else 1 - alpha), True
    opaque = alpha > 0.95
    if _fills_its_box(opaque) and written < 0.5:
        flat = np.where(opaque[:, :, None], colour, middle)
        return (flat[:, :, 0] if flat.shape[2] == 1 else flat), False
    paper = np.float32(0.0 if seen.size and seen.mean() > 0.7 and shows.mean() < 0.5 else 1.0)
    flat = colour * alpha[:, :, None] + paper * (1 - alpha[:, :, None])
    return (flat[:, :, 0] if flat.shape[2] == 1 else flat), False


def _fills_its_box(mask: NDArray[np.bool_]) -> bool:
    """Whether a mask is of one piece such as a sheet, a window or a round cut-out: a circle fills 0.79 of its box."""
    return bool(mask.any() and mask[extent(mask)].mean() > _FILLED)


def _too_large(name: str, size: str = "") -> str:
    return f"{name} is too large{size}: shrink it to at most {MOST_PIXELS // 1_000_000} million pixels."
