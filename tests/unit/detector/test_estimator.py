from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from core import datasets
from core.calibration.prediction_set import agreeing
from core.detector import Detector
from core.detector.estimator import FEW
from core.detector.readings import Readings
from core.errors import OddDigitError, TrainingError
from core.operating_point import DISTANCES, EVIDENCES, OperatingPoint
from core.scoring import multi_digit
from core.scoring.multi_digit import RIVALRY
from core.scoring.scorer import Scorer

POINT = OperatingPoint("tiny-any", "fused", 0.1)


load = cache(datasets.load)


def digits(count: int = 60) -> np.ndarray:
    """Digits of every kind that no tiny detector was trained on."""
    return load("digits", "test").images[:count]


def of(label: str, part: str = "train") -> np.ndarray:
    return load("digits", part).of(label)


@pytest.fixture(params=["tiny_detector", "tiny_detector_any"], ids=["one digit", "several digits"])
def detector(request: pytest.FixtureRequest) -> Detector:
    return request.getfixturevalue(request.param)


# What inspect gives


def test_a_reading_has_all_that_a_page_shows_in_its_promised_shape_and_range(detector: Detector) -> None:
    images = digits(30)

    found = detector.inspect(images)

    assert len(found) == 30
    np.testing.assert_array_equal(found.images, images)
    assert found.reconstruction.shape == found.residual.shape == (30, 28, 28)
    assert found.reconstruction.min() >= 0
    assert found.reconstruction.max() <= 1
    np.testing.assert_allclose(found.residual, images - found.reconstruction, atol=1e-6)
    for probability in (found.probability, found.reconstruction_probability):
        assert probability.shape == (30,)
        assert ((probability >= 0) & (probability <= 1)).all()
    assert tuple(found.scores) == tuple(found.p_values) == EVIDENCES
    for evidence in EVIDENCES:
        assert np.isfinite(found.scores[evidence]).all()
        assert ((found.p_values[evidence] > 0) & (found.p_values[evidence] <= 1)).all()


def test_no_images_give_no_readings_and_no_error(detector: Detector) -> None:
    found = detector.inspect(np.zeros((0, 28, 28), np.float32))

    assert len(found) == 0
    assert found.p_value.shape == (0,)
    assert found.residual.shape == (0, 28, 28)
    assert found.class_id(alpha=0.1).shape == (0,)


def test_flat_images_read_the_same_as_square_ones(detector: Detector) -> None:
    images = digits(7)

    assert same(detector.inspect(images.reshape(7, 784)), detector.inspect(images))


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.zeros((28, 28)), id="blank"),
        pytest.param(np.ones((28, 28)), id="all ink"),
        pytest.param(np.eye(28), id="a diagonal"),
        pytest.param(np.random.default_rng(0).random((28, 28)), id="noise"),
        pytest.param(np.pad([[1.0]], ((3, 24), (3, 24))), id="one pixel"),
        pytest.param(np.full((28, 28), 1e-30), id="all but nothing"),
    ],
)
def test_any_picture_in_range_gets_a_finite_reading(picture: np.ndarray, detector: Detector) -> None:
    found = detector.inspect(picture[None])

    assert all(np.isfinite(values).all() for values in (*found.scores.values(), found.reconstruction, found.residual))


@pytest.mark.parametrize(
    ("images", "said"),
    [
        pytest.param(np.zeros((28, 28)), r"shape \(28, 28\): give \(n, 28, 28\)", id="one image without its n"),
        pytest.param(np.zeros((2, 32, 32)), r"shape \(2, 32, 32\)", id="another side"),
        pytest.param(np.zeros((2, 1, 28, 28)), r"shape \(2, 1, 28, 28\)", id="with channels"),
        pytest.param(np.zeros(784), r"shape \(784,\)", id="one flat image"),
        pytest.param(np.full((1, 28, 28), 255), "divide bytes by 255", id="bytes"),
        pytest.param(np.full((1, 28, 28), -0.1), "Negative values in data", id="negative"),
        pytest.param(np.full((1, 28, 28), np.nan), "hold NaN", id="NaN"),
        pytest.param(np.full((1, 28, 28), np.inf), "hold infinity", id="infinite"),
        pytest.param(np.full((1, 28, 28), 1e300), "hold infinity", id="infinite as float32"),
        pytest.param(np.ones((1, 28, 28), np.uint8), "bytes of 0 and 1", id="bytes that are no bytes"),
        pytest.param(csr_array(np.eye(784)), "sparse", id="sparse"),
        pytest.param([["a"] * 784], "numbers", id="text"),
        pytest.param([[1.0, 2.0], [1.0]], "numbers", id="ragged"),
        pytest.param(np.zeros((1, 28, 28), complex) + 1j, "Complex", id="complex"),
    ],
)
def test_images_that_are_none_are_refused_with_what_to_give(images: object, said: str, tiny_detector: Detector) -> None:
    with pytest.raises(OddDigitError, match=said):
        tiny_detector.inspect(images)


