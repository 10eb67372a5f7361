"""Opens pictures that nobody vouches for: files, PIL images and arrays become bounded, upright, opaque pixels."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin

from core import settings
from core.errors import InkError
from core.ink import pdf
from core.ink.resize import resized

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "AVIF")
# Names of files that hold one picture, but for a TIFF of several pages; a PDF may be read too.
SUFFIXES = (".png", ".jpg", ".jpeg", ".heic", ".heif", ".avif", ".webp", ".tif", ".tiff", ".bmp", ".gif")
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST_PIXELS = settings.PIXELS
WORKING_SIDE = 800
MOST_SCANS, MOST_PIECES = 60, 100_000  # of a JPEG, of a TIFF
MOST_FILLING = 1 << 17  # bytes between the segments of a JPEG

Floats = NDArray[np.float32]
Source = bytes | Path | Image.Image | NDArray[Any] | InkError

# A sheet that was cut out fills its box; so much of a drawing of one colour is another by so much at most.
_FILLED, _WRITTEN, _OTHER = 0.7, 0.0005, 0.3
_OFFER = "give a PNG, JPEG, HEIC, AVIF, WebP, TIFF, BMP or GIF picture, or a PDF."


@dataclass(frozen=True)
class Picture:
    """An opened picture, upright, opaque and small enough to work on.

    Attributes:
        pixels: float32 ``(h, w)`` or ``(h, w, 3)``, 0 black .. 1 white, longest side at most ``WORKING_SIDE``.
        width: width of the upright original, pixels.
        height: height of the upright original, pixels.
        drawn_in_alpha: whether the drawing was in the alpha channel alone; ``pixels`` then hold 1 - alpha.
        more_pages: whether the file has other pages, which are not read.
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
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if isinstance(source, Image.Image):
        return _from_image(source, name)
    if isinstance(source, (bytes, bytearray, memoryview)):
        if not len(source):
            raise InkError(f"{name} is empty (0 bytes): save or upload it again.")
        return _from_file(io.BytesIO(source), name)
    if isinstance(source, (str, Path)):
        path = Path(source)
        try:
            size = path.stat().st_size if path.is_file() else None
        except OSError as error:
            raise InkError(f"{name} cannot be opened ({error.strerror}): check the path.") from error
        if size is None:
            raise InkError(f"{name}: there is no such file; check the path.")
        if not size:
            raise InkError(f"{name} is empty (0 bytes): save it again.")
        with path.open("rb") as file:  # by its path, Pillow maps a raw TIFF into memory, on its side as it lies there
            return _from_file(file, name)
    raise InkError(f"{name} is a {type(source).__name__}, which is no picture: {_OFFER}")


def _from_file(file: BinaryIO, name: str) -> Picture:
    try:
        head = _check_cost(file, name)
        if pdf.is_pdf(head):
            total, page = next(pdf.pages(file.read(pdf.LARGEST_BYTES + 1), name))
            return replace(_from_array(page, name), more_pages=total > 1)
        with Image.open(file, formats=_formats(head)) as image:
            picture = _from_image(image, name)
            return replace(picture, more_pages=_has_more_pages(image))
    except InkError:
        raise
    except Image.UnidentifiedImageError as error:
        raise InkError(_unknown(file, name)) from error
    except Image.DecompressionBombError as error:
        raise InkError(_too_large(name)) from error
    # Decoders meet hostile bytes here and raise almost anything: struct.error, KeyError, zlib.error, MemoryError, ...
    except Exception as error:
        raise InkError(f"{name} is damaged or incomplete: save or upload it again.") from error


def _formats(head: bytes) -> tuple[str, ...]:
    """What Pillow may take a file for; what iPhones photograph in has a decoder of its own, loaded where it is met."""
    if head[4:8] != b"ftyp":
        return FORMATS
    import pillow_heif

    pillow_heif.register_heif_opener()
    return (*FORMATS, "HEIF")


