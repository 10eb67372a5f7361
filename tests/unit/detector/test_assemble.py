"""Detectors out of others without training: joined to one of several digits, or scored anew."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.datasets import load, split
from core.detector import Detector, assemble
from core.errors import OddDigitError


def test_single_detectors_join_to_the_very_detector_that_one_fit_gives_be_it_broken_off(tmp_path: Path) -> None:
    parts = {name: load("digits", "train").of(name)[:60] for name in ("3", "0")}
    singles = [Detector("dense", epochs=1).fit(images, [name] * 60) for name, images in parts.items()]
    calibrate = {name: images[split(60, 0).calibrate] for name, images in parts.items()}

    joined = Detector.of(assemble.join([single.state_ for single in singles], calibrate))

    whole, steps = Detector("dense", epochs=1), []
    images, labels = np.concatenate(list(parts.values())), ["3"] * 60 + ["0"] * 60
    for step in Detector("dense", epochs=1).fit_steps(images, labels, tmp_path):
        steps.append(step)
        if step.epoch_ended:
            break
    steps += whole.fit_steps(images, labels, tmp_path)
    assert [step.stage for step in steps if step.epoch_ended] == ["digit 0: training", "digit 3: training"]
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert steps[-1].fraction == 1
    assert joined.card_.normal == ("0", "3")
    assert joined.fingerprint == whole.fingerprint
    assert joined.state_.standards == whole.state_.standards
    assert joined.card_.counts == whole.card_.counts
    assert math.isclose(joined.card_.seconds, sum(part.card_.seconds for part in singles), abs_tol=0.1)
    images = load("digits", "test").images[:9]
    np.testing.assert_array_equal(joined.inspect(images).p_value, whole.inspect(images).p_value)


def test_what_does_not_belong_together_is_not_joined(tiny_detector: Detector, tiny_detector_any: Detector) -> None:
    fives, any_digit = tiny_detector.state_, tiny_detector_any.state_
    images = load("digits", "test").of("5")
    card = replace(fives.card, normal=("6",), split_seed=1)
    with pytest.raises(OddDigitError, match="nothing"):
        assemble.join([], {})
    with pytest.raises(OddDigitError, match="5, 5"):
        assemble.join([fives, fives], {"5": images})
    with pytest.raises(OddDigitError, match="one for each digit"):
        assemble.join([any_digit], {"5": images})
    with pytest.raises(OddDigitError, match="different settings"):
        assemble.join([fives, replace(fives, card=card)], {"5": images, "6": images})
    with pytest.raises(OddDigitError, match="no calibration image of 5"):
        assemble.join([fives], {})


def test_scored_anew_by_its_own_split_a_detector_is_what_it_was(tiny_detector_any_file: Path) -> None:
    before = Detector.load(tiny_detector_any_file)
    state = Detector.load(tiny_detector_any_file).state_
    training = load("digits", "train")
    validation, calibrate, spoilt = {}, {}, {}
    for name, scorer in state.scorers.items():
        images = training.of(name)
        parts = split(len(images), state.card.split_seed)
        validation[name], calibrate[name] = images[parts.validation], images[parts.calibrate]
        spoilt[name] = scorer.weighed(images[:3])

    again = assemble.rescore(replace(state, scorers=spoilt, standards={}), validation, calibrate)

    assert again.fingerprint == before.fingerprint
    assert again.standards == before.state_.standards
    assert again.evaluation is None
