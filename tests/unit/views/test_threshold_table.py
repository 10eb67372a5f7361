import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calibration.conformal import Calibration
from core.calibration.few_digits import adapted
from core.detector.model_card import Card
from core.operating_point import EVIDENCES, OperatingPoint
from core.views.threshold import View, more, no_threshold, promise
from core.views.threshold_table import short_alpha, tabulate
from tests.unit.calibration.test_evaluation import evaluation

CALIBRATION = Calibration.fit(np.random.default_rng(0).normal(size=1_084))
EVALUATION = evaluation(
    list(np.random.default_rng(1).normal(size=300)),
    list(np.random.default_rng(2).normal(3, 1, size=400)),
    labels="5987",
)
CARD = Card("made-5", ("5",), calibrated_on="MNIST's writers")


def view(point: OperatingPoint, evaluated: object = EVALUATION, calibration: Calibration = CALIBRATION) -> View:
    return View.of(dict.fromkeys(EVIDENCES, calibration), evaluated, CARD, point)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3_000), st.floats(0.0005, 0.999))
def test_the_threshold_of_the_operating_point_is_always_in_the_table(n: int, alpha: float) -> None:
    calibration = Calibration.fit(np.arange(n, dtype=float))

    table = tabulate(calibration, None, OperatingPoint("m", "fused", alpha))

    assert table.threshold[table.row(calibration.threshold(alpha))] == calibration.threshold(alpha)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3_000))
def test_a_threshold_sent_back_as_its_setting_is_that_threshold_again(n: int) -> None:
    calibration = Calibration.fit(np.arange(n, dtype=float))
    table = tabulate(calibration, None, OperatingPoint())

    settable = np.isfinite(table.threshold) & ~np.isnan(table.setting)

    assert [calibration.threshold(a) for a in table.setting[settable]] == table.threshold[settable].tolist()


def test_a_threshold_that_tied_scores_hold_below_the_rate_asked_for_says_so() -> None:
    tied = Calibration.fit([*range(94), *[94] * 5])

    assert view(OperatingPoint(), calibration=CALIBRATION).data["nearest"] == ""
    assert view(OperatingPoint(alpha=0.05), calibration=tied).data["nearest"] == "the nearest to 5 % that keeps it"
    assert tied.kept(0.05) == 0.01
    assert view(OperatingPoint(alpha=0.043), calibration=tied).data["nearest"] == "", "put there by hand, not asked for"


@pytest.mark.parametrize("n", [1, 30, 1_084, 12_000])
def test_the_table_stays_small_whatever_the_calibration_set(n: int) -> None:
    calibration = Calibration.fit(np.random.default_rng(0).exponential(size=n))

    table = tabulate(calibration, EVALUATION, OperatingPoint())

    assert 1 <= len(table) <= 600
    assert (np.diff(table.threshold) > 0).all()


def test_every_count_of_the_table_is_that_of_the_evaluation_and_every_promise_the_calibration_sets() -> None:
    table = tabulate(CALIBRATION, EVALUATION, OperatingPoint())

    for row in range(0, len(table), 7):
        assert table.confusion(row) == EVALUATION.confusion("fused", table.threshold[row])
        for name in "987":
            scores = EVALUATION.scores["fused"][EVALUATION.label == EVALUATION.label_names.index(name)]
            counted = int(table.by_label[name][row]), table.totals[name]
            assert counted == (int((scores > table.threshold[row]).sum()), scores.size)
    np.testing.assert_array_equal(table.alpha, CALIBRATION.alpha(table.threshold))
    np.testing.assert_array_equal(table.bound, CALIBRATION.band(table.threshold))


@pytest.mark.parametrize("threshold", [-3.3, 0.123456789, 2.0, 8.5])
def test_a_fixed_threshold_is_in_the_table_to_the_last_digit(threshold: float) -> None:
    displayed = view(OperatingPoint("made-5", "fused", None, threshold))

    assert displayed.table.threshold[displayed.row] == threshold
    assert displayed.data["setting"][displayed.row] is None


def test_the_lines_between_the_first_and_last_calibration_digit_are_all_ones_an_alpha_gives() -> None:
    table = tabulate(CALIBRATION, EVALUATION, OperatingPoint())

    within = table.threshold <= CALIBRATION.scores[-1]

    assert not np.isnan(table.setting[within]).any()
    assert np.isnan(table.setting[~within]).all()
    assert table.threshold[-1] >= EVALUATION.scores["fused"].max()


def test_an_alpha_without_a_threshold_is_the_last_row_and_flags_nothing() -> None:
    few = Calibration.fit(np.arange(30.0))

    displayed = view(OperatingPoint("made-5", "fused", 0.01), calibration=few)

    assert displayed.row == len(displayed.table) - 1
    assert displayed.data["threshold"][displayed.row] is None
    assert (displayed.table.alpha[displayed.row], displayed.table.bound[displayed.row]) == (0, 0)
    assert displayed.table.confusion(displayed.row).false_alarms == 0
    assert displayed.data["noLine"] == no_threshold(few, 0.01)
    assert "30 calibration digits are too few for 1 %" in displayed.data["noLine"]
    assert "99 are needed" in displayed.data["noLine"]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 2_000), st.floats(0, 1))
