"""Opening pictures that nobody vouches for: what cannot be read, or costs too much, is refused before it is decoded."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import InkError
from core.ink.picture import WORKING_SIDE, open_picture
from tests.support.piles import encoded


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def tiff_header(*tags: tuple[int, int, int]) -> bytes:
    """A TIFF of these tags, each a number, its type and its value, without pixels (TIFF 6.0, section 2)."""
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def of_scans(data: bytes, scans: int) -> bytes:
    """A progressive JPEG that goes over its pixels so many times more."""
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * scans + data[-2:]


HALF_BLACK = Image.fromarray(np.repeat(np.uint8([0, 255]), 150)[None].repeat(300, axis=0))
JPEG = encoded(HALF_BLACK, "JPEG", progressive=True)
MILLIONS_OF_TILES = ((256, 4, 2000), (257, 4, 2000), (258, 3, 8), (259, 3, 1), (262, 3, 1), (322, 4, 1), (323, 4, 1))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"", "0 bytes"),
        (b"not a picture at all", "not a picture"),
        (b"%PDF-1.4 and so on", "is a PDF that is damaged"),
        (png_header(60_000, 60_000), "too large"),
        (png_header(9_000, 9_000), "too large"),
        (encoded(HALF_BLACK, "ICO"), "not a picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a photograph that is damaged"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mif1heic", "a film"),
        (b"\0\0\0\x18ftypqt  \0\0\0\0mif1heic", "a film"),
        (of_scans(JPEG, 1000), r"JPEG of 1,\d{3} scans"),
        (JPEG[:2] + b"\xff" * (1 << 20) + JPEG[2:], "JPEG of filling"),
        (tiff_header(*MILLIONS_OF_TILES), "cut into 4,000,000 pieces"),
        (np.zeros((0, 5)), "shape"),
        (np.zeros((2, 3, 4, 5)), "shape"),
        (np.full((9, 9), np.nan), "NaN"),
        (np.full((9, 9), 300.0), "brightness"),
        (np.full((9, 9), -1), "brightness"),
        (np.full((9, 9), "x"), "brightness"),
        (3.5, "no picture"),
        (np.broadcast_to(np.uint8(0), (9000, 9000)), "too large"),
    ],
    ids=lambda value: None if isinstance(value, str) else "",
)
def test_bad_input_is_refused_in_one_line_that_names_it(source: object, words: str) -> None:
    with pytest.raises(InkError, match=words) as caught:
        open_picture(source, "holiday.png")
    assert "holiday.png" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_an_empty_and_a_folder_path_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    for path, words in (
        (tmp_path / "gone.png", "no such file"),
        (tmp_path / "empty.png", "0 bytes"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(InkError, match=words):
            open_picture(path, path.name)


def test_a_large_picture_is_shrunk_and_knows_its_own_size() -> None:
    picture = open_picture(encoded(HALF_BLACK.resize((3000, 2001)), "JPEG"), "p")
    assert (picture.width, picture.height) == (3000, 2001)
    assert max(picture.pixels.shape[:2]) <= WORKING_SIDE
    assert picture.scale == pytest.approx((3000 / picture.pixels.shape[1], 2001 / picture.pixels.shape[0]))


def test_eight_bit_values_are_exactly_their_share_of_255() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(open_picture(values, "p").pixels, values.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(
        open_picture(encoded(Image.fromarray(values)), "p").pixels, values.astype(np.float32) / np.float32(255)
    )
