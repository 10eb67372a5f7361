"""One digit in every encoding that scanners, drawing programs and telephones write: the same ink, or a clear no."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import TiffImageFile

from core import ink
from core.errors import InkError
from core.ink import pages
from tests.support.pens import difference
from tests.support.piles import encoded

Pixels = NDArray[np.uint8]
Upright = Image.Transpose
# What turns an upright picture into what lies in the file, by the number that its EXIF then says (TIFF 6.0, tag 274).
LYING = {
    2: Upright.FLIP_LEFT_RIGHT,
    3: Upright.ROTATE_180,
    4: Upright.FLIP_TOP_BOTTOM,
    5: Upright.TRANSPOSE,
    6: Upright.ROTATE_90,
    7: Upright.TRANSVERSE,
    8: Upright.ROTATE_270,
}


def drawn() -> Image.Image:
    """A 7, dark on light."""
    page = Image.new("L", (300, 400), 250)
    ImageDraw.Draw(page).line([(80, 90), (225, 95), (165, 200), (130, 320)], fill=20, width=20, joint="curve")
    return page


GREY = drawn()
PAGE: Pixels = np.asarray(GREY)
COVER: Pixels = 255 - PAGE


def channels(*values: Pixels | int) -> Image.Image:
    """A picture of these channels, each an array or one number throughout."""
    return Image.fromarray(np.stack([np.broadcast_to(np.uint8(v), PAGE.shape) for v in values], axis=2))


def palette(*colours: int, **options: object) -> bytes:
    """The digit in two entries of a palette, paper first."""
    image = Image.fromarray((PAGE < 128).astype(np.uint8), "P")
    image.putpalette([*colours, *[0] * (768 - len(colours))])
    return encoded(image, **options)


def whole(kind: type, factor: float = 1, offset: float = 0) -> bytes:
    """A TIFF of other numbers than bytes."""
    return encoded(Image.fromarray((PAGE * np.float64(factor) + offset).astype(kind)), "TIFF")


def written(*texts: str) -> PngInfo:
    """What a program notes in a PNG, packed."""
    info = PngInfo()
    for text in texts:
        info.add_text("workflow", text, zip=True)
    return info


def taken(upright: Image.Image, kind: str, turned: int = 1) -> bytes:
    """A photograph by a camera that was held in one of eight ways, and says so."""
    pillow_heif.register_heif_opener()
    camera = Image.Exif()
    camera[274] = turned
    lying = upright.transpose(LYING[turned]) if turned in LYING else upright.copy()
    if kind == "HEIF":  # whose encoder takes how it lies from the picture's own note
        lying.info["exif"] = camera.tobytes()
        return encoded(lying, kind)
    return encoded(lying, kind, exif=camera)


SAME: dict[str, Callable[[], bytes]] = {
    "black ink on transparent black": lambda: encoded(channels(0, 0, 0, COVER)),
    "black ink on transparent white": lambda: encoded(channels(PAGE, PAGE, PAGE, COVER)),
    "white ink on transparent black": lambda: encoded(channels(COVER, COVER, COVER, COVER)),
    "white ink on transparent white": lambda: encoded(channels(255, 255, 255, COVER)),
    "blue ink on transparent": lambda: encoded(channels(20, 40, 200, COVER)),
    "opaque with alpha": lambda: encoded(channels(PAGE, PAGE, PAGE, 255)),
    "half transparent throughout": lambda: encoded(channels(PAGE, PAGE, PAGE, 128)),
    "rubbed out of white paper": lambda: encoded(channels(255, 255, 255, PAGE)),
    "rubbed out of black paper": lambda: encoded(channels(0, 0, 0, PAGE)),
    "grey with alpha, black": lambda: encoded(channels(0, COVER)),
    "grey with alpha, white": lambda: encoded(channels(255, COVER)),
    "palette": lambda: encoded(GREY.convert("P")),
    "palette, paper transparent": lambda: palette(255, 0, 0, 0, 0, 0, transparency=0),
    "palette, all of one colour": lambda: palette(0, 0, 0, 0, 0, 0, transparency=bytes([0, 255])),
    "one grey transparent": lambda: encoded(GREY, transparency=250),
    "16 bits": lambda: encoded(Image.fromarray(PAGE.astype(np.uint16) * 257)),
    "16 bits holding 12": lambda: encoded(Image.fromarray(PAGE.astype(np.uint16) * 16)),
    "16 bits holding 8": lambda: encoded(Image.fromarray(PAGE.astype(np.uint16))),
    "TIFF of 16 bits": lambda: whole(np.uint16, 257),
    "TIFF of 32 bits holding 8": lambda: whole(np.int32),
    "TIFF of 32 bits": lambda: whole(np.int32, 8_000_000),
    "TIFF of floats 0 .. 1": lambda: whole(np.float32, 1 / 255),
    "TIFF of floats 0 .. 255": lambda: whole(np.float32),
    "TIFF of floats 0 .. 65535": lambda: whole(np.float32, 257),
    "TIFF of floats -1 .. 1": lambda: whole(np.float32, 1 / 127.5, -1),
    "TIFF of unsigned 32 bits": lambda: encoded(
        Image.fromarray((PAGE * np.uint32(0x1010101)).view(np.int32)), "TIFF", tiffinfo={339: 1}
    ),
    "TIFF of signed bytes": lambda: encoded(Image.fromarray(PAGE ^ 128), "TIFF", tiffinfo={339: 2}),
    "TIFF in strips": lambda: encoded(GREY, "TIFF", tiffinfo={278: 1}),
    "TIFF, LZW": lambda: encoded(GREY, "TIFF", compression="tiff_lzw"),
    "TIFF, JPEG": lambda: encoded(GREY.convert("RGB"), "TIFF", compression="jpeg"),
    "TIFF, fax": lambda: encoded(GREY.convert("1", dither=Image.Dither.NONE), "TIFF", compression="group4"),
    "TIFF in CMYK": lambda: encoded(GREY.convert("RGB").convert("CMYK"), "TIFF"),
    "TIFF in YCbCr": lambda: encoded(GREY.convert("RGB").convert("YCbCr"), "TIFF"),
    "TIFF in Lab": lambda: encoded(GREY.convert("RGB").convert("LAB"), "TIFF"),
    "JPEG in CMYK": lambda: encoded(GREY.convert("RGB").convert("CMYK"), "JPEG"),
    "JPEG, progressive": lambda: encoded(GREY, "JPEG", progressive=True),
    "JPEG with junk after it": lambda: encoded(GREY, "JPEG") + b"x" * 1000,
    "a profile": lambda: encoded(
        GREY.convert("RGB"), icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    ),
    "a profile of 2 MB": lambda: encoded(GREY.convert("RGB"), icc_profile=bytes(2_000_000)),
    "text of 2 MB": lambda: encoded(GREY, pnginfo=written("a" * 2_000_000)),
    "text after text": lambda: encoded(GREY, pnginfo=written(*["a" * 1_000_000] * 65)),
    "a profile of junk": lambda: encoded(GREY.convert("RGB"), icc_profile=b"junk"),
    "one bit": lambda: encoded(GREY.convert("1", dither=Image.Dither.NONE)),
    "BMP of one bit": lambda: encoded(GREY.convert("1", dither=Image.Dither.NONE), "BMP"),
    "GIF": lambda: encoded(GREY, "GIF"),
    "WebP without loss": lambda: encoded(GREY.convert("RGB"), "WEBP", lossless=True),
    "AVIF": lambda: encoded(GREY.convert("RGB"), "AVIF"),
    "HEIC": lambda: taken(GREY, "HEIF"),
}


@pytest.fixture(scope="module")
def expected() -> NDArray[np.float32]:
    (image,) = ink.read(PAGE).images
    return image


@pytest.mark.parametrize("encode", SAME.values(), ids=SAME.keys())
def test_a_digit_is_the_same_however_it_is_encoded(encode: Callable[[], bytes], expected: NDArray[np.float32]) -> None:
    read = ink.read(encode())

    assert difference(read.images[0], expected) < 0.02
    assert len(read.images) == 1
    assert not read.doubts


@pytest.mark.parametrize("turned", LYING)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
def test_a_photograph_is_read_the_way_up_that_its_camera_says(
    tmp_path: Path, kind: str, turned: int, expected: NDArray[np.float32]
) -> None:
    file = tmp_path / "photograph"  # from its path, Pillow would map a TIFF into memory as it lies
    file.write_bytes(taken(GREY, kind, turned))

    read = ink.read(file)

    assert difference(read.images[0], expected) < 0.02
    assert np.abs(read.boxes - ink.read(PAGE).boxes).max() <= 2


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_several_pages_or_frames_the_first_is_read_and_that_is_said(kind: str) -> None:
    frames = [GREY.convert("RGB"), Image.new("RGB", GREY.size, "white")]

    read = ink.read(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))

    assert [doubt.kind for doubt in read.doubts] == ["pages"]
    with pytest.raises(InkError, match="no ink found, in the first of its pages or frames"):
        ink.read(encoded(frames[1], kind, save_all=True, append_images=frames[:1]))


def test_the_pages_of_a_tiff_are_counted_no_further_than_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Image.new("L", (4, 4), 255)
    file = encoded(page, "TIFF", save_all=True, append_images=[page] * 9)
    monkeypatch.setattr(pages, "MOST_PAGES", 3)
    monkeypatch.setattr(TiffImageFile, "n_frames", property(lambda _: pytest.fail("all pages are counted")))
    [(name, error)] = pages.pages(file, "scan.tif")

    assert (name, str(error)) == ("scan.tif", "scan.tif has more than 3 pages: split it.")


@pytest.mark.parametrize("turned", [False, True], ids=["wide", "tall"])
@pytest.mark.parametrize("length", [3_000, 12_000])
def test_a_digit_on_a_long_strip_is_read(length: int, turned: bool, expected: NDArray[np.float32]) -> None:
    strip = np.full((80, length), 250, np.uint8)
    strip[10:70, length // 2 :][:, :45] = np.asarray(GREY.resize((45, 60)))
    if turned:
        strip = np.pad(np.asarray(GREY.resize((45, 60))), ((length // 2, length // 2), (10, 10)), constant_values=250)

    (image,) = ink.read(strip).images

    assert difference(image, expected) < 0.04


def test_a_float_that_is_no_number_and_a_rare_kind_of_tiff_are_named() -> None:
    floats = PAGE / np.float32(255)
    floats[0, 0] = np.nan
    rare = bytearray(whole(np.float32, 1 / 255))
    rare[rare.index(b"\x02\x01\x03\x00\x01\x00\x00\x00\x20") + 8] = 24  # BitsPerSample

    with pytest.raises(InkError, match="holds NaN or infinity"):
        ink.read(encoded(Image.fromarray(floats), "TIFF"))
    with pytest.raises(InkError, match="a TIFF that is damaged or of a rare kind"):
        ink.read(bytes(rare))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP"])
def test_a_file_that_was_cut_short_is_said_to_be(kind: str, share: float) -> None:
    data = encoded(GREY.convert("RGB"), kind)

    with pytest.raises(InkError, match="damaged"):
        ink.read(data[: int(len(data) * share)])


@pytest.mark.parametrize("times", [2, 5, 20])
def test_a_digit_whose_pixels_were_repeated_is_read_as_before(times: int) -> None:
    small = np.asarray(GREY.resize((24, 32)))

    read, before = (ink.read(page) for page in (np.kron(small, np.ones((times, times), np.uint8)), small))

    np.testing.assert_array_equal(read.images, before.images)
    np.testing.assert_array_equal(read.boxes, before.boxes * times)
    enlarged = np.kron(np.rint(read.images[0] * 255).astype(np.uint8), np.ones((times, times), np.uint8))
    np.testing.assert_allclose(ink.read(enlarged).images, read.images, atol=1 / 255)
