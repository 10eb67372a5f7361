"""What stands around a digit in a picture: a desk under the sheet, a form's boxes and lines, or nothing at all."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, rotate

from core.datasets.examples import Points
from core.ink import Ink, read
from core.ink.forms import remove_form
from core.ink.sheet import cut_out
from tests.support.pens import SEVEN, difference, drawing, read_alike

Pixels = NDArray[np.uint8]
ONE = [(140, 60), (140, 220)]
EIGHT_AS_A_CLOCK = [(90, 50), (190, 50), (190, 230), (90, 230), (90, 50), (90, 140), (190, 140)]
ZERO_AS_A_CLOCK = [(90, 50), (190, 50), (190, 230), (90, 230), (90, 50)]


def on_wood(sheet: Pixels, brightness: float = 60.0, margin: int = 90, degrees: float = 4.0) -> Pixels:
    """The sheet askew on something grained."""
    grain = gaussian_filter(np.random.default_rng(2).standard_normal(np.array(sheet.shape) + 2 * margin), (1, 8))
    lying = rotate(np.pad(sheet.astype(float), margin), degrees, reshape=False, order=1)
    covered = rotate(np.pad(np.ones(sheet.shape), margin), degrees, reshape=False, order=1)
    return np.clip(lying + brightness * (1 + grain / grain.std() / 10) * (1 - covered), 0, 255).astype(np.uint8)


def boxed(page: Pixels, left: int, top: int, right: int, bottom: int, width: int = 3) -> Pixels:
    """A copy with a printed box, its outer edges given."""
    page = np.array(page)
    page[top : top + width, left:right] = page[bottom - width : bottom, left:right] = 40
    page[top:bottom, left : left + width] = page[top:bottom, right - width : right] = 40
    return page


def table(columns: int, rows: int, cell: int = 90, gap: int = 0) -> tuple[Pixels, int]:
    """A form full of 5s, and how many."""
    five = np.asarray(Image.fromarray(drawing()).resize((cell - 14, cell - 14), Image.Resampling.BOX))
    page = np.full((rows * (cell + gap) + 30, columns * (cell + gap) + 30), 255, np.uint8)
    for row in range(rows):
        for column in range(columns):
            y, x = 15 + row * (cell + gap), 15 + column * (cell + gap)
            page[y + 7 : y + cell - 7, x + 7 : x + cell - 7] = five
            page = boxed(page, x, y, x + cell, y + cell, 2)
    return page, columns * rows


def names(ink: Ink) -> list[str]:
    return [step.name for step in ink.steps]


def test_a_bold_zero_of_straight_strokes_is_no_box_as_its_sides_are_not_parallel() -> None:
    page = Image.new("L", (256, 256), 0)
    around = [(56, 68), (148, 84), (168, 100), (180, 176), (144, 180), (68, 160)]
    ImageDraw.Draw(page).line([*around, *around[:2]], fill=255, width=24, joint="curve")
    ink = np.asarray(page.resize((64, 64), Image.Resampling.BOX), np.float32) / 255

    clear, lines = remove_form(ink)

    assert lines == 0
    np.testing.assert_array_equal(clear, ink)


@pytest.mark.parametrize("brightness", [20.0, 60.0, 120.0])
def test_a_sheet_on_a_desk_is_cut_out_of_what_it_lies_on_unless_it_is_refused(brightness: float) -> None:
    picture = on_wood(drawing(), brightness, degrees=0)
    ink = read_alike(picture, drawing(), 0.03)
    assert "Sheet found" in names(ink)
    np.testing.assert_allclose(ink.boxes[0], read(drawing()).boxes[0] + 90, atol=3)
    (doubt,) = (doubt for doubt in ink.doubts if doubt.kind == "sheet")
    assert "Sheet found" not in names(read(picture, **doubt.other))


def test_a_sheet_may_lie_askew_and_run_out_of_the_picture_at_one_side() -> None:
    whole = on_wood(drawing())
    for picture in (whole, whole[80:]):
        ink = read_alike(np.stack([picture] * 3, axis=2), rotate(drawing(), 4, reshape=False, cval=255), 0.03)
        assert "Sheet found" in names(ink)


@pytest.mark.parametrize(
    ("picture", "steps"),
    [
        pytest.param(on_wood(255 - drawing(paper=235), 200.0), {"Sheet found"}, id="a dark card on light wood"),
        pytest.param(
            on_wood(boxed(drawing(), 30, 20, 250, 260)), {"Sheet found", "Lines removed"}, id="a box printed on it"
        ),
    ],
)
def test_a_sheet_may_be_dark_or_divided_by_a_printed_box(picture: Pixels, steps: set[str]) -> None:
    ink = read(picture)
    assert len(ink.images) == 1
    assert steps <= set(names(ink))


@pytest.mark.parametrize("side", [140, 400])
def test_no_digit_is_taken_for_a_sheet_nor_a_shadow_for_one(side: int) -> None:
    digits = [drawing(), drawing(pen=60), drawing(ZERO_AS_A_CLOCK, pen=40), drawing(EIGHT_AS_A_CLOCK, pen=25)]
    shadow, sunlight = np.array(drawing(paper=230), float), np.array(drawing(paper=230), float)
    shadow[100:, 60:200] *= 0.45
    sunlight[gaussian_filter(np.pad(np.ones((150, 150)), 65), 1) < 0.5] *= 0.5
    lit = [light.astype(np.uint8) for light in (shadow, sunlight)]
    for page in (*digits, *(255 - digit for digit in digits), *lit):
        small = np.asarray(Image.fromarray(page).resize((side, side), Image.Resampling.BOX))
        assert cut_out(small.astype(np.float32) / 255) is None


@pytest.mark.parametrize("degrees", [0.0, -4.0, 4.0])
def test_the_box_of_a_form_is_taken_away(degrees: float) -> None:
    page = np.pad(boxed(drawing(), 40, 20, 250, 260), 40, constant_values=255)
    turned, plain = (rotate(picture, degrees, reshape=False, order=1, cval=255) for picture in (page, drawing()))
    read_alike(turned, plain, 0.03)


def test_strokes_that_cross_the_box_stay() -> None:
    ink = read_alike(boxed(drawing(), 80, 66, 230, 260), drawing())
    assert any("4 printed lines" in step.note for step in ink.steps)


@pytest.mark.parametrize("gap", [0, 10])
@pytest.mark.parametrize(("columns", "rows"), [(3, 1), (5, 4), (9, 8)])
def test_every_digit_of_a_filled_in_form_is_found_alone(columns: int, rows: int, gap: int) -> None:
    page, count = table(columns, rows, gap=gap)
    ink = read(page)
    assert len(ink.images) == count
    own = read(drawing()).images[0]
    assert max(difference(own, image) for image in ink.images) < 0.05


def test_empty_boxes_beside_a_filled_in_one_are_no_shapes() -> None:
    page = np.full((280, 840), 255, np.uint8)
    page[:, 280:560] = drawing()
    for i in range(3):
        page = boxed(page, 280 * i + 30, 20, 280 * i + 250, 260)
    assert len(read(page).images) == 1


@pytest.mark.parametrize(
    "stroke",
    [
        ZERO_AS_A_CLOCK,
        EIGHT_AS_A_CLOCK,
        [(90, 90), (140, 60), (180, 100), (80, 210), (220, 210)],
        [(70, 60), (210, 60), (120, 220)],
    ],
    ids=["0", "8", "2", "7"],
)
@pytest.mark.parametrize("pen", [6, 8])
def test_neither_a_digit_as_square_as_a_box_nor_the_bar_of_one_is_printed(stroke: Points, pen: float) -> None:
    assert remove_form(1 - drawing(stroke, pen=pen).astype(np.float32) / 255)[1] == 0


def test_an_empty_box_is_left_for_a_shape() -> None:
    page = boxed(np.full((200, 200), 255, np.uint8), 40, 40, 160, 160)
    assert read(page).boxes.tolist() == [[40, 40, 160, 160]]


@pytest.mark.parametrize("strokes", [(), (ONE,)])
@pytest.mark.parametrize("gap", [25, 4, 0, -6])
def test_a_line_to_write_on_is_left_out_even_where_the_digit_stands_on_it(
    strokes: tuple[Points, ...], gap: int
) -> None:
    page, plain = drawing(*strokes), drawing(*strokes)
    bottom = read(plain).boxes[0, 3]
    page[bottom + gap : bottom + gap + 4, 20:260] = 40
    np.testing.assert_allclose(read_alike(page, plain).boxes, read(plain).boxes, atol=4)


@pytest.mark.parametrize("sides", ["l", "t", "lb", "tr", "lr"])
def test_the_black_rim_of_a_scan_is_left_out(sides: str) -> None:
    page = np.pad(drawing(SEVEN), ((300, 300), (250, 250)), constant_values=255)
    scan = page.copy()
    for side, part in {"l": np.s_[:, :45], "r": np.s_[:, -30:], "t": np.s_[:50], "b": np.s_[-60:]}.items():
        if side in sides:
            scan[part] = 12
    ink = read_alike(scan, page)
    assert [doubt.kind for doubt in ink.doubts] == ["sheet"]
    assert np.abs(ink.boxes - read(page).boxes).max() <= 3


def test_a_slanting_rim_and_the_dots_of_a_dithered_scan_are_no_ink() -> None:
    page = drawing(SEVEN, side=400, scale=1.2)[:, :300]
    y, x = np.mgrid[:400, :300]
    slanting = np.where(y > 361 + x * 14 / 300, np.uint8(5), page)
    dithered = Image.fromarray(np.maximum(page, 20) - 5).convert("1")
    for picture in (slanting, dithered):
        read_alike(picture, page)


def test_a_window_with_its_shadow_and_a_round_cut_out_show_what_is_inside() -> None:
    page = np.pad(drawing(SEVEN, pen=4, side=200, scale=0.67), 200, constant_values=255)
    y, x = np.mgrid[:600, :600]
    window = Image.new("RGBA", (740, 740))
    away = np.maximum.reduce([70 - np.arange(740), np.arange(740) - 669, np.zeros(740, int)])
    shadow = 120 * np.exp(-np.maximum(away[:, None], away) / 18)
    window.putalpha(Image.fromarray(shadow.astype(np.uint8)))
    window.paste(Image.fromarray(page).convert("RGBA"), (70, 70))
    round_one = Image.fromarray(page).convert("RGBA")
    round_one.putalpha(Image.fromarray(((x - 300) ** 2 + (y - 300) ** 2 < 295**2).astype(np.uint8) * 255))
    for picture in (window, round_one):
        read_alike(picture, page)