# The same image, the same reading


def test_an_image_reads_the_same_alone_and_in_any_batch(detector: Detector) -> None:
    images = digits(31)
    whole = detector.inspect(images)

    batches = {
        "alone": [slice(i, i + 1) for i in range(31)],
        "in sevens": [slice(i, i + 7) for i in range(0, 31, 7)],
        "reversed": [np.arange(31)[::-1]],
    }
    for name, batch in batches.items():
        for rows in batch:
            part, expected = detector.inspect(images[rows]), whole[rows]
            for evidence in EVIDENCES:
                # Of several digits a score is in spreads of normal ones and may stand near 0, so relative to 1.
                scale = np.maximum(np.abs(expected.scores[evidence]), 1)
                assert (np.abs(part.scores[evidence] - expected.scores[evidence]) <= 3e-5 * scale).all(), name
                np.testing.assert_array_equal(part.p_values[evidence], expected.p_values[evidence], name)
            np.testing.assert_allclose(part.reconstruction, expected.reconstruction, atol=1e-4)
            for digit, p_values in part.digits.items():
                np.testing.assert_array_equal(p_values, expected.digits[digit], name)


def test_more_images_than_fit_a_chunk_read_as_they_do_in_small_batches(tiny_detector: Detector) -> None:
    images = np.concatenate([digits(397), digits(203)])

    whole = tiny_detector.inspect(images)

    np.testing.assert_array_equal(whole.p_value[397:], whole.p_value[:203])
    np.testing.assert_array_equal(whole.p_value[250:270], tiny_detector.inspect(images[250:270]).p_value)


def test_a_calibration_digit_alone_stands_exactly_where_it_stood_in_calibration(tiny_detector: Detector) -> None:
    mine = of("5")
    calibrate = mine[datasets.split(len(mine), tiny_detector.split_seed).calibrate]
    scores = tiny_detector.calibrations_["fused"].scores

    alone = np.sort([tiny_detector.inspect(image[None]).scores["fused"][0] for image in calibrate])

    # A score that came out a hair above itself would lose one calibration digit and keep no promise.
    p_values = tiny_detector.calibrations_["fused"].p_values(alone)
    np.testing.assert_array_equal(p_values, tiny_detector.calibrations_["fused"].p_values(scores))


# Several normal digits


def test_of_several_digits_the_least_distance_counts_and_what_the_nearest_makes_of_an_image(
    tiny_detector_any: Detector,
) -> None:
    images = digits(20)
    each = {name: scorer.score(images) for name, scorer in tiny_detector_any.scorers_.items()}

    def standardised(evidence: str) -> np.ndarray:
        standards = [tiny_detector_any.standards_[name][evidence] for name in each]
        pairs = zip(each.values(), standards, strict=True)
        return np.stack([(own.scores[evidence] - centre) / spread for own, (centre, spread) in pairs])

    found = tiny_detector_any.inspect(images)

    nearest = np.argmin([own.scores["manifold"] for own in each.values()], axis=0)
    for evidence in EVIDENCES:
        values = standardised(evidence)
        expected = values.min(axis=0) if evidence in DISTANCES else values[nearest, np.arange(20)]
        np.testing.assert_allclose(found.scores[evidence], expected, rtol=1e-4, atol=1e-5)
    pictures = np.stack([own.reconstruction for own in each.values()])[nearest, np.arange(20)]
    np.testing.assert_array_equal(found.reconstruction, pictures)


