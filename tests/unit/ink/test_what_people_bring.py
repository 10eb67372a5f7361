"""Pictures as people have them: thin pens, tight crops, scanned rims, see-through frames, odd and costly files."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core import ink
from tests.support.pens import difference

Pixels = NDArray[np.uint8]
SEVEN = [(0.05, 0.1), (0.92, 0.08), (0.62, 0.6), (0.4, 1.36)]
FLAT_SEVEN = [(0.0, 0.1), (1.0, 0.1), (0.4, 1.36)]  # in a tight frame its bar lies where a rim would
FOUR = [(0.62, 0.04), (0.05, 0.86), (0.98, 0.88)]


def written(points: list[tuple[float, float]], height: int, width: int, size: tuple[int, int]) -> Pixels:
    """Dark strokes in the middle of white paper, drawn four times larger and averaged."""
    page = Image.new("L", (size[0] * 4, size[1] * 4), 250)
    unit = height / 1.4
    left, top = (size[0] - unit) / 2, (size[1] - height) / 2
    at = [((left + x * unit) * 4, (top + y * unit) * 4) for x, y in points]
    ImageDraw.Draw(page).line(at, fill=20, width=width * 4, joint="curve")
    return np.asarray(page.resize(size, Image.Resampling.BOX))


def alike(one: ink.Ink, other: ink.Ink) -> bool:
    return len(one.images) == len(other.images) == 1 and difference(one.images[0], other.images[0]) < 0.04


@pytest.mark.parametrize("width", [2, 3, 4, 6])
@pytest.mark.parametrize("points", [FOUR, SEVEN], ids=["four", "seven"])
def test_a_hairline_on_a_large_page_keeps_together(points: list[tuple[float, float]], width: int) -> None:
    thin = ink.read(written(points, 700, width, (1000, 1000)))

    assert alike(thin, ink.read(written(points, 220, 7, (300, 400))))


@pytest.mark.parametrize("light", [False, True], ids=["dark ink", "light ink"])
@pytest.mark.parametrize("points", [FOUR, SEVEN, FLAT_SEVEN], ids=["four", "seven", "flat seven"])
def test_a_digit_cut_out_along_its_ink_is_read_as_with_a_margin(points: list[tuple[float, float]], light: bool) -> None:
    page = written(points, 70, 12, (100, 100))
    page = np.asarray(Image.fromarray(page).resize((200, 200), Image.Resampling.BICUBIC))  # as blurred as a scan
    dark = page < 128
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    cut = page[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]

    assert alike(ink.read(255 - cut if light else cut), ink.read(page))


@pytest.mark.parametrize("sides", ["l", "t", "lb", "tr", "lr"])
def test_the_black_rim_of_a_scan_is_left_out(sides: str) -> None:
    page = written(SEVEN, 220, 12, (800, 1000))
    scan = page.copy()
    for side, part in {"l": np.s_[:, :45], "r": np.s_[:, -30:], "t": np.s_[:50], "b": np.s_[-60:]}.items():
        if side in sides:
            scan[part] = 12

    read = ink.read(scan)

    assert alike(read, ink.read(page))
    assert [doubt.kind for doubt in read.doubts] == ["sheet"]
    assert np.abs(read.boxes - ink.read(page).boxes).max() <= 3


def test_a_slanting_rim_and_the_dots_of_a_dithered_scan_are_no_ink() -> None:
    page = written(SEVEN, 220, 12, (300, 400))
    slanting = page.copy()
    y, x = np.mgrid[:400, :300]
    slanting[y > 361 + x * 14 / 300] = 5
    dithered = np.asarray(Image.fromarray(np.maximum(page, 20) - 5).convert("1"))

    assert alike(ink.read(slanting), ink.read(page))
    assert alike(ink.read(dithered), ink.read(page))


def test_a_window_with_its_shadow_and_a_round_cut_out_show_what_is_inside() -> None:
    page = written(SEVEN, 120, 4, (600, 600))
    y, x = np.mgrid[:600, :600]
    window = Image.new("RGBA", (740, 740))
    away = np.maximum.reduce([70 - np.arange(740), np.arange(740) - 669, np.zeros(740, int)])
    shadow = 120 * np.exp(-np.maximum(away[:, None], away) / 18)
    window.putalpha(Image.fromarray(shadow.astype(np.uint8)))
    window.paste(Image.fromarray(page).convert("RGBA"), (70, 70))
    round_one = Image.fromarray(page).convert("RGBA")
    round_one.putalpha(Image.fromarray(((x - 300) ** 2 + (y - 300) ** 2 < 295**2).astype(np.uint8) * 255))

    for picture in (window, round_one):
        assert alike(ink.read(picture), ink.read(page))
