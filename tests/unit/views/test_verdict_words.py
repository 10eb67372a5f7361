import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.operating_point import OperatingPoint
from core.views.verdict_words import describe
from core.words import name_normals, say_rate
from tests.support.stand_in import readings

POINT = OperatingPoint("stand-in", "fused", 0.05)


def test_an_ordinary_digit_is_normal_and_its_meaning_is_a_share_of_normal_digits() -> None:
    said = describe(readings(60.5), 0, POINT, "MNIST's writers")

    assert not said.anomaly
    assert said.verdict == "Normal"
    assert said.meaning == "40 in 100 normal 5s look this odd or odder."
    assert said.yardstick == "Measured against 99 normal 5s by MNIST's writers."
    assert said.extrapolation == ""


def test_an_odd_digit_is_an_anomaly_with_its_rate_among_a_thousand() -> None:
    said = describe(readings(96.5), 0, POINT, "MNIST's writers")

    assert said.anomaly
    assert said.verdict == "Anomaly"
    assert said.meaning == "40 in 1,000 normal 5s look this odd or odder."


def test_a_digit_less_odd_than_every_other_is_said_to_be_nothing_odd() -> None:
    said = describe(readings(-1.0), 0, POINT, "MNIST's writers")

    assert said.meaning == "Nothing odd about it: all normal 5s look this odd or odder."


def test_beyond_every_calibration_digit_the_meaning_is_a_bound_and_no_zero() -> None:
    said = describe(readings(1_200, n=1_100), 0, POINT, "MNIST's writers")

    assert said.meaning == "Fewer than 1 in 1,100 normal 5s look this odd."


def test_an_extrapolation_is_named_as_one_and_given_only_beyond_every_calibration_digit() -> None:
    judged = readings(1_100.5, 900, n=1_100)

    beyond, inside = (describe(judged, row, POINT, "us").extrapolation for row in (0, 1))

    assert re.fullmatch(r"Beyond every digit .*; extrapolated, (about|fewer than) 1 in [\d,]+( million)?\.", beyond)
    assert inside == ""


def test_few_calibration_digits_give_no_extrapolation_at_all() -> None:
    said = describe(readings(1e6, n=499), 0, POINT, "MNIST's writers")

    assert said.extrapolation == ""


def test_a_normal_digit_of_a_model_of_several_says_what_it_reads_as() -> None:
    judged = readings(80.5, normal=("4", "9", "7"))

    assert describe(judged, 0, POINT, "us").verdict == "Normal: reads as 4, 9 or 7"
    assert describe(judged, 0, POINT.at_alpha(0.09), "us").verdict == "Normal: reads as 4 or 9"
    assert describe(judged, 0, POINT.at_alpha(0.15), "us").verdict == "Normal: reads as 4"


def test_an_anomaly_of_a_model_of_several_reads_as_nothing() -> None:
    said = describe(readings(98.5, normal=("4", "9")), 0, POINT, "us")

    assert said.verdict == "Anomaly"


def test_the_rate_is_that_of_the_evidence_that_decides() -> None:
    judged = readings(96.5)
    judged.p_values["pixel"] = np.array([0.3])

    assert describe(judged, 0, OperatingPoint("stand-in", "pixel", 0.05), "us").meaning.startswith("30 in 100")


@pytest.mark.parametrize(
    ("normal", "said"),
    [
        (("5",), "normal 5s"),
        (("0", "5"), "normal 0s and 5s"),
        (("0", "5", "8"), "normal 0s, 5s and 8s"),
        (tuple("0123456789"), "normal digits"),
        (("T-shirt/top",), "normal “T-shirt/top”"),
    ],
)
def test_normal_digits_are_named_in_the_plural(normal: tuple[str, ...], said: str) -> None:
    assert name_normals(normal) == said


@given(st.floats(min_value=1e-7, max_value=1.0))
def test_a_rate_in_words_is_within_a_twentieth_of_the_rate_or_half_of_its_last_unit(p_value: float) -> None:
    said = say_rate(p_value)

    if said == "All":
        assert p_value == 1
    else:
        part, whole = (int(number.replace(",", "")) for number in said.split(" in "))
        assert part >= 1
        allowed = max(0.05 * p_value, 0.5 / whole, 1e-2 if part == 99 else 0)
        assert abs(part / whole - p_value) <= allowed + 1e-12


@given(st.lists(st.floats(min_value=1e-6, max_value=0.99), min_size=2, max_size=2).map(sorted))
def test_a_larger_rate_never_sounds_smaller(rates: list[float]) -> None:
    smaller, larger = (_value(say_rate(rate)) for rate in rates)

    assert smaller <= larger * 1.06


def _value(said: str) -> float:
    part, whole = (int(number.replace(",", "")) for number in said.split(" in "))
    return part / whole