def test_scores_without_drawing_are_those_of_an_inspection_to_the_bit(detector: Detector) -> None:
    images = digits(31)
    whole = detector.inspect(images)

    for rows in (slice(None), slice(0, 1), slice(3, 10)):
        found = detector.scores(images[rows])

        assert tuple(found.scores) == tuple(found.p_values) == DISTANCES
        for evidence in DISTANCES:
            np.testing.assert_array_equal(found.scores[evidence], whole.scores[evidence][rows])
            np.testing.assert_array_equal(found.p_values[evidence], whole.p_values[evidence][rows])
        for digit, p_values in found.digits.items():
            np.testing.assert_array_equal(p_values, whole.digits[digit][rows])


def test_what_needs_nothing_drawn_draws_nothing(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scorer, "compare", lambda *_: pytest.fail("something was drawn"))

    detector.score_samples(digits(3))
    detector.predict(digits(3))


def test_every_digit_has_a_p_value_of_its_own_against_its_own_calibration_digits(tiny_detector_any: Detector) -> None:
    images = digits(20)

    found = tiny_detector_any.inspect(images)

    assert list(found.digits) == ["0", "5", "8"]
    scores = {name: scorer.score(images).scores for name, scorer in tiny_detector_any.scorers_.items()}
    nearest = np.min([own["manifold"] for own in scores.values()], axis=0)
    as_each, least = {}, 1
    for name in found.digits:
        centre, scale = tiny_detector_any.standards_[name]["fused"]
        claim = (scores[name]["fused"] - centre) / scale + RIVALRY * np.log(scores[name]["manifold"] / nearest)
        calibration = tiny_detector_any.digit_calibrations_[name]["fused"]
        as_each[name], least = calibration.p_values(claim), min(least, calibration.n)
    for name, p_values in agreeing(as_each, found.p_value).items():
        np.testing.assert_allclose(found.digits[name], p_values, atol=1.5 / (least + 1))


def test_an_image_is_odd_exactly_where_it_is_as_every_digit(tiny_detector_any: Detector) -> None:
    found = tiny_detector_any.inspect(digits(40))

    for evidence in EVIDENCES:
        np.testing.assert_array_equal(
            np.max(list(found.digits_by(evidence).values()), axis=0), found.p_values[evidence]
        )
        lines = [OperatingPoint("tiny-any", evidence, alpha) for alpha in (0.02, 0.05, 0.3)]
        lines += [
            OperatingPoint("tiny-any", evidence, None, float(t))
            for t in np.quantile(found.scores[evidence], [0.2, 0.9])
        ]
        for line in lines:
            empty = [not found.prediction_set(line, row) for row in range(40)]
            assert empty == found.class_id(line).astype(bool).tolist()


def test_a_digit_that_another_one_is_nearer_than_is_less_plausible_for_it(tiny_detector_any: Detector) -> None:
    images = digits(20)
    alone = {name: scorer.score(images).scores["manifold"] for name, scorer in tiny_detector_any.scorers_.items()}

    found = multi_digit.score(tiny_detector_any.scorers_, tiny_detector_any.standards_, images)

    for name, own in alone.items():
        centre, scale = tiny_detector_any.standards_[name]["manifold"]
        added = found.nonconformity[name]["manifold"] - (own - centre) / scale
        wins = found.digits == name
        np.testing.assert_allclose(added[wins], 0, atol=1e-5)
        assert (added[~wins] > 0).all()


def test_the_calibration_of_several_digits_pools_those_of_each(tiny_detector_any: Detector) -> None:
    sizes = [tiny_detector_any.digit_calibrations_[name]["fused"].n for name in ("0", "5", "8")]

    assert tiny_detector_any.calibrations_["fused"].n == sum(sizes)
    assert [counts[2] for counts in tiny_detector_any.card_.counts.values()] == sizes


