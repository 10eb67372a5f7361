"""Containers of pictures: what their first bytes say, before anything is decoded or when it could not be."""

import io
import math
from typing import BinaryIO

from PIL import Image, TiffImagePlugin

from core.errors import InkError
from core.ink import foreign

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "AVIF")
ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")  # their files may have more frames than the one that is read
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
OFFER = "give a PNG, JPEG, HEIC, AVIF, WebP, TIFF, BMP or GIF picture, or a PDF."
MOST_SCANS, MOST_PIECES = 60, 100_000  # of a JPEG, of a TIFF
MOST_FILLING = 1 << 17  # bytes between the segments of a JPEG
# Of a PNG, what Pillow unpacks and refuses where it is long, though no pixel depends on it; but for what may say which
# way up the picture is.
_BESIDE = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
_UPRIGHT = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0\0")


def is_picture(head: bytes) -> bool:
    r"""Whether a file that begins like this is a picture, whatever it is called.

    >>> is_picture(b"\x89PNG\r\n\x1a\n"), is_picture(b"label,pixel0"), is_picture(b"BM, 1, 2")
    (True, False, False)
    """
    return (
        head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", *TIFF))
        or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
        or (head.startswith(b"BM") and head[6:10] == bytes(4))
        or head[4:8] == b"ftyp"
    )


def formats(head: bytes) -> tuple[str, ...]:
    """What Pillow may take a file for; what iPhones photograph in has a decoder of its own, loaded where it is met."""
    if head[4:8] != b"ftyp":
        return FORMATS
    import pillow_heif

    pillow_heif.register_heif_opener()
    return (*FORMATS, "HEIF")


def check_cost(file: BinaryIO, name: str) -> bytes:
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


def without_texts(file: BinaryIO) -> BinaryIO:
    """A PNG without its texts and colour profile, of whatever length; any other file as it is, at its start."""
    kept, at, size = [b"\x89PNG\r\n\x1a\n"], 8, file.seek(0, io.SEEK_END)
    file.seek(0)
    whole = file.read(8) != kept[0]
    while not whole and at < size:
        head = file.read(8)
        rest = file.read(int.from_bytes(head[:4]) + 4)
        at += len(head) + len(rest)
        if head[4:] not in _BESIDE or rest.startswith(_UPRIGHT):
            kept += (head, rest)
    file.seek(0)
    return file if whole or sum(map(len, kept)) == size else io.BytesIO(b"".join(kept))


def has_more_pages(image: Image.Image) -> bool:
    """Whether a TIFF has a page after its first, or an animation a frame.

    A preview or a mask is no page (NewSubfileType, bits 0 and 2).
    """
    try:
        if image.format in ANIMATED:
            return bool(getattr(image, "is_animated", False))
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            image.seek(1)
            return not int(image.tag_v2.get(254, 0)) & 0b101
    # Whatever is wrong with what comes after the first is no matter.
    except Exception:
        return False
    return False


def unknown(file: BinaryIO, name: str) -> str:
    """Why a file cannot be read; containers of films begin like those of photographs."""
    file.seek(0)
    head = file.read(16)
    if head.startswith(TIFF):
        return f"{name} is a TIFF that is damaged or of a rare kind: save it with 8 or 16 bits a colour, or as PNG."
    if head[4:8] != b"ftyp":
        return foreign.remedy(name, head) or f"{name} is not a picture that can be read: {OFFER}"
    if head[8:12] in (b"heic", b"heix", b"mif1", b"avif"):
        return f"{name} is a photograph that is damaged or incomplete: save or upload it again."
    return f"{name} is a film, or a photograph of a kind that is not read: {OFFER}"
