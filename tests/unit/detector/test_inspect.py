"""Readings of a detector: what they hold, the same for an image in any batch, and of several normal digits."""

from typing import Any

import numpy as np
import pytest
import torch

from core import datasets
from core.calibration.prediction_set import agreeing
from core.detector import Detector
from core.detector.estimator import FEW
from core.operating_point import DISTANCES, EVIDENCES, OperatingPoint
from core.scoring import multi_digit
from core.scoring.multi_digit import RIVALRY
from core.scoring.scorer import Scorer
from tests.support.bundled import digits, of, same

POINT = OperatingPoint("tiny-any", "fused", 0.1)


def test_a_reading_has_all_that_a_page_shows_in_its_promised_shape_and_range(detector: Detector) -> None:
    images = digits(30)

    readings = detector.inspect(images)

    assert len(readings) == 30
    np.testing.assert_array_equal(readings.images, images)
    assert readings.reconstruction.shape == readings.residual.shape == (30, 28, 28)
    assert readings.reconstruction.min() >= 0
    assert readings.reconstruction.max() <= 1
    np.testing.assert_allclose(readings.residual, images - readings.reconstruction, atol=1e-6)
    for probability in (readings.probability, readings.reconstruction_probability):
        assert probability.shape == (30,)
        assert ((probability >= 0) & (probability <= 1)).all()
    assert tuple(readings.scores) == tuple(readings.p_values) == EVIDENCES
    for evidence in EVIDENCES:
        assert np.isfinite(readings.scores[evidence]).all()
        assert ((readings.p_values[evidence] > 0) & (readings.p_values[evidence] <= 1)).all()


def test_flat_images_read_the_same_as_square_ones_and_none_give_no_reading(detector: Detector) -> None:
    images = digits(7)

    none = detector.inspect(images[:0])

    assert same(detector.inspect(images.reshape(7, 784)), detector.inspect(images))
    assert (len(none), none.p_value.shape, none.residual.shape) == (0, (0,), (0, 28, 28))
    assert none.class_id(alpha=0.1).shape == (0,)


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
    readings = detector.inspect(picture[None])

    assert all(
        np.isfinite(values).all() for values in (*readings.scores.values(), readings.reconstruction, readings.residual)
    )


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
    fives = of("5")
    calibrate = fives[datasets.split(len(fives), tiny_detector.split_seed).calibrate]
    scores = tiny_detector.calibrations_["fused"].scores

    alone = np.sort([tiny_detector.inspect(image[None]).scores["fused"][0] for image in calibrate])

    # A score that came out a hair above itself would lose one calibration digit and keep no promise.
    p_values = tiny_detector.calibrations_["fused"].p_values(alone)
    np.testing.assert_array_equal(p_values, tiny_detector.calibrations_["fused"].p_values(scores))


def test_of_several_digits_the_least_distance_counts_and_what_the_nearest_makes_of_an_image(
    tiny_detector_any: Detector,
) -> None:
    images = digits(20)
    each = {name: scorer.score(images) for name, scorer in tiny_detector_any.scorers_.items()}

    def standardised(evidence: str) -> np.ndarray:
        standards = [tiny_detector_any.state_.standards[name][evidence] for name in each]
        pairs = zip(each.values(), standards, strict=True)
        return np.stack([(own.scores[evidence] - centre) / spread for own, (centre, spread) in pairs])

    readings = tiny_detector_any.inspect(images)

    nearest = np.argmin([own.scores["manifold"] for own in each.values()], axis=0)
    for evidence in EVIDENCES:
        values = standardised(evidence)
        expected = values.min(axis=0) if evidence in DISTANCES else values[nearest, np.arange(20)]
        np.testing.assert_allclose(readings.scores[evidence], expected, rtol=1e-4, atol=1e-5)
    pictures = np.stack([own.reconstruction for own in each.values()])[nearest, np.arange(20)]
    np.testing.assert_array_equal(readings.reconstruction, pictures)