def test_a_digit_of_its_own_kind_is_plausible_where_its_p_value_exceeds_alpha(tiny_detector_any: Detector) -> None:
    found = tiny_detector_any.inspect(of("0", "test"))

    for row in range(len(found)):
        plausible = found.prediction_set(POINT, row)
        assert set(plausible) == {name for name, p in found.digits.items() if p[row] > 0.1}
    assert sum("0" in found.prediction_set(POINT, row) for row in range(len(found))) > len(found) / 2


def test_a_model_of_one_digit_has_no_p_values_for_digits(tiny_detector: Detector) -> None:
    assert tiny_detector.inspect(digits(2)).digit_p_values == {}


# As scikit-learn's outlier detectors


def test_it_is_cloned_and_set_like_any_estimator() -> None:
    original = Detector(architecture="dense", epochs=3, seed=7, split_seed=2, evidence="pixel", alpha=0.2)

    twin = clone(original).set_params(alpha=0.3)

    assert twin.get_params() == original.get_params() | {"alpha": 0.3}
    assert not hasattr(twin, "card_")


def test_a_loaded_detector_can_be_cloned_into_an_unfitted_one_with_the_same_settings(tiny_detector: Detector) -> None:
    twin = clone(tiny_detector)

    assert twin.get_params() == tiny_detector.get_params()
    assert (twin.architecture, twin.epochs, twin.seed) == ("conv", 1, 0)


def test_an_unfitted_detector_says_so(tmp_path: Path) -> None:
    calls: list[Callable[[], object]] = [
        lambda: Detector().inspect(digits(1)),
        lambda: Detector().predict(digits(1)),
        lambda: Detector().save(tmp_path / "x.safetensors"),
        lambda: Detector().calibrated(digits(1), None, "x", "me"),
        lambda: Detector().offset_,
        lambda: Detector().fingerprint,
    ]
    for call in calls:
        with pytest.raises(NotFittedError, match="fit"):
            call()


def test_predict_decision_function_and_score_samples_agree_with_the_readings(tiny_detector: Detector) -> None:
    detector = load_again(tiny_detector).set_params(alpha=0.1)
    flat = digits().reshape(-1, 784)
    found = detector.inspect(flat)

    np.testing.assert_array_equal(detector.score_samples(flat), -found.scores["fused"])
    np.testing.assert_array_equal(detector.predict(flat), np.where(found.class_id(alpha=0.1) == 1, -1, 1))
    np.testing.assert_array_equal(detector.predict(flat) == -1, detector.decision_function(flat) < 0)
    assert set(detector.predict(flat)) == {-1, 1}


def test_the_decision_function_is_zero_at_the_threshold(tiny_detector: Detector) -> None:
    detector = load_again(tiny_detector).set_params(alpha=0.1)
    mine = of("5")
    calibrate = mine[datasets.split(len(mine), detector.split_seed).calibrate]

    decisions = detector.decision_function(calibrate)

    # The line is one of the calibration scores, and the digit that has it is normal still.
    (at_line,) = np.flatnonzero(decisions == 0)
    assert detector.predict(calibrate[[at_line]]) == [1]
    assert (decisions < 0).sum() == detector.calibrations_["fused"].rank(0.1) - 1


def test_the_chosen_evidence_decides(tiny_detector: Detector) -> None:
    detector = load_again(tiny_detector).set_params(evidence="pixel", alpha=0.2)
    images = digits()

    found = detector.inspect(images)

    np.testing.assert_array_equal(detector.score_samples(images), -found.scores["pixel"])
    assert detector.offset_ == -detector.calibrations_["pixel"].threshold(0.2)


# Fitting


@pytest.fixture(scope="module")
def fives() -> Detector:
    """A detector as ``fit`` leaves it, made in a second or two; shared, so change nothing in it."""
    return Detector("dense", epochs=1).fit(of("5")[:60])


def test_the_same_seed_gives_the_same_detector_whatever_the_callers_random_state(fives: Detector) -> None:
    import torch

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)

    again = Detector("dense", epochs=1).fit(of("5")[:60])

    assert again.fingerprint == fives.fingerprint
    assert same(again.inspect(digits(5)), fives.inspect(digits(5)))
    assert torch.equal(torch.rand(3), expected), "the caller's own random numbers were used up"


