from dataclasses import replace

import numpy as np
import pytest

from core.calibration.conformal import Calibration
from core.calibration.evaluation import Confusion, concatenate
from core.datasets import Dataset
from core.errors import DatasetError, OddDigitError
from core.views import borderline, fixed_threshold
from tests.support.stand_in import readings
from tests.unit.calibration.test_evaluation import evaluation

EVALUATION = evaluation([1, 2, 3, 4], [2.5, 5, 6], labels="59")


def made(name: str, part: str) -> Dataset:
    """A set of ten images, each inked with its own number."""
    if name == "gone":
        raise DatasetError("gone: is not on this machine.")
    images = np.zeros((10, 28, 28), np.float32)
    images[:, 3, 3] = np.arange(10) / 10
    return Dataset(name, images, np.zeros(10, np.int64), ("5",), part)


def test_the_four_groups_lie_on_their_sides_of_the_threshold() -> None:
    inside, outside, misses, alarms = borderline.groups(EVALUATION, "fused", 3, count=2)

    scores = EVALUATION.scores["fused"]
    assert scores[list(inside.rows)].tolist() == [3, 2.5]
    assert scores[list(outside.rows)].tolist() == [4, 5]
    assert scores[list(misses.rows)].tolist() == [2.5]
    assert scores[list(alarms.rows)].tolist() == [4]


def test_pictures_come_from_where_the_evaluation_says_and_missing_sets_are_left_out() -> None:
    both = concatenate([evaluation([1, 2], [3], source="here:test"), evaluation([4], [5], source="gone:test")])

    images = borderline.images_of(both, (0, 2, 3, 4), made)

    assert sorted(images) == [0, 2]
    assert [float(images[row][3, 3]) for row in (0, 2)] == pytest.approx([0.0, 0.2])


def test_a_set_shorter_than_it_was_at_evaluation_gives_no_wrong_picture() -> None:
    moved = replace(EVALUATION, position=EVALUATION.position + 6)

    assert sorted(borderline.images_of(moved, (0, 3, 4), made)) == [0, 3]


def test_only_named_sets_that_are_missing_are_offered_for_download(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = ("mnist:test", "digits:test", "npz:outliers/letters.npz:all")
    measured = replace(EVALUATION, sources=sources)
    monkeypatch.setattr(borderline.datasets, "available", lambda name: name != "mnist")

    assert borderline.not_here(measured) == ("mnist",)


def test_the_table_lists_every_digit_oddest_first_with_what_it_is_and_is_called() -> None:
    table = borderline.table(EVALUATION, Calibration.fit(np.arange(9.0)), "fused", 3)

    assert table["image"].tolist()[:2] == ["made:test:6", "made:test:5"]
    assert table["score"].tolist() == [6, 5, 4, 3, 2.5, 2, 1]
    assert table["true label"].tolist() == list("9955955")
    assert table["class"].tolist()[:3] == ["anomaly", "anomaly", "normal"]
    assert table["called"].tolist() == ["anomaly"] * 3 + ["normal"] * 4
    assert table["p-value"].tolist()[0] == pytest.approx(0.4)
    hostile = replace(EVALUATION, label_names=("5", "=HYPERLINK(1)"))
    labels = borderline.table(hostile, Calibration.fit([1.0]), "fused", 3)["true label"]
    assert set(labels.tolist()) == {"5", "'=HYPERLINK(1)"}


def test_the_experiment_draws_fifty_normal_digits_and_then_fifty_four_others_without_repeating_any() -> None:
    many = evaluation(list(range(80)), list(range(90)))

    rows = fixed_threshold.draw(many, seed=3)

    assert not many.anomaly[rows[:50]].any()
    assert many.anomaly[rows[50:]].all()
    assert len(set(rows.tolist())) == 104
    assert fixed_threshold.draw(many, seed=4).tolist() != rows.tolist()
    with pytest.raises(OddDigitError, match="50 normal digits and 54 others"):
        fixed_threshold.draw(EVALUATION, seed=0)


def test_a_threshold_above_every_error_catches_none_of_54_and_the_story_says_so() -> None:
    judged = readings(*([1.0] * 50 + [99.0] * 54))

    replayed = fixed_threshold.replay(judged, "fused", threshold=50.0)

    errors = fixed_threshold.mean_squared_error(judged)
    assert errors.max() < 0.2
    assert replayed.original[0] == (0.2, Confusion(50, 0, 54, 0))
    assert replayed.yours == Confusion(50, 0, 0, 54)
    assert "caught 0 of 54" in replayed.story()
    assert "0.20 catches 0" in replayed.story()
    assert "a calibrated line 54" in replayed.story()
