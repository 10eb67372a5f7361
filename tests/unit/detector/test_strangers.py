"""Strangers: p-values that hold for people a detector never met, from stretches of its own training images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.calibration.conformal import Calibration
from core.calibration.few_digits import adapted
from core.datasets import load
from core.detector import Detector, file, strangers
from core.errors import ModelError, OddDigitError

FIVES = load("digits", "train").of("5")
STRETCHES = np.arange(len(FIVES)) * 6 // len(FIVES)


@pytest.fixture(scope="module")
def corrected(tiny_detector: Detector) -> Detector:
    return Detector.of(strangers.corrected(tiny_detector.state_, {"5": FIVES}, {"5": STRETCHES}))


def test_every_digit_is_scored_without_its_own_stretch_so_none_looks_less_odd(
    tiny_detector: Detector, corrected: Detector
) -> None:
    calibration = corrected.calibrations_["fused"]

    assert calibration.n == corrected.card_.strangers == len(FIVES)
    assert calibration.stretches is not None
    assert sorted(calibration.stretches.tolist()) == STRETCHES.tolist()
    known = np.sort(tiny_detector.scores(FIVES).scores["fused"])
    assert (calibration.scores >= known - 1e-6).mean() > 0.95
    assert calibration.scores.mean() > known.mean()


def test_the_calibration_set_and_what_is_drawn_stay_as_they_were(tiny_detector: Detector, corrected: Detector) -> None:
    for evidence, before in tiny_detector.calibrations_.items():
        after = corrected.calibrations_[evidence]
        np.testing.assert_array_equal((after.exchangeable or after).scores, before.scores)
    assert corrected.calibrations_["pixel"].exchangeable is None


def test_a_file_brings_strangers_back_and_one_without_them_loads_as_before(
    tiny_detector: Detector, corrected: Detector, tmp_path: Path
) -> None:
    file.save(corrected.state_, tmp_path / "with.safetensors")
    file.save(tiny_detector.state_, tmp_path / "without.safetensors")

    loaded, measured = file.load(tmp_path / "with.safetensors"), file.read_measured(tmp_path / "with.safetensors")

    assert loaded.fingerprint == corrected.fingerprint
    for calibrations in (loaded.calibrations, measured.calibrations):
        np.testing.assert_array_equal(calibrations["fused"].stretches, corrected.calibrations_["fused"].stretches)
    assert file.load(tmp_path / "without.safetensors").calibrations["fused"].exchangeable is None


def test_a_file_with_fewer_stretches_than_scores_is_refused(corrected: Detector, tmp_path: Path) -> None:
    calibration = corrected.calibrations_["fused"]
    spoilt = replace(calibration, stretches=STRETCHES[:-1])
    state = replace(corrected.state_, calibrations={**corrected.calibrations_, "fused": spoilt})
    file.save(state, tmp_path / "spoilt.safetensors")

    with pytest.raises(ModelError, match="differ in number"):
        file.load(tmp_path / "spoilt.safetensors")


def test_verdict_threshold_and_p_value_come_through_one_door(corrected: Detector) -> None:
    scored = corrected.scores(FIVES)

    flagged = scored.p_value <= 0.1

    np.testing.assert_array_equal(scored.class_id(alpha=0.1).astype(bool), flagged)
    np.testing.assert_array_equal(scored.p_value, corrected.calibrations_["fused"].p_values(scored.scores["fused"]))


def test_ones_own_ink_takes_the_place_of_strangers(corrected: Detector) -> None:
    own = corrected.calibrated(FIVES[:30], None, "mine", "my own hand")

    assert own.calibrations_["fused"].exchangeable is None
    assert (own.card_.strangers, own.calibrations_["fused"].n) == (0, 30)


def test_few_digits_of_ones_own_are_kept_in_a_file_with_what_they_are_estimated_to_promise(
    corrected: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.calibration.few_digits.FEWEST_KNOWN", 10)
    own = corrected.calibrated(FIVES[:20], None, "mine", "my own hand")
    own.save(tmp_path / "mine.safetensors")

    loaded = file.load(tmp_path / "mine.safetensors")

    for e, calibration in own.calibrations_.items():
        again = loaded.calibrations[e]
        assert (again.own, again.rates is not None) == (20, True)
        np.testing.assert_array_equal(again.scores, calibration.scores)
        np.testing.assert_array_equal(again.rates, calibration.rates)  # type: ignore[arg-type]
    assert loaded.fingerprint == own.fingerprint


@pytest.mark.parametrize("odds", [-9.0, 9.0])
def test_what_few_digits_look_like_decides_how_far_they_move_the_promise(
    corrected: Detector, monkeypatch: pytest.MonkeyPatch, odds: float
) -> None:
    monkeypatch.setattr("core.calibration.few_digits.FEWEST_KNOWN", 10)
    monkeypatch.setattr("core.detector.assemble.odds_of_strangers", lambda statistic, n: odds)
    own = corrected.calibrated(FIVES[:20], None, "mine", "my own hand")

    scores = corrected.inspect(FIVES[:20]).scores["fused"]
    expected = adapted(Calibration.fit(scores), corrected.calibrations_["fused"], odds)
    np.testing.assert_array_equal(own.calibrations_["fused"].scores, expected.scores)


def test_other_images_or_too_few_stretches_are_refused(tiny_detector: Detector) -> None:
    with pytest.raises(OddDigitError, match="not made of these 20 images"):
        strangers.corrected(tiny_detector.state_, {"5": FIVES[:20]}, {"5": STRETCHES[:20]})
    with pytest.raises(OddDigitError, match="too few"):
        strangers.corrected(tiny_detector.state_, {"5": FIVES}, {"5": np.zeros(len(FIVES))})


def test_of_several_digits_each_is_measured_against_strangers_of_its_own(tiny_detector_any: Detector) -> None:
    training = load("digits", "train")
    images = {name: training.of(name) for name in tiny_detector_any.card_.normal}
    stretches = {name: np.arange(len(part)) * 6 // len(part) for name, part in images.items()}

    state = strangers.corrected(tiny_detector_any.state_, images, stretches)

    assert state.calibrations["fused"].n == sum(map(len, images.values()))
    for name, part in images.items():
        assert state.digit_calibrations[name]["fused"].n == len(part)
