import json

import numpy as np
import pytest

from core.operating_point import EVIDENCES, OperatingPoint
from tests.support.stand_in import readings

POINT = OperatingPoint("stand-in", "fused", 0.05)
FIXED = OperatingPoint("stand-in", "pixel", None, 50.0)
TOO_STRICT = OperatingPoint("stand-in", "fused", 0.001)


@pytest.mark.parametrize(
    ("point", "scores", "threshold", "classes"),
    [
        # 99 calibration scores: floor(0.05 * 100) = 5, and the fifth largest is 95.
        pytest.param(POINT, (94, 95, 95.5, 200), 95, [0, 0, 1, 1], id="alpha"),
        pytest.param(FIXED, (50, 50.1), 50, [0, 1], id="fixed, whatever the calibration"),
        pytest.param(TOO_STRICT, (1e9,), float("inf"), [0], id="below what the calibration can tell"),
    ],
)
def test_a_score_above_the_threshold_is_an_anomaly_and_one_on_it_is_normal(
    point: OperatingPoint, scores: tuple[float, ...], threshold: float, classes: list[int]
) -> None:
    judged = readings(*scores)

    assert judged.threshold(point) == threshold
    assert judged.class_id(point).tolist() == classes


def test_the_verdict_is_an_anomaly_exactly_where_the_p_value_is_at_most_alpha() -> None:
    judged = readings(*np.arange(0, 120, 0.5))

    for alpha in (0.01, 0.05, 0.1, 0.3, 0.99):
        by_threshold = judged.class_id(POINT.at_alpha(alpha)) == 1
        np.testing.assert_array_equal(by_threshold, judged.p_value <= alpha + 1e-12)


def test_the_anomaly_score_is_the_share_of_normal_digits_it_is_odder_than() -> None:
    judged = readings(95.5)

    assert judged.p_value[0] == pytest.approx(0.05)
    assert judged.anomaly_score[0] == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        pytest.param(slice(1, 3), [1, 2], id="slice"),
        pytest.param(np.array([True, False, False, True]), [0, 3], id="mask"),
        pytest.param([3, 0], [3, 0], id="indices in another order"),
        pytest.param(2, [2], id="one row"),
        pytest.param(-1, [3], id="the last row"),
        pytest.param(slice(0, 0), [], id="none"),
    ],
)
def test_indexing_takes_the_same_rows_of_everything(rows: object, kept: list[int]) -> None:
    whole = readings(10, 20, 30, 40, normal=("4", "9"))

    some = whole[rows]

    assert len(some) == len(kept)
    np.testing.assert_array_equal(some.images, whole.images[kept])
    np.testing.assert_array_equal(some.residual, whole.residual[kept])
    np.testing.assert_array_equal(some.probability, whole.probability[kept])
    np.testing.assert_array_equal(some.scores["pixel"], whole.scores["pixel"][kept])
    np.testing.assert_array_equal(some.digits["9"], whole.digits["9"][kept])
    assert some.threshold(POINT) == whole.threshold(POINT)


def test_readings_print_as_one_short_line() -> None:
    assert repr(readings(10, 20)) == "<Readings: 2 digits by stand-in>"
    assert repr(readings(10)) == "<Readings: 1 digit by stand-in>"


def test_a_row_that_is_not_there_is_refused() -> None:
    with pytest.raises(IndexError):
        readings(1, 2)[2]


def test_plausible_digits_are_those_above_alpha_most_plausible_first() -> None:
    # p = 0.2 for the first digit, 0.1 for the second, 0.067 for the third, 0.05 for the fourth.
    judged = readings(80.5, normal=("7", "1", "9", "4"))

    assert judged.prediction_set(POINT, 0) == ("7", "1", "9")
    assert judged.prediction_set(POINT.at_alpha(0.15), 0) == ("7",)
    assert judged.prediction_set(POINT.at_alpha(0.5), 0) == ()
    # A threshold of 90.5 promises (1 + 9) / 100 = 0.1, and only digits above that are plausible.
    assert judged.prediction_set(POINT.at_threshold(90.5), 0) == ("7",)


def test_a_model_of_one_digit_has_no_digit_p_values() -> None:
    judged = readings(3)

    assert judged.digits == {}
    assert judged.prediction_set(POINT, 0) == ()
    assert "digits" not in judged.record(0, POINT)


def test_a_record_has_exactly_the_keys_that_the_command_line_promises() -> None:
    judged = readings(95.5, normal=("4", "9"))

    record = judged.record(0, POINT)

    plain = ["model", "evidence", "alpha", "class_id", "verdict", "p_value", "anomaly_score", "score", "threshold"]
    assert list(record) == [*plain, "scores", "p_values", "digits"]
    assert tuple(record["scores"]) == tuple(record["p_values"]) == EVIDENCES
    assert record["verdict"] == "anomaly"
    assert record["class_id"] == 1
    assert record["score"] == 95.5
    assert record["threshold"] == 95.0
    assert record["digits"] == pytest.approx({"4": 0.05, "9": 0.025})


def test_a_record_is_strict_json_even_where_the_threshold_is_infinite() -> None:
    record = readings(1e9).record(0, TOO_STRICT)

    assert record["threshold"] is None
    assert record["verdict"] == "normal"
    assert json.loads(json.dumps(record, allow_nan=False)) == record
