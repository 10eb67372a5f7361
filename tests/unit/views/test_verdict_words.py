import re

import numpy as np
import pytest

from core.operating_point import OperatingPoint
from core.views.verdict_words import describe
from tests.support.stand_in import readings

POINT = OperatingPoint("stand-in", "fused", 0.05)


@pytest.mark.parametrize(
    ("score", "n", "verdict", "meaning"),
    [
        pytest.param(60.5, 99, "Normal", "40 % of normal 5s look at least this odd.", id="ordinary"),
        pytest.param(96.5, 99, "Anomaly", "4 % of normal 5s look at least this odd.", id="odd"),
        pytest.param(-1.0, 99, "Normal", "All normal 5s look at least this odd.", id="less odd than every other"),
        pytest.param(
            1_200, 1_100, "Anomaly", "At most 0.091 % of normal 5s look at least this odd.", id="a bound and no zero"
        ),
    ],
)
def test_a_verdict_says_how_many_normal_digits_look_at_least_this_odd(
    score: float, n: int, verdict: str, meaning: str
) -> None:
    text = describe(readings(score, n=n), 0, POINT, "MNIST's writers")

    assert (text.verdict, text.anomaly, text.meaning) == (verdict, verdict == "Anomaly", meaning)
    assert text.calibration_set == f"Measured against {n:,} normal 5s by MNIST's writers."


def test_an_extrapolation_is_named_as_one_and_given_only_beyond_every_one_of_many_calibration_digits() -> None:
    judged = readings(1_100.5, 900, n=1_100)

    beyond, inside = (describe(judged, row, POINT, "us").extrapolation for row in (0, 1))

    assert re.fullmatch(r"Beyond every digit .*; extrapolated, (about|less than) [\d.]+ %\.", beyond)
    assert inside == describe(readings(1e6, n=499), 0, POINT, "us").extrapolation == ""


@pytest.mark.parametrize(
    ("score", "normal", "alpha", "verdict"),
    [
        (80.5, "497", 0.05, "Normal: reads as 4, 9 or 7"),
        (80.5, "497", 0.09, "Normal: reads as 4 or 9"),
        (80.5, "497", 0.15, "Normal: reads as 4"),
        (92.5, "897", 0.05, "Normal: reads as 8, but on the odd side"),
        (98.5, "49", 0.05, "Anomaly"),
    ],
)
def test_a_verdict_of_a_model_of_several_says_what_a_normal_digit_reads_as(
    score: float, normal: str, alpha: float, verdict: str
) -> None:
    judged = readings(score, normal=tuple(normal))

    assert describe(judged, 0, POINT.at_alpha(alpha), "us").verdict == verdict


def test_the_rate_is_that_of_the_evidence_that_decides() -> None:
    judged = readings(96.5)
    judged.p_values["pixel"] = np.array([0.3])

    assert describe(judged, 0, OperatingPoint("stand-in", "pixel", 0.05), "us").meaning.startswith("30 % of")