def _check_cost(file: BinaryIO, name: str) -> bytes:
    """Refuse what few bytes make costly to decode, whatever its size in pixels; leaves the file at its start.

    Returns:
        the first bytes of the file.

    Raises:
        InkError: a JPEG of many scans, each of which goes over all pixels, or of filling; a TIFF of many pieces.
    """
    head = file.read(512)
    if head.startswith(b"\xff\xd8"):
        file.seek(0)
        content = file.read()
        # Filling may stand before every marker, and is passed over a byte at a time; no segment has so much inside.
        if b"\xff" * MOST_FILLING in content.partition(b"\xff\xda")[0]:
            raise InkError(f"{name} is a JPEG of filling, which no camera makes: save it again.")
        # Within compressed data no 0xFF stands before 0xDA, so this counts scans, and those of a preview or two.
        if (scans := content.count(b"\xff\xda")) > MOST_SCANS:
            raise InkError(f"{name} is a JPEG of {scans:,} scans, which no camera makes: save it again.")
    elif head.startswith(TIFF) and (pieces := _pieces_of_tiff(file, head)) > MOST_PIECES:
        raise InkError(f"{name} is a TIFF cut into {pieces:,} pieces: save it again, in larger ones or as PNG.")
    file.seek(0)
    return head


def _pieces_of_tiff(file: BinaryIO, head: bytes) -> int:
    """How many tiles or strips the first page of a TIFF has by its own account (TIFF 6.0, sections 3 and 15)."""
    tags = TiffImagePlugin.ImageFileDirectory_v2(head[:16] if head[2] == 43 or head[3] == 43 else head[:8])
    file.seek(tags.next)
    tags.load(file)
    width, height = (int(tags[tag]) for tag in (TiffImagePlugin.IMAGEWIDTH, TiffImagePlugin.IMAGELENGTH))
    across = int(tags.get(TiffImagePlugin.TILEWIDTH, width))
    down = int(tags.get(TiffImagePlugin.TILELENGTH, tags.get(TiffImagePlugin.ROWSPERSTRIP, height)))
    return math.ceil(width / across) * math.ceil(height / down)