def test_another_seed_gives_another_detector_and_fitting_again_forgets_the_first_fit(fives: Detector) -> None:
    detector = load_again(fives)
    assert detector.fingerprint == fives.fingerprint

    detector.set_params(seed=4).fit(of("5")[:60])

    assert detector.fingerprint != fives.fingerprint
    assert detector.card_.settings["seed"] == 4


def test_a_run_broken_off_after_an_epoch_goes_on_to_the_same_detector(tmp_path: Path) -> None:
    images, labels = np.concatenate([of("0")[:50], of("5")[:50]]), ["0"] * 50 + ["5"] * 50
    uninterrupted = Detector("dense", epochs=2)
    steps = list(uninterrupted.fit_steps(images, labels))
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert [step.stage for step in steps if step.epoch_ended] == ["digit 0: training"] * 2 + ["digit 5: training"] * 2

    for progress in Detector("dense", epochs=2).fit_steps(images, labels, tmp_path):
        if progress.epoch_ended and progress.fraction > 0.7:
            break
    resumed = Detector("dense", epochs=2)
    remaining = [step for step in resumed.fit_steps(images, labels, tmp_path) if step.epoch_ended]

    assert len(remaining) == 1
    assert resumed.fingerprint == uninterrupted.fingerprint


@pytest.mark.parametrize(
    ("count", "labels", "said"),
    [
        pytest.param(49, None, "49 images: give at least 50", id="too few"),
        pytest.param(0, None, "no images to train on", id="none"),
        pytest.param(60, ["5"] * 59, "60 images came with 59 labels", id="a label short"),
        pytest.param(100, ["5"] * 60 + ["6"] * 40, "label '6' has 40 images", id="a small class"),
    ],
)
def test_what_cannot_be_fitted_is_refused_before_any_training(count: int, labels: list[str] | None, said: str) -> None:
    images = np.resize(of("5"), (count, 28, 28))

    with pytest.raises(TrainingError, match=said):
        Detector().fit(images, labels)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"architecture": "transformer"}, "transformer"),
        ({"epochs": 0}, "epochs"),
        ({"alpha": 0.0}, "alpha"),
        ({"evidence": "sound"}, "evidence"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_any_training(settings: dict[str, object], said: str) -> None:
    with pytest.raises(OddDigitError, match=said):
        Detector(**settings).fit(of("5")[:60])


def test_what_a_fitted_detector_was_made_of_stands_on_its_card(tiny_detector_any: Detector) -> None:
    card = tiny_detector_any.card_

    assert card.normal == ("0", "5", "8")
    for name, (train, validation, calibrate) in card.counts.items():
        total = len(of(name))
        assert train + validation + calibrate == total
        assert (validation, calibrate) == (round(0.1 * total), round(0.2 * total))
        assert all(len(losses) == 1 for losses in card.curve[name].values())
    assert card.settings["epochs"] == 1


# Other people's ink


def test_recalibrated_its_scores_stay_and_its_p_values_are_those_of_the_new_ink(tiny_detector: Detector) -> None:
    ink = of("5", "test")

    mine = tiny_detector.calibrated(ink, None, "my-5", "the writers of my fives")

    np.testing.assert_array_equal(mine.inspect(ink).scores["fused"], tiny_detector.inspect(ink).scores["fused"])
    assert sorted(mine.inspect(ink).p_value) == pytest.approx(np.arange(2, len(ink) + 2) / (len(ink) + 1), abs=0.05)
    assert (mine.card_.name, mine.card_.calibrated_on) == ("my-5", "the writers of my fives")
    assert mine.card_.recalibrated
    assert mine.card_.counts["5"][2] == len(ink)
    assert mine.fingerprint != tiny_detector.fingerprint


def test_recalibrating_leaves_the_first_detector_as_it_was(tiny_detector: Detector) -> None:
    before = tiny_detector.fingerprint, tiny_detector.card_, tiny_detector.inspect(digits(5)).p_value

    tiny_detector.calibrated(of("5", "test"), None, "my-5", "me")

    load_again(tiny_detector)
    after = tiny_detector.fingerprint, tiny_detector.card_, tiny_detector.inspect(digits(5)).p_value
    assert before[:2] == after[:2]
    np.testing.assert_array_equal(before[2], after[2])


def test_a_detector_of_several_digits_is_recalibrated_digit_by_digit(tiny_detector_any: Detector) -> None:
    images = np.concatenate([of(name, "test")[:20] for name in ("0", "5", "8")])

    mine = tiny_detector_any.calibrated(images, np.repeat(["0", "5", "8"], 20), "mine", "me")

    assert mine.calibrations_["fused"].n == 60
    assert [mine.digit_calibrations_[name]["fused"].n for name in ("0", "5", "8")] == [20, 20, 20]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        pytest.param(None, "give the label of each image", id="no labels"),
        pytest.param(["0"] * 3, "no image of 5, 8", id="digits missing"),
        pytest.param(["0", "5", "7"], "'7' is none of this detector's digits: 0, 5, 8", id="a foreign digit"),
        pytest.param(["0", "5"], "3 images came with 2 labels", id="a label short"),
    ],
)
def test_ink_that_cannot_recalibrate_is_refused(
    labels: list[str] | None, said: str, tiny_detector_any: Detector
) -> None:
    with pytest.raises(OddDigitError, match=said):
        tiny_detector_any.calibrated(digits(3), labels, "mine", "me")


