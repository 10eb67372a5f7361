import numpy as np
import pytest
from numpy.typing import NDArray

from core.views.differences import MOST, differences, say_differences


def digit() -> NDArray[np.float32]:
    image = np.zeros((28, 28), np.float32)
    image[4:24, 6:22] = 1
    return image


@pytest.mark.parametrize(
    ("rows", "columns", "sign", "said"),
    [
        ((4, 7), (6, 22), 1, "Extra ink: a bar at the top."),
        ((21, 24), (6, 22), -1, "Missing: a bar at the bottom."),
        ((4, 24), (6, 9), -1, "Missing: an upright on the left."),
        ((12, 16), (12, 16), 1, "Extra ink: a piece in the middle."),
        ((4, 8), (18, 22), 1, "Extra ink: a piece at the top on the right."),
    ],
)
def test_a_region_is_named_by_its_kind_shape_and_place(
    rows: tuple[int, int], columns: tuple[int, int], sign: int, said: str
) -> None:
    residual = np.zeros((28, 28), np.float32)
    residual[slice(*rows), slice(*columns)] = sign

    assert say_differences(differences(digit(), residual)) == said


def test_a_slanting_region_is_a_stroke() -> None:
    residual = np.zeros((28, 28), np.float32)
    for at in range(16):
        residual[5 + at, 6 + at : 9 + at] = 1

    assert [region.shape for region in differences(digit(), residual)] == ["a stroke"]


def test_an_outline_one_pixel_wide_is_no_difference() -> None:
    residual = np.zeros((28, 28), np.float32)
    residual[4:24, 6] = residual[4, 6:22] = 0.7

    assert differences(digit(), residual) == ()
    assert say_differences(()) == ""


def test_the_largest_regions_come_first_and_no_more_than_two_of_a_kind() -> None:
    residual = np.zeros((28, 28), np.float32)
    for top, size in ((0, 3), (6, 6), (14, 5), (22, 4)):
        residual[top : top + size, 10 : 10 + size] = 1

    listed = differences(digit(), residual)

    assert len(listed) == MOST
    assert [round(region.ink) for region in listed] == sorted((round(region.ink) for region in listed), reverse=True)
