"""Opening pictures that nobody vouches for."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image

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


def half_black(mode: str = "L", size: tuple[int, int] = (40, 20)) -> Image.Image:
    image = Image.new("L", size, 255)
    image.paste(0, (0, 0, size[0] // 2, size[1]))
    return image.convert(mode)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"", "0 bytes"),
        (b"not a picture at all", "not a picture"),
        (b"%PDF-1.4 and so on", "is a PDF that is damaged"),
        (png_header(60_000, 60_000), "too large"),
        (png_header(9_000, 9_000), "too large"),
        (encoded(half_black(size=(300, 300)), "PNG")[:120], "damaged"),
        (encoded(half_black("RGB", size=(300, 300)), "JPEG")[:700], "damaged"),
        (encoded(half_black("RGB"), "ICO"), "not a picture"),
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


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_gives_the_same_brightness(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.asarray(half_black()).astype(np.uint16) * 257)
    elif mode == "I":
        image = Image.fromarray(np.asarray(half_black()).astype(np.int32) * 257)
    else:
        image = half_black(mode)
    pixels = open_picture(image, "p").pixels
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    assert pixels.dtype == np.float32
    assert grey[:, :19].max() < 0.05
    assert grey[:, 21:].min() > 0.95


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "AVIF"])
def test_every_promised_format_opens(fmt: str) -> None:
    picture = open_picture(encoded(half_black("RGB"), fmt), "p")
    assert (picture.width, picture.height) == (40, 20)
    assert picture.pixels[-1, 0].mean() < 0.1
    assert picture.pixels[-1, -1].mean() > 0.9


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("L", (30, 30), shade) for shade in (250, 5, 5)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    assert open_picture(data, "p").pixels.mean() > 0.9


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright_whatever_the_camera_noted(orientation: int) -> None:
    # Arrange: an upright picture, dark at the left, taken apart so that the Exif note puts it right again.
    upright = half_black("RGB", (60, 30))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Act
    picture = open_picture(encoded(stored, "JPEG", quality=95, exif=exif.tobytes()), "p")
    # Assert
    assert (picture.width, picture.height) == (60, 30)
    assert picture.pixels[:, :25].max() < 0.2
    assert picture.pixels[:, 35:].min() > 0.8


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 30)])
def test_a_drawing_of_any_one_colour_on_nothing_is_dark_on_light(colour: tuple[int, int, int]) -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((*colour, 255), (10, 10, 20, 30))
    picture = open_picture(image, "p")
    assert picture.drawn_in_alpha
    assert picture.pixels[20, 15] < 0.01
    assert picture.pixels[35, 35] > 0.99


def test_a_palette_with_transparency_is_laid_on_paper() -> None:
    image = Image.new("P", (40, 40), 0)
    image.putpalette([0, 0, 0, 10, 10, 10] + [0] * 762)
    image.paste(1, (10, 10, 20, 30))
    picture = open_picture(encoded(image, "PNG", transparency=0), "p")
    grey = picture.pixels if picture.pixels.ndim == 2 else picture.pixels.mean(axis=2)
    assert grey[20, 15] < 0.1
    assert grey[35, 35] > 0.9


def test_a_large_picture_is_shrunk_and_knows_its_own_size() -> None:
    picture = open_picture(encoded(half_black("RGB", (3000, 2001)), "JPEG"), "p")
    assert (picture.width, picture.height) == (3000, 2001)
    assert max(picture.pixels.shape[:2]) <= WORKING_SIDE
    assert picture.scale == pytest.approx((3000 / picture.pixels.shape[1], 2001 / picture.pixels.shape[0]))


def test_eight_bit_values_are_exactly_their_share_of_255() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(open_picture(values, "p").pixels, values.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(
        open_picture(encoded(Image.fromarray(values)), "p").pixels, values.astype(np.float32) / np.float32(255)
    )


def test_a_photograph_of_an_iphone_is_read_upright() -> None:
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # its top is on the left
    photograph, file = half_black("RGB", (80, 40)), io.BytesIO()
    photograph.info["exif"] = exif.tobytes()  # from which the encoder takes how it lies
    photograph.save(file, "HEIF")

    picture = open_picture(file.getvalue(), "IMG_0001.HEIC")

    assert (picture.width, picture.height) == (40, 80)
    assert picture.pixels[:35].mean() < 0.1
    assert picture.pixels[45:].mean() > 0.9


@pytest.mark.parametrize(
    ("kind", "said"), [(b"heic", "a photograph that is damaged"), (b"isom", "a film"), (b"qt  ", "a film")]
)
def test_what_begins_like_a_photograph_of_an_iphone_and_is_none_is_named(kind: bytes, said: str) -> None:
    with pytest.raises(InkError, match=said):
        open_picture(b"\0\0\0\x18ftyp" + kind + b"\0\0\0\0mif1heic", "mine")
