"""What a pile comes to under a rule, from p-values and scores that each test chooses."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core.batch import second_opinions
from core.batch.findings import Review, Rule, foresee, say_expected, say_rule
from core.batch.score import SCHEMA
from core.batch.store import Job, Store
from core.calibration.conformal import Calibration
from core.calibration.discoveries import discoveries
from core.calibration.few_digits import adapted
from core.errors import BatchError
from core.operating_point import EVIDENCES, OperatingPoint

CALIBRATION = Calibration.fit(
    np.arange(1, 100)
)  # a score of 95.5 has the p-value 0.05, and 0.01 is the smallest there is
IMAGE, DRAWING = np.zeros(784, "<f4").tobytes(), np.zeros(784, np.uint8).tobytes()


def row(
    score: float | None = None, label: str | None = None, digits: Sequence[float] = (), source: str = "a.png"
) -> dict[str, object]:
    """A judged row, or a refused one without a score."""
    values = dict.fromkeys(SCHEMA.names) | {"item": 0, "source": source, "label": label, "error": ""}
    if score is None:
        return values | {"error": "a.png is damaged"}
    p_value = float(CALIBRATION.p_values(score)[0])
    values |= {f"score_{name}": float(score) for name in EVIDENCES}
    values |= {f"p_value_{name}": p_value for name in EVIDENCES}
    return values | {"digit_p_values": list(digits), "image": IMAGE, "reconstruction": DRAWING}


@pytest.fixture
def review(tmp_path: Path) -> Callable[..., Review]:
    def make(
        *rows: dict[str, object],
        normal: tuple[str, ...] = ("5",),
        alpha: float = 0.05,
        threshold: float | None = None,
        rate: float | None = None,
    ) -> Review:
        point = OperatingPoint("stand-in", "fused", alpha, threshold)
        store = Store.create(tmp_path / "batch", Job("pile", point, rate, normal, "hash"), CALIBRATION)
        store.append(pa.Table.from_pylist(list(rows), schema=SCHEMA), len(rows), 0)
        return Review(store, Rule(point, rate))

    return make


def test_scores_beyond_the_threshold_are_flagged_and_refusals_never_are(review: Callable[..., Review]) -> None:
    reviewed = review(row(94), row(95.5), row(), row(200))

    assert reviewed.flagged.tolist() == [False, True, False, True]
    summary = reviewed.summary
    assert (summary.rows, summary.judged, summary.refused, summary.flagged) == (4, 3, 1, 2)
    assert summary.expected == pytest.approx(0.15)


def test_the_threshold_of_an_alpha_and_its_p_values_flag_the_same_rows(review: Callable[..., Review]) -> None:
    scores = np.random.default_rng(0).uniform(0, 110, 200)
    for alpha in (0.01, 0.05, 0.1, 0.5):
        reviewed = review(*(row(score) for score in scores), alpha=alpha)
        np.testing.assert_array_equal(reviewed.flagged, reviewed.p_value <= alpha + 1e-12)
        reviewed.store.delete()


def test_a_fixed_threshold_flags_by_score_alone(review: Callable[..., Review]) -> None:
    reviewed = review(row(50), row(51), alpha=None, threshold=50.5)

    assert reviewed.flagged.tolist() == [False, True]
    assert reviewed.digit_alpha == pytest.approx(0.5)


def test_the_second_opinion_follows_the_threshold_and_names_what_passes_as_another_digit(
    review: Callable[..., Review],
) -> None:
    reviewed = review(row(50), row(95.5), row(), row(50))
    as_each = np.zeros((4, 10))
    as_each[0, [5, 6]], as_each[1, 3], as_each[3, 6] = (0.04, 0.9), 0.8, 0.06
    np.save(reviewed.store.folder / second_opinions.FILE, as_each)

    fields = [opinion and opinion.field for opinion in map(reviewed.second_opinion, range(4))]
    wider = Review(reviewed.store, Rule(OperatingPoint("stand-in", "fused", 0.03)))

    assert fields == ["6", "3", None, "6"]
    assert reviewed.doubted.tolist() == [True, False, False, True]
    assert reviewed.order("doubted").tolist() == [0, 3]
    assert wider.second_opinion(0).field == "6 5"
    assert wider.doubted.tolist() == [False, True, False, True]


def test_a_false_discovery_rate_flags_what_benjamini_and_hochberg_flag(review: Callable[..., Review]) -> None:
    scores = [1, 2, 3, 97.5, 98.5, 99.5, 99.5, 99.5, 99.5, 40]
    reviewed = review(*(row(score) for score in scores), rate=0.1)

    expected = discoveries(CALIBRATION.p_values(np.array(scores)), 0.1)
    assert 0 < expected.sum() < len(scores)
    assert reviewed.flagged.tolist() == expected.tolist()
    assert reviewed.point.alpha == pytest.approx(reviewed.p_value[expected].max())
    reviewed.store.delete()
    reached_by_none = review(*(row(score) for score in range(1, 90)), rate=0.1)
    assert not reached_by_none.flagged.any()
    assert "odd enough that at most 10 % of the flagged would be normal; a higher share" in say_expected(
        reached_by_none
    )
    assert reached_by_none.summary.flagged == 0


def test_a_label_that_is_not_plausible_while_another_digit_is_is_probably_mislabelled(
    review: Callable[..., Review],
) -> None:
    reviewed = review(
        row(10, label="5", digits=(0.01, 0.60, 0.01)),
        row(10, label="0", digits=(0.01, 0.60, 0.01)),
        row(99.5, label="0", digits=(0.01, 0.01, 0.01)),
        row(10, label="3", digits=(0.01, 0.60, 0.01)),
        row(10, digits=(0.01, 0.60, 0.01)),
        row(10, label="0", digits=(0.01, 0.90, 0.01)),
        normal=("0", "5", "8"),
    )

    assert reviewed.labels.disagreeing.tolist() == [False, True, True, False, False, True]
    assert reviewed.labels.mislabelled.tolist() == [False, True, False, False, False, True]
    assert reviewed.summary.labelled == 4
    assert reviewed.order("mislabelled").tolist() == [5, 1], "the clearest first"
    assert reviewed.prediction_set(0) == ("5",)


def test_an_odd_digit_is_probably_mislabelled_where_another_one_explains_it_better(
    review: Callable[..., Review],
) -> None:
    reviewed = review(
        row(99.5, label="0", digits=(0.002, 0.04, 0.001)),
        row(10, label="5", digits=(0.01, 0.60, 0.01)),
        normal=("0", "5", "8"),
    )

    assert reviewed.labels.mislabelled.tolist() == [True, False]
    assert reviewed.labels.explain(0, "0", reviewed.normal) == (
        "Labelled 0: as a 0 it is among the oddest 0.2 %, as a 5 odder than 96 %."
    )
    reviewed.store.delete()
    of_one_digit = review(row(99.5, label="5"), row(10, label="5"), row(99.5, label="3"))
    assert of_one_digit.labels.mislabelled.tolist() == [True, False, False], "it doubts its own label alone"


def test_of_those_called_mislabelled_few_are_right_however_many_labels_there_are(review: Callable[..., Review]) -> None:
    rng = np.random.default_rng(0)
    right = [row(10, label="5", digits=(0.2 * p, p, 0.01)) for p in rng.random(400)]
    wrong = [row(10, label="0", digits=(0.0005, 0.5, 0.01)) for _ in range(20)]

    reviewed = review(*right, *wrong, normal=("0", "5", "8"))

    named = reviewed.labels.mislabelled
    assert named[400:].all()
    assert named[:400].sum() <= 2
    assert reviewed.labels.disagreeing[:400].sum() > 10


def test_the_oddest_come_first_by_raw_score_even_where_p_values_tie_narrowed_by_label_and_name(
    review: Callable[..., Review],
) -> None:
    reviewed = review(row(150, "5", source="A.png"), row(99.5, "3", source="b.png"), row(), row(300), row(2))

    assert reviewed.order("all").tolist() == [3, 0, 1, 4, 2]
    assert reviewed.order("flagged").tolist() == [3, 0, 1]
    assert reviewed.order("refused").tolist() == [2]
    assert reviewed.order("all", label="3").tolist() == [1]
    assert reviewed.order("flagged", text="B.PNG").tolist() == [1]
    assert reviewed.label_names == ("3", "5")


def test_nothing_judged_yet_is_said(tmp_path: Path) -> None:
    point = OperatingPoint("stand-in")
    store = Store.create(tmp_path / "batch", Job("pile", point, None, ("5",), "hash"), CALIBRATION)

    with pytest.raises(BatchError, match="nothing of this batch"):
        Review(store, Rule(point))


@pytest.mark.parametrize(
    ("calibration", "people"),
    [
        pytest.param(
            Calibration.of_strangers(np.arange(1_000.0), np.arange(1_000) % 24, Calibration.fit(range(300))),
            "people it never met",
            id="strangers",
        ),
        pytest.param(
            adapted(Calibration.fit(range(20)), Calibration.fit(range(600))), "that hand", id="few own digits"
        ),
    ],
)
def test_a_batch_keeps_where_the_rate_of_people_most_likely_lies(
    calibration: Calibration, people: str, tmp_path: Path
) -> None:
    point = OperatingPoint("stand-in", "fused", 0.05)
    store = Store.create(tmp_path / "batch", Job("pile", point, None, ("5",), "hash"), calibration)
    store.append(pa.Table.from_pylist([row(1.0)] * 100, schema=SCHEMA), 100, 0)
    kept, threshold = Store(store.folder).calibration, calibration.threshold(0.05)

    assert kept.between(threshold) == pytest.approx(calibration.between(threshold))
    assert kept.caution == calibration.caution
    assert f"If all of it were normal, about 5 would be flagged; by {people}, most likely" in say_expected(
        Review(store, Rule(point))
    )
    assert f"5 % of normal digits by {people}, most likely between" in say_rule(Rule(point), kept)


def test_a_batch_of_before_keeps_its_scores_alone(review: Callable[..., Review]) -> None:
    reviewed = review(row(1.0))

    assert np.load(reviewed.store.folder / "calibration.npy").ndim == 1
    assert say_expected(reviewed) == "If all of it were normal, hardly one would be flagged."


def test_a_small_calibration_set_is_known_beforehand_to_flag_nothing() -> None:
    warning = foresee(1_100, 10_000, 0.1)

    assert "at least 91 of the 10,000" in warning
    assert foresee(12_000, 10_000, 0.1) == ""


def test_a_rule_says_its_promise_in_one_sentence() -> None:
    assert "About 5 % of normal" in say_rule(Rule(OperatingPoint(alpha=0.05)), CALIBRATION)
    tied = Calibration.fit([*range(95), *[95] * 4])
    assert "About 1 % (the nearest to 4 % that keeps it) of" in say_rule(Rule(OperatingPoint(alpha=0.04)), tied)
    assert "at most 10 % are expected to be normal" in say_rule(Rule(OperatingPoint(), 0.1), CALIBRATION)
    fixed = Rule(OperatingPoint("m", "fused", None, 50.5))
    assert "score above 50.5" in say_rule(fixed, CALIBRATION)
    assert "50 % of normal digits" in say_rule(fixed, CALIBRATION)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 2.0])
def test_a_rate_that_is_no_share_is_refused(rate: float) -> None:
    with pytest.raises(BatchError, match="between 0 and 1"):
        Rule(OperatingPoint(), rate)
