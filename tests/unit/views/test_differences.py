import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.operating_point import OperatingPoint
from core.views.differences import MOST, Difference, differences, in_words, say_differences
from tests.support.stand_in import readings

Line = tuple[tuple[int, int], ...]  # of (column, row)
SEVEN: list[Line] = [((7, 5), (20, 5)), ((20, 5), (13, 23))]
ONE: list[Line] = [((14, 4), (14, 23))]
ZERO: list[Line] = [((9, 5), (19, 5), (19, 22), (9, 22), (9, 5))]
FOUR: list[Line] = [((8, 4), (8, 14)), ((8, 14), (18, 14)), ((18, 4), (18, 24))]


def drawn(lines: list[Line], width: int = 3) -> NDArray[np.float32]:
    image = Image.new("L", (28, 28))
    for line in lines:
        ImageDraw.Draw(image).line(line, fill=255, width=width)
    return np.asarray(image, np.float32) / np.float32(255)


def said(image: list[Line], normal: list[Line], digit: str = "", closely: bool = False) -> str:
    ink = drawn(image)
    return say_differences(differences(ink, ink - drawn(normal), digit, closely))


@pytest.mark.parametrize(
    ("image", "normal", "digit", "words"),
    [
        ([*SEVEN, ((5, 13), (23, 13))], SEVEN, "7", "Extra ink: a long bar across the middle."),
        ([*SEVEN, ((8, 23), (19, 23))], SEVEN, "7", "Extra ink: a long bar at the bottom."),
        ([SEVEN[1]], SEVEN, "7", "Missing: the bar."),
        (ONE, SEVEN[:1] + ONE, "", "Missing: a long bar across the top."),
        ([*ONE, ((6, 26), (22, 26))], [((14, 4), (14, 20))], "1", "Extra ink: a long bar below the digit."),
        ([*ZERO, ((12, 18), (16, 9))], ZERO, "0", "Extra ink: a slanting stroke inside the loop."),
        ([((9, 5), (19, 5)), *ONE], ONE, "1", "Extra ink: a long bar across the top."),
        (FOUR[:2], FOUR, "4", "Missing: the upright."),
        ([FOUR[0], FOUR[2]], FOUR, "4", "Missing: the bar."),
        ([FOUR[1], FOUR[2]], FOUR, "4", "Missing: the left arm."),
        ([FOUR[1], FOUR[2]], FOUR, "A", "Missing: an upright at the top left."),
        ([*ONE, ((22, 12), (23, 12))], ONE, "1", "Extra ink: a dot right of the digit."),
    ],
)
def test_a_region_is_named_as_people_would(image: list[Line], normal: list[Line], digit: str, words: str) -> None:
    assert said(image, normal, digit) == words


def test_what_lies_a_pixel_aside_or_is_drawn_thicker_is_no_difference() -> None:
    ink = drawn(SEVEN)

    assert differences(ink, ink - np.roll(ink, 1, axis=1)) == ()
    assert differences(drawn(SEVEN, 5), drawn(SEVEN, 5) - ink) == ()


def test_a_closer_look_finds_a_short_gap() -> None:
    broken: list[Line] = [((14, 4), (14, 12)), ((14, 15), (14, 23))]

    assert said(broken, ONE, "1") == ""
    assert said(broken, ONE, "1", closely=True) == "Missing: part of the upright in the middle."


def test_the_largest_regions_come_first_and_no_more_than_two_of_a_kind() -> None:
    residual = np.zeros((28, 28), np.float32)
    for top, size in ((0, 4), (6, 6), (14, 5), (22, 4)):
        residual[top : top + size, 10 : 10 + size] = 1

    listed = differences(residual, residual)

    assert len(listed) == MOST
    assert [region.ink for region in listed] == sorted((region.ink for region in listed), reverse=True)


def test_the_larger_of_extra_and_missing_is_said_first_and_parts_of_one_part_together() -> None:
    parts = [Difference(False, "part of the belly", place, 9.0) for place in ("at the bottom left", "on the right")]

    assert say_differences((*parts, Difference(True, "a dot", "below the digit", 4.0))) == (
        "Missing: parts of the belly. Extra ink: a dot below the digit."
    )


@pytest.mark.parametrize(
    ("nine", "words"), [(0.02, "Missing: the upright."), (0.2, "Missing: a long upright down the right.")]
)
def test_a_part_has_a_name_only_where_it_is_certain_which_digit_was_drawn(nine: float, words: str) -> None:
    judged = readings(60.5, normal=("4", "9"))
    judged.digits["4"][:], judged.digits["9"][:] = 0.4, nine
    judged.images[0] = drawn(FOUR[:2])
    judged.residual[0] = drawn(FOUR[:2]) - drawn(FOUR)

    assert in_words(judged, 0, OperatingPoint("stand-in", "fused", 0.05)) == words


def test_of_an_anomaly_something_is_always_said_and_of_a_clean_digit_nothing() -> None:
    point = OperatingPoint("stand-in", "fused", 0.05)

    assert in_words(readings(1e6), 0, point).startswith("No stroke is extra and none is missing")
    assert in_words(readings(50.0), 0, point) == ""