def _has_more_pages(image: Image.Image) -> bool:
    """Whether a TIFF has a page after its first; a preview or a mask is none (NewSubfileType, bits 0 and 2)."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    try:
        image.seek(1)
    # Whatever is wrong with what comes after the first page is no matter.
    except Exception:
        return False
    return not int(image.tag_v2.get(254, 0)) & 0b101


def _unknown(file: BinaryIO, name: str) -> str:
    """Why a file cannot be read; containers of films begin like those of photographs."""
    file.seek(0)
    head = file.read(12)
    if head[4:8] != b"ftyp":
        return f"{name} is not a picture that can be read: {_OFFER}"
    if head[8:12] in (b"heic", b"heix", b"mif1", b"avif"):
        return f"{name} is a photograph that is damaged or incomplete: save or upload it again."
    return f"{name} is a film, or a photograph of a kind that is not read: {_OFFER}"


def _from_image(image: Image.Image, name: str) -> Picture:
    width, height = image.size
    if width < 1 or height < 1:
        raise InkError(f"{name} is {width} x {height} pixels: {_OFFER}")
    if width * height > MOST_PIXELS:
        raise InkError(_too_large(name, f" ({width} x {height} pixels)"))
    image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))  # JPEG alone: decodes at a fraction of the size, with its memory
    try:
        image.load()
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        small = _shrink(image)
        if orientation != 1:
            # All else that a file says of itself, which may be damaged, is left behind.
            small.info = {}
            small.getexif()[ExifTags.Base.Orientation] = orientation
            small = ImageOps.exif_transpose(small)
        pixels, in_alpha = _opaque(small)
    # As in _from_file: an image object may still decode lazily.
    except Exception as error:
        raise InkError(f"{name} is damaged or incomplete: save or upload it again.") from error
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    return Picture(pixels, width, height, in_alpha)


def _from_array(array: NDArray[Any], name: str) -> Picture:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (2, 3, 4)) or array.size == 0:
        raise InkError(f"{name} has shape {array.shape}: give one picture of shape (h, w), (h, w, 3) or (h, w, 4).")
    height, width = array.shape[:2]
    if height * width > MOST_PIXELS:
        raise InkError(_too_large(name, f" ({width} x {height} pixels)"))
    values = _brightness(array, name)
    if max(height, width) > WORKING_SIDE:
        values = resized(values, _fitted(width, height))
    pixels, in_alpha = _flatten(values)
    return Picture(pixels, width, height, in_alpha)


def _brightness(array: NDArray[Any], name: str) -> Floats:
    """Any array as float32 0 .. 1; an 8-bit value becomes exactly value / 255."""
    if array.dtype == np.bool_:
        return array.astype(np.float32)
    if not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)):
        raise InkError(f"{name} holds {array.dtype} values, which are no brightness: give floats 0 .. 1 or 0 .. 255.")
    if not np.isfinite(array).all():
        raise InkError(f"{name} holds NaN or infinity: brightness must be finite, 0 .. 1 or 0 .. 255.")
    low, high = float(array.min()), float(array.max())
    whole = np.issubdtype(array.dtype, np.integer)
    top = 65535 if whole and (array.dtype == np.uint16 or high > 255) else 255 if whole or high > 1.001 else 1
    if low < -0.001 or high > top:
        raise InkError(f"{name} holds values from {low:g} to {high:g}: brightness runs 0 .. 1 or 0 .. 255.")
    return np.clip(array.astype(np.float32) / np.float32(top), 0, 1)


def _shrink(image: Image.Image) -> Image.Image:
    """At most ``WORKING_SIDE`` on the longest side, in a mode that brightness can be read from."""
    if image.mode not in ("1", "L", "LA", "RGB", "RGBA", "I", "F", "CMYK", "I;16", "I;16L", "I;16B", "I;16N"):
        transparent = "transparency" in image.info or image.mode in ("PA", "RGBa", "La")
        image = image.convert("RGBA" if transparent else "RGB")
    elif "transparency" in image.info and image.mode in ("1", "L", "RGB"):
        image = image.convert("RGBA")
    longest = max(image.size)
    if longest <= WORKING_SIDE:
        return image
    if image.mode == "1":
        image = image.convert("L")
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    return image.resize(_fitted(*image.size), Image.Resampling.BOX, reducing_gap=2.0)


def _fitted(width: int, height: int) -> tuple[int, int]:
    ratio = WORKING_SIDE / max(width, height)
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def _opaque(image: Image.Image) -> tuple[Floats, bool]:
    """PIL image to opaque brightness ``(h, w)`` or ``(h, w, 3)``."""
    if image.mode == "CMYK":
        image = image.convert("RGB")
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image, dtype=np.float32)
        low, high = float(values.min()), float(values.max())
        top = 65535.0 if image.mode != "F" else 255.0
        if image.mode == "F" and low >= 0 and high <= 1:
            top = 1.0
        # 32-bit files have no agreed white; beyond the 16-bit range the brightest pixel is the best there is.
        if low < 0 or high > top:
            values, top = values - low, max(high - low, 1e-6)
        return np.clip(np.nan_to_num(values / np.float32(top)), 0, 1).astype(np.float32), False
    if image.mode == "1":
        image = image.convert("L")
    return _flatten(np.asarray(image).astype(np.float32) / np.float32(255))


def _flatten(values: Floats) -> tuple[Floats, bool]:
    """Put what is transparent on paper.

    A drawing of one colour on nothing is its alpha channel, whatever the colour: 1 - alpha then stands for brightness.
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
        return 1 - alpha, True
    opaque = alpha > 0.95
    if _fills_its_box(opaque) and written < 0.5:
        flat = np.where(opaque[:, :, None], colour, middle)
        return (flat[:, :, 0] if flat.shape[2] == 1 else flat), False
    paper = np.float32(0.0 if seen.size and seen.mean() > 0.7 and shows.mean() < 0.5 else 1.0)
    flat = colour * alpha[:, :, None] + paper * (1 - alpha[:, :, None])
    return (flat[:, :, 0] if flat.shape[2] == 1 else flat), False


def _fills_its_box(mask: NDArray[np.bool_]) -> bool:
    """Whether a mask is of one piece such as a sheet, a window or a round cut-out: a circle fills 0.79 of its box."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return False
    return bool(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean() > _FILLED)


def _too_large(name: str, size: str = "") -> str:
    return f"{name} is too large{size}: shrink it to at most {MOST_PIXELS // 1_000_000} million pixels."
