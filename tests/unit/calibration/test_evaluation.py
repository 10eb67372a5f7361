import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calibration.evaluation import Confusion, Evaluation, concatenate
from core.operating_point import EVIDENCES

# A noisy machine is no failure.
QUICK = settings(max_examples=50, deadline=None)


def evaluation(normal: list[float], odd: list[float], labels: str = "59", source: str = "made:test") -> Evaluation:
    """Digits of which the first label is normal; anomalies take the other labels in turn."""
    scores = np.array([*normal, *odd], dtype=np.float64)
    label = np.array([0] * len(normal) + [1 + i % max(1, len(labels) - 1) for i in range(len(odd))], dtype=np.int64)
    return Evaluation(
        sources=(source,),
        source=np.zeros(scores.size, dtype=np.int64),
        position=np.arange(scores.size),
        label=label,
        label_names=tuple(labels),
        anomaly=np.arange(scores.size) >= len(normal),
        scores=dict.fromkeys(EVIDENCES, scores),
    )


MIXED = evaluation([1, 2, 3, 4], [3.5, 5, 6], labels="598")
SOME = st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=25)


def test_a_score_on_the_threshold_is_called_normal_and_rates_are_shares_of_their_own_class() -> None:
    counts = MIXED.confusion("fused", 3.5)

    assert counts == Confusion(true_normal=3, false_alarms=1, misses=1, caught=2)
    assert (counts.false_alarm_rate, counts.detection_rate) == (0.25, pytest.approx(2 / 3))
    assert counts.precision == pytest.approx(2 / 3)


def test_rates_of_an_empty_class_are_not_made_up() -> None:
    nothing = Confusion(0, 0, 0, 0)

    assert np.isnan([nothing.false_alarm_rate, nothing.detection_rate, nothing.precision]).all()


@QUICK
@given(SOME, SOME, st.floats(-10, 10))
def test_every_digit_stands_in_exactly_one_cell(normal: list[float], odd: list[float], threshold: float) -> None:
    counts = evaluation(normal, odd).confusion("pixel", threshold)

    assert counts.true_normal + counts.false_alarms == len(normal)
    assert counts.misses + counts.caught == len(odd)


@QUICK
@given(SOME, SOME)
def test_the_area_is_the_chance_that_an_anomaly_outscores_a_normal_digit(normal: list[float], odd: list[float]) -> None:
    area = evaluation(normal, odd).auroc("fused")

    pairs = [1.0 if b > a else 0.5 if a == b else 0.0 for a in normal for b in odd]
    assert area == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize(
    ("normal", "odd"), [pytest.param([1.0], [], id="no anomalies"), pytest.param([], [1.0], id="no normal digits")]
)
def test_without_both_classes_there_is_no_curve_no_area_and_no_best_balance(
    normal: list[float], odd: list[float]
) -> None:
    measured = evaluation(normal, odd)

    assert (measured.auroc("fused"), measured.roc("fused"), measured.best_balance("fused")) == (None, None, None)


def test_the_curve_rises_from_nothing_flagged_to_everything_flagged() -> None:
    curve = MIXED.roc("fused")

    assert curve is not None
    assert (curve.false_alarm_rate[0], curve.detection_rate[0]) == (0, 0)
    assert (curve.false_alarm_rate[-1], curve.detection_rate[-1]) == (1, 1)
    assert (np.diff(curve.false_alarm_rate) >= 0).all()
    assert curve.area == MIXED.auroc("fused")


@QUICK
@given(SOME, SOME)
def test_no_threshold_is_better_balanced_than_the_best(normal: list[float], odd: list[float]) -> None:
    measured = evaluation(normal, odd)
    best = measured.best_balance("fused")
    assert best is not None

    def balance(threshold: float) -> float:
        counts = measured.confusion("fused", threshold)
        return counts.detection_rate - counts.false_alarm_rate

    thresholds = np.concatenate([np.unique(measured.scores["fused"]), [-100.0]])
    assert balance(best) == pytest.approx(max(balance(float(threshold)) for threshold in thresholds))


def test_the_nearest_digits_come_nearest_first_from_either_side_and_beyond_all_there_are_none() -> None:
    inside, outside = MIXED.nearest("fused", 3.5, 2)

    assert MIXED.scores["fused"][inside].tolist() == [3.5, 3]
    assert MIXED.scores["fused"][outside].tolist() == [4, 5]
    assert [len(side) for side in MIXED.nearest("fused", 99, 3)] == [3, 0]


def test_the_worst_misses_look_most_normal_and_the_worst_false_alarms_oddest() -> None:
    misses = MIXED.worst_misses("fused", 5, 5)
    alarms = MIXED.worst_false_alarms("fused", 1, 2)

    assert MIXED.scores["fused"][misses].tolist() == [3.5, 5]
    assert MIXED.anomaly[misses].all()
    assert MIXED.scores["fused"][alarms].tolist() == [4, 3]
    assert not MIXED.anomaly[alarms].any()


def test_evaluations_are_joined_by_the_names_of_their_labels_and_sources() -> None:
    first = evaluation([1], [2], labels="59", source="a:test")
    second = evaluation([3], [4], labels="9a", source="b:all")

    both = concatenate([first, second])

    assert both.sources == ("a:test", "b:all")
    assert [both.label_names[i] for i in both.label] == ["5", "9", "9", "a"]
    assert [both.sources[i] for i in both.source] == ["a:test", "a:test", "b:all", "b:all"]
    assert both.position.tolist() == [0, 1, 0, 1]
    assert both.anomaly.tolist() == [False, True, False, True]
    assert both.scores["pixel"].tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="at least one"):
        concatenate([])
