import re

import numpy as np

from core.operating_point import OperatingPoint
from core.views.verdict_words import describe
from tests.support.stand_in import readings

POINT = OperatingPoint("stand-in", "fused", 0.05)


def test_an_ordinary_digit_is_normal_and_its_meaning_is_a_share_of_normal_digits() -> None:
    said = describe(readings(60.5), 0, POINT, "MNIST's writers")

    assert not said.anomaly
    assert said.verdict == "Normal"
    assert said.meaning == "40 % of normal 5s look at least this odd."
    assert said.calibration_set == "Measured against 99 normal 5s by MNIST's writers."
    assert said.extrapolation == ""


def test_an_odd_digit_is_an_anomaly_with_its_rate_in_percent() -> None:
    said = describe(readings(96.5), 0, POINT, "MNIST's writers")

    assert said.anomaly
    assert said.verdict == "Anomaly"
    assert said.meaning == "4.0 % of normal 5s look at least this odd."


def test_a_digit_less_odd_than_every_other_is_said_to_be_nothing_odd() -> None:
    said = describe(readings(-1.0), 0, POINT, "MNIST's writers")

    assert said.meaning == "All normal 5s look at least this odd."


def test_beyond_every_calibration_digit_the_meaning_is_a_bound_and_no_zero() -> None:
    said = describe(readings(1_200, n=1_100), 0, POINT, "MNIST's writers")

    assert said.meaning == "Fewer than 1 in 1,100 normal 5s look at least this odd."


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


def test_a_digit_that_hardly_passes_is_said_to_be_odd_for_what_it_reads_as() -> None:
    judged = readings(92.5, normal=("8", "9", "7"))

    assert describe(judged, 0, POINT, "us").verdict == "Normal: reads as 8, but odder than 92 % of them"


def test_an_anomaly_of_a_model_of_several_reads_as_nothing() -> None:
    said = describe(readings(98.5, normal=("4", "9")), 0, POINT, "us")

    assert said.verdict == "Anomaly"


def test_the_rate_is_that_of_the_evidence_that_decides() -> None:
    judged = readings(96.5)
    judged.p_values["pixel"] = np.array([0.3])

    assert describe(judged, 0, OperatingPoint("stand-in", "pixel", 0.05), "us").meaning.startswith("30 % of")
