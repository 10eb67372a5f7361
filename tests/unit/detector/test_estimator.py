"""The detector as scikit-learn's estimators are: fitted, recalibrated, evaluated, saved and loaded."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from core import datasets
from core.detector import Detector
from core.detector.model_card import now
from core.errors import OddDigitError
from core.operating_point import OperatingPoint
from tests.support.bundled import digits, load, of, same


def test_it_is_cloned_and_set_like_any_estimator(tiny_detector: Detector) -> None:
    original = Detector(architecture="dense", epochs=3, seed=7, split_seed=2, evidence="pixel", alpha=0.2)

    twin, unfitted = clone(original).set_params(alpha=0.3), clone(tiny_detector)

    assert twin.get_params() == original.get_params() | {"alpha": 0.3}
    assert unfitted.get_params() == tiny_detector.get_params()
    assert (unfitted.architecture, unfitted.epochs, unfitted.seed) == ("conv", 1, 0)
    assert not hasattr(unfitted, "card_")


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


@pytest.mark.parametrize(("evidence", "alpha"), [("fused", 0.1), ("pixel", 0.2)])
def test_predict_decision_function_and_score_samples_agree_with_the_readings(
    evidence: str, alpha: float, tiny_detector: Detector
) -> None:
    detector = load_again(tiny_detector).set_params(evidence=evidence, alpha=alpha)
    flat = digits().reshape(-1, 784)
    readings = detector.inspect(flat)
    classes = readings.class_id(OperatingPoint(readings.model, evidence, alpha))

    np.testing.assert_array_equal(detector.score_samples(flat), -readings.scores[evidence])
    np.testing.assert_array_equal(detector.predict(flat), np.where(classes == 1, -1, 1))
    np.testing.assert_array_equal(detector.predict(flat) == -1, detector.decision_function(flat) < 0)
    assert set(detector.predict(flat)) == {-1, 1}
    assert detector.offset_ == -detector.calibrations_[evidence].threshold(alpha)


def test_the_decision_function_is_zero_at_the_threshold(tiny_detector: Detector) -> None:
    detector = load_again(tiny_detector).set_params(alpha=0.1)
    train = of("5")
    calibrate = train[datasets.split(len(train), detector.split_seed).calibrate]

    decisions = detector.decision_function(calibrate)

    # The threshold is one of the calibration scores, and the digit that has it is normal still.
    (at_threshold,) = np.flatnonzero(decisions == 0)
    assert detector.predict(calibrate[[at_threshold]]) == [1]
    assert (decisions < 0).sum() == detector.calibrations_["fused"].rank(0.1) - 1


@pytest.fixture(scope="module")
def fives() -> Detector:
    """A detector as ``fit`` leaves it, by NumPy's whole numbers; shared, so change nothing in it."""
    return Detector("dense", epochs=np.int64(1), seed=np.int32(0), split_seed=np.uint8(0)).fit(of("5")[:60])


def test_the_same_seed_gives_the_same_detector_whatever_the_callers_random_state(fives: Detector) -> None:

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


def test_what_a_fitted_detector_was_made_of_stands_on_its_card(tiny_detector_any: Detector) -> None:
    card = tiny_detector_any.card_

    assert card.normal == ("0", "5", "8")
    for name, (train, validation, calibrate) in card.counts.items():
        total = len(of(name))
        assert train + validation + calibrate == total
        assert (validation, calibrate) == (round(0.1 * total), round(0.2 * total))
        assert all(len(losses) == 1 for losses in card.curve[name].values())
    assert card.settings["epochs"] == 1


def test_recalibrated_its_scores_stay_its_p_values_are_those_of_the_new_ink_and_the_first_stays(
    tiny_detector: Detector,
) -> None:
    ink = of("5", "test")
    fingerprint, card, before = tiny_detector.fingerprint, tiny_detector.card_, tiny_detector.inspect(ink)

    made = now()
    recalibrated = tiny_detector.calibrated(ink, None, "my-5", "the writers of my fives")

    after = recalibrated.inspect(ink)
    np.testing.assert_array_equal(after.scores["fused"], before.scores["fused"])
    assert sorted(after.p_value) == pytest.approx(np.arange(2, len(ink) + 2) / (len(ink) + 1), abs=0.05)
    assert (recalibrated.card_.name, recalibrated.card_.calibrated_on) == ("my-5", "the writers of my fives")
    assert recalibrated.card_.recalibrated
    assert recalibrated.card_.created >= made
    assert recalibrated.card_.counts["5"][2] == len(ink)
    assert recalibrated.fingerprint != tiny_detector.fingerprint
    assert (tiny_detector.fingerprint, tiny_detector.card_) == (fingerprint, card)
    np.testing.assert_array_equal(tiny_detector.inspect(ink).p_value, before.p_value)


def test_a_detector_of_several_digits_is_recalibrated_digit_by_digit(tiny_detector_any: Detector) -> None:
    images = np.concatenate([of(name, "test")[:20] for name in ("0", "5", "8")])

    recalibrated = tiny_detector_any.calibrated(images, np.repeat(["0", "5", "8"], 20), "mine", "me")

    assert recalibrated.calibrations_["fused"].n == 60
    assert [recalibrated.state_.digit_calibrations[name]["fused"].n for name in ("0", "5", "8")] == [20, 20, 20]


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
    labels: list[str] | None, said: str, tiny_detector: Detector, tiny_detector_any: Detector
) -> None:
    with pytest.raises(OddDigitError, match=said):
        tiny_detector_any.calibrated(digits(3), labels, "mine", "me")
    with pytest.raises(OddDigitError, match="no image of 5"):
        tiny_detector.calibrated(np.zeros((0, 28, 28)), None, "mine", "me")


def test_other_labels_are_anomalies_in_an_evaluation(tiny_detector_any: Detector) -> None:
    test = load("digits", "test")

    evaluation = tiny_detector_any.evaluate(test)

    assert len(evaluation) == len(test)
    np.testing.assert_array_equal(evaluation.anomaly, ~np.isin(test.labels, [0, 5, 8]))
    assert evaluation.sources == ("digits:test",)
    assert evaluation.auroc("fused") > 0.5


@pytest.mark.parametrize("which", ["tiny_detector", "tiny_detector_any", "fives"])
def test_saved_and_loaded_it_reads_every_image_the_same(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    detector = request.getfixturevalue(which)

    detector.save(tmp_path / "twin.safetensors")
    twin = Detector.load(tmp_path / "twin.safetensors")

    assert twin.fingerprint == detector.fingerprint
    assert twin.card_ == replace(detector.card_, name="twin")
    assert same(twin.inspect(digits()), detector.inspect(digits()))


def load_again(detector: Detector) -> Detector:
    """A copy that a test may change."""
    twin = Detector(**detector.get_params())
    for name, value in vars(detector).items():
        setattr(twin, name, value)
    return twin