def test_scores_without_drawing_are_those_of_an_inspection_to_the_bit(detector: Detector) -> None:
    images = digits(31)
    whole = detector.inspect(images)

    for rows in (slice(None), slice(0, 1), slice(3, 10)):
        readings = detector.scores(images[rows])

        assert tuple(readings.scores) == tuple(readings.p_values) == DISTANCES
        for evidence in DISTANCES:
            np.testing.assert_array_equal(readings.scores[evidence], whole.scores[evidence][rows])
            np.testing.assert_array_equal(readings.p_values[evidence], whole.p_values[evidence][rows])
        for digit, p_values in readings.digits.items():
            np.testing.assert_array_equal(p_values, whole.digits[digit][rows])


def test_what_needs_nothing_drawn_draws_nothing(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scorer, "compare", lambda *_: pytest.fail("something was drawn"))

    detector.score_samples(digits(3))
    detector.predict(digits(3))


def test_every_digit_has_a_p_value_of_its_own_against_its_own_calibration_digits(tiny_detector_any: Detector) -> None:
    images = digits(20)

    readings = tiny_detector_any.inspect(images)

    assert list(readings.digits) == ["0", "5", "8"]
    scores = {name: scorer.score(images).scores for name, scorer in tiny_detector_any.scorers_.items()}
    nearest = np.min([own["manifold"] for own in scores.values()], axis=0)
    as_each, least = {}, 1
    for name in readings.digits:
        centre, scale = tiny_detector_any.state_.standards[name]["fused"]
        claim = (scores[name]["fused"] - centre) / scale + RIVALRY * np.log(scores[name]["manifold"] / nearest)
        calibration = tiny_detector_any.state_.digit_calibrations[name]["fused"]
        as_each[name], least = calibration.p_values(claim), min(least, calibration.n)
    for name, p_values in agreeing(as_each, readings.p_value).items():
        np.testing.assert_allclose(readings.digits[name], p_values, atol=1.5 / (least + 1))


def test_an_image_is_odd_exactly_where_it_is_as_every_digit(tiny_detector_any: Detector) -> None:
    readings = tiny_detector_any.inspect(digits(40))

    for evidence in EVIDENCES:
        np.testing.assert_array_equal(
            np.max(list(readings.digits_by(evidence).values()), axis=0), readings.p_values[evidence]
        )
        points = [OperatingPoint("tiny-any", evidence, alpha) for alpha in (0.02, 0.05, 0.3)]
        scores = np.quantile(readings.scores[evidence], [0.2, 0.9]).tolist()
        for point in (*points, *(OperatingPoint("tiny-any", evidence, None, score) for score in scores)):
            empty = [not readings.prediction_set(point, row) for row in range(40)]
            assert empty == readings.class_id(point).astype(bool).tolist()


def test_a_digit_that_another_one_is_nearer_than_is_less_plausible_for_it(tiny_detector_any: Detector) -> None:
    images = digits(20)
    alone = {name: scorer.score(images).scores["manifold"] for name, scorer in tiny_detector_any.scorers_.items()}

    readings = multi_digit.score(tiny_detector_any.scorers_, tiny_detector_any.state_.standards, images)

    for name, own in alone.items():
        centre, scale = tiny_detector_any.state_.standards[name]["manifold"]
        added = readings.nonconformity[name]["manifold"] - (own - centre) / scale
        wins = readings.digits == name
        np.testing.assert_allclose(added[wins], 0, atol=1e-5)
        assert (added[~wins] > 0).all()


def test_the_calibration_of_several_digits_pools_those_of_each_and_one_digit_has_none_of_its_own(
    tiny_detector: Detector, tiny_detector_any: Detector
) -> None:
    sizes = [tiny_detector_any.state_.digit_calibrations[name]["fused"].n for name in ("0", "5", "8")]

    assert tiny_detector_any.calibrations_["fused"].n == sum(sizes)
    assert [counts[2] for counts in tiny_detector_any.card_.counts.values()] == sizes
    assert tiny_detector.inspect(digits(2)).digit_p_values == {}


def test_a_digit_of_its_own_kind_is_plausible_where_its_p_value_exceeds_alpha(tiny_detector_any: Detector) -> None:
    readings = tiny_detector_any.inspect(of("0", "test"))

    for row in range(len(readings)):
        plausible = readings.prediction_set(POINT, row)
        assert set(plausible) == {name for name, p in readings.digits.items() if p[row] > 0.1}
    assert sum("0" in readings.prediction_set(POINT, row) for row in range(len(readings))) > len(readings) / 2


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