def test_a_short_alpha_has_the_rank_it_stands_for(n: int, share: float) -> None:
    calibration = Calibration.fit(np.arange(n, dtype=float))
    rank = 1 + int(share * (n - 1))

    assert calibration.rank(short_alpha(calibration, rank)) == rank
    for alpha in (0.01, 0.05, 0.1):  # round ones stay round
        assert short_alpha(CALIBRATION, CALIBRATION.rank(alpha)) == alpha


def test_the_promise_names_the_digits_whose_they_are_and_what_it_was_measured_on() -> None:
    words = f"{promise(CALIBRATION, CARD)} {more(CALIBRATION, EVALUATION, CARD)}"

    assert words.format(alpha="5 %", bound="7.2 %", rate="5.6 %") == (
        "At this line 5 % of normal 5s by MNIST's writers are flagged; with 95 % confidence no more than 7.2 %, "
        "wherever you move it. How much people differ this model does not know: of people it never met a few more are "
        "flagged. Measured on digits never used (made, test): 5.6 %."
    )
    assert "by {alpha} and {nobody} are" in promise(CALIBRATION, replace(CARD, calibrated_on="{alpha} and {nobody}"))
    assert more(CALIBRATION, None, replace(CARD, recalibrated=True)).startswith("It holds for that hand, or")


def test_where_writers_are_known_to_differ_the_promise_is_for_people_it_never_met() -> None:
    strangers = Calibration.of_strangers(CALIBRATION.scores + 0.1, np.arange(1_084) % 24, CALIBRATION)

    displayed = view(OperatingPoint("made-5", "fused", 0.05), calibration=strangers)

    assert displayed.data["sentence"] == (
        "At this line {alpha} of normal 5s are flagged: of people it never met, most likely between {low} and {high}."
    )
    assert displayed.data["more"].startswith(
        "Of normal 5s by MNIST's writers, whose other digits it learnt from, {exch"
    )
    row = displayed.row
    assert displayed.data["exchangeable"][row] < displayed.data["alpha"][row] <= displayed.data["bound"][row]
    assert displayed.data["low"][row] <= displayed.data["alpha"][row] <= displayed.data["high"][row]


def test_few_digits_of_ones_own_say_where_the_rate_most_likely_lies_and_what_they_promise_alone() -> None:
    few = adapted(Calibration.fit(CALIBRATION.scores[::60]), CALIBRATION)

    data = view(OperatingPoint("made-5", "fused", 0.05), calibration=few).data

    assert data["sentence"].endswith("are flagged, most likely between {low} and {high}.")
    assert f"estimated from {few.own} digits of that hand" in data["more"]
    assert (data["whose"], len(data["low"])) == ("of that hand", len(data["alpha"]))


def test_without_an_evaluation_nothing_is_said_to_be_measured_and_without_anomalies_there_is_no_curve() -> None:
    data, few = view(OperatingPoint(), None).data, view(OperatingPoint(), evaluation([0.0, 1.0, 2.0], [])).data

    assert "easured" not in data["sentence"] + data["more"]
    assert [data[key] for key in ("nNormal", "nAnomaly", "curves", "labels")] == [0, 0, [], []]
    assert data["histogram"]["series"][0]["name"] == "the yardstick's digits"
    assert [few[key] for key in ("nNormal", "nAnomaly", "curves")] == [3, 0, []]
    assert [series["kind"] for series in few["histogram"]["series"]] == ["normal"]


def test_all_five_curves_come_with_their_areas_the_chosen_one_first() -> None:
    curves = view(OperatingPoint("made-5", "gradient")).data["curves"]

    assert curves[0]["name"] == "gradient"
    assert {curve["name"] for curve in curves} == set(EVIDENCES)
    assert curves[0]["area"] == float(f"{EVALUATION.auroc('gradient'):.4f}"), "rounded once, as on the model's card"
    assert (curves[0]["points"][0], curves[0]["points"][-1]) == ([0, 0], [1, 1])


def test_of_many_kinds_of_anomalies_those_that_slip_through_most_are_shown() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    odd = [float(i % 26) for i in range(260)]
    displayed = view(OperatingPoint(), evaluation([0.0, 1.0], odd, labels="5" + letters))

    shown = [label["name"] for label in displayed.data["labels"]]

    assert shown == list("abcdefghijkl")


def test_what_the_browser_gets_is_plain_json_fits_in_a_message_and_holds_every_digit_once() -> None:
    data = view(OperatingPoint()).data

    assert len(json.dumps(data, allow_nan=False)) < 150_000
    assert [sum(part["counts"]) for part in data["histogram"]["series"]] == [300, 400]


def test_both_of_the_originals_lines_are_in_the_table_of_the_pixel_error_alone() -> None:
    pixel, fused = (view(OperatingPoint("made-5", name)).table.threshold for name in ("pixel", "fused"))

    assert {0.2, 0.08} <= set(pixel.tolist())
    assert not {0.2, 0.08} & set(fused.tolist())


def test_a_threshold_far_beyond_all_scores_leaves_room_for_the_scores() -> None:
    near, far = (view(OperatingPoint("made-5", "fused", None, threshold)).data["axis"] for threshold in (2.0, 1e9))

    assert far[1] - far[0] < 5 * (near[1] - near[0])


def test_a_calibration_set_of_one_score_can_still_be_drawn() -> None:
    displayed = view(OperatingPoint("made-5", "fused", 0.5), evaluation([1.0], []), Calibration.fit([1.0]))

    low, high = displayed.data["axis"]
    assert low < 1 < high
    assert len(displayed.table) >= 1