def test_no_ink_at_all_cannot_recalibrate(tiny_detector: Detector) -> None:
    with pytest.raises(OddDigitError, match="no image of 5"):
        tiny_detector.calibrated(np.zeros((0, 28, 28)), None, "mine", "me")


# Evaluation, file and name


def test_other_labels_are_anomalies_in_an_evaluation(tiny_detector_any: Detector) -> None:
    test = load("digits", "test")

    found = tiny_detector_any.evaluate(test)

    assert len(found) == len(test)
    np.testing.assert_array_equal(found.anomaly, ~np.isin(test.labels, [0, 5, 8]))
    assert found.sources == ("digits:test",)
    assert found.auroc("fused") > 0.5


def test_saved_and_loaded_it_reads_every_image_the_same(detector: Detector, tmp_path: Path) -> None:
    images = digits(40)

    detector.save(tmp_path / "twin.safetensors")
    twin = Detector.load(tmp_path / "twin.safetensors")

    assert twin.fingerprint == detector.fingerprint
    assert twin.card_ == replace(detector.card_, name="twin")
    assert same(twin.inspect(images), detector.inspect(images))


def test_a_detector_just_fitted_reads_as_it_will_after_saving_and_loading(fives: Detector, tmp_path: Path) -> None:
    fives.save(tmp_path / "fives.safetensors")
    loaded = Detector.load(tmp_path / "fives.safetensors")

    assert loaded.fingerprint == fives.fingerprint
    assert same(loaded.inspect(digits()), fives.inspect(digits()))


def load_again(detector: Detector) -> Detector:
    """A copy that a test may change."""
    twin = Detector(**detector.get_params())
    for name, value in vars(detector).items():
        setattr(twin, name, value)
    return twin


def same(one: Readings, other: Readings) -> bool:
    """Whether two readings agree to the last digit of every p-value and score."""
    return (
        all(np.array_equal(one.scores[e], other.scores[e]) for e in EVIDENCES)
        and all(np.array_equal(one.p_values[e], other.p_values[e]) for e in EVIDENCES)
        and all(np.array_equal(one.digits[name], other.digits[name]) for name in one.digits)
        and one.normal == other.normal
        and np.allclose(one.reconstruction, other.reconstruction, atol=1e-6)
    )


@pytest.mark.parametrize(("count", "threads"), [(1, 1), (FEW, 1), (FEW + 1, 3)])
def test_few_images_are_scored_by_one_thread_and_the_servers_number_is_put_back(
    tiny_detector: Detector, monkeypatch: pytest.MonkeyPatch, count: int, threads: int
) -> None:
    seen: list[int] = []
    score, before = multi_digit.score, torch.get_num_threads()

    def watched(*arguments: Any) -> Any:
        seen.append(torch.get_num_threads())
        return score(*arguments)

    monkeypatch.setattr(multi_digit, "score", watched)
    try:
        torch.set_num_threads(3)
        tiny_detector.inspect(digits(count))
        assert seen == [threads]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
