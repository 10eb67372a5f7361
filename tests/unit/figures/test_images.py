import base64
import io

import numpy as np
import pytest
from PIL import Image

from core.figures import images


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def one_pixel(value: float, row: int = 3, column: int = 5) -> np.ndarray:
    image = np.zeros((28, 28), np.float32)
    image[row, column] = value
    return image


def test_a_digit_is_dark_ink_on_white_paper_and_every_pixel_a_crisp_square() -> None:
    drawn = pixels(images.digit_png(one_pixel(1.0), scale=4))

    assert drawn.shape == (112, 112, 3)
    assert (drawn[12:16, 20:24] < 60).all()
    drawn = drawn.copy()
    drawn[12:16, 20:24] = 255
    assert (drawn == 255).all()


@pytest.mark.parametrize(("shape", "kind"), [((28, 28), "png"), ((64, 20, 3), "png"), ((65, 20), "jpeg")])
def test_pixels_become_an_address_that_holds_the_picture(shape: tuple[int, ...], kind: str) -> None:
    picture = np.full(shape, 200, np.uint8)

    start, data = images.inline(picture).split(",")

    assert start == f"data:image/{kind};base64"
    np.testing.assert_allclose(pixels(base64.b64decode(data)), picture, atol=0 if kind == "png" else 3)


def test_values_beyond_paper_and_ink_are_drawn_as_paper_and_ink() -> None:
    assert images.digit_png(one_pixel(7.0)) == images.digit_png(one_pixel(1.0))
    assert images.digit_png(one_pixel(-3.0)) == images.digit_png(one_pixel(0.0))


def test_a_heat_map_is_orange_where_there_is_too_much_ink_and_blue_where_it_is_missing() -> None:
    paper = np.zeros((28, 28), np.float32)

    extra = pixels(images.residual_png(paper, one_pixel(1.0), scale=1))[3, 5].astype(int)
    lost = pixels(images.residual_png(paper, one_pixel(-1.0), scale=1))[3, 5].astype(int)

    assert extra[0] > extra[2] + 100
    assert lost[2] > lost[0] + 100


def test_a_heat_map_without_difference_shows_the_digit_in_faint_grey_as_large_as_the_digit() -> None:
    image = one_pixel(1.0)

    drawn = pixels(images.residual_png(image, np.zeros((28, 28), np.float32), scale=1)).astype(int)

    assert 150 < drawn[3, 5].min() == drawn[3, 5].max() < 250
    assert pixels(images.digit_png(image)).shape == pixels(images.residual_png(image, image)).shape


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (5, 1), (6, 2), (11, 3)])
def test_a_sheet_has_room_for_every_digit_row_by_row_and_an_empty_one_is_a_picture_too(count: int, rows: int) -> None:
    digits = np.ones((count, 28, 28), np.float32)

    sheet = pixels(images.sheet_png(digits, columns=5, scale=1, gap=2))

    assert sheet.shape == (rows * 30 + 2, 152, 3)
    assert (sheet[:, :, 0] < 60).sum() == count * 28 * 28
    assert pixels(images.sheet_png(digits[:0], columns=5)).ndim == 3


def test_a_strip_is_the_digit_over_its_reconstruction_over_their_difference() -> None:
    ink, nothing = np.ones((28, 28), np.float32), np.zeros((28, 28), np.float32)

    strip = pixels(images.strip_png(ink, nothing, nothing))

    assert strip.shape == (252, 84, 3)
    assert strip[5, 5].max() < 60
    assert (strip[90, 5] == 255).all()
