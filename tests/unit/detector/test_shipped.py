"""The shipped models are what the code that ships with them would say, within the sizes that were promised."""

import numpy as np
import pytest

from core import datasets, paths
from core.datasets import examples
from core.detector import Detector, registry
from core.detector.file import read_measured
from core.ink import read
from core.operating_point import DISTANCES, EVIDENCES

NAMES = [f"mnist-{digit}" for digit in range(10)] + ["mnist-any"]


def test_all_are_on_the_shelf_and_small_enough() -> None:
    shelf = {model.name: model for model in registry.models("")}

    assert set(NAMES) <= set(shelf)
    for name in NAMES:
        assert shelf[name].shipped
        assert shelf[name].path.stat().st_size <= (9_000_000 if name == "mnist-any" else 1_200_000)
        assert shelf[name].path.parent == paths.CHECKPOINTS


@pytest.mark.parametrize("name", NAMES)
def test_all_are_measured_against_strangers(name: str) -> None:
    measured = read_measured(paths.CHECKPOINTS / f"{name}.safetensors")

    for evidence in DISTANCES:
        calibration = measured.calibrations[evidence]
        assert calibration.exchangeable is not None
        assert calibration.n == measured.card.strangers > 5_000
        for alpha in (0.01, 0.05, 0.1):  # so exchangeable digits are not flagged more often than promised
            assert calibration.threshold(alpha) >= calibration.exchangeable.threshold(alpha)


@pytest.mark.datasets
@pytest.mark.usefixtures("decoded_before")
@pytest.mark.parametrize("name", ["mnist-5", "mnist-any"])
def test_what_they_say_of_mnists_test_images_is_what_was_stored_when_they_were_made(name: str) -> None:
    detector = Detector.load(name)
    stored = detector.evaluation_
    assert stored is not None
    rows = np.flatnonzero(np.array(stored.sources)[stored.source] == "mnist:test")[:40]
    images = datasets.load("mnist", "test").images[stored.position[rows]]

    readings = detector.inspect(images)

    for evidence in EVIDENCES:
        np.testing.assert_allclose(readings.scores[evidence], stored.scores[evidence][rows], rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("decoded_before")
def test_mnist_5_finds_other_digits_and_keeps_its_promise() -> None:
    detector = Detector.load("mnist-5")
    evaluation = detector.evaluation_
    assert evaluation is not None
    counts = evaluation.confusion("fused", detector.calibrations_["fused"].threshold(0.05))

    assert (evaluation.auroc("fused") or 0) >= 0.99
    assert counts.detection_rate >= 0.95
    assert counts.false_alarm_rate <= 0.08


@pytest.mark.usefixtures("decoded_before")
@pytest.mark.parametrize("name", ["mnist-3", "mnist-4", "mnist-5", "mnist-8"])
def test_another_digit_is_reconstructed_as_a_normal_one_and_not_as_a_blur(name: str) -> None:
    *_, other, _, _ = (read(example.picture(), split=False).images for example in examples.for_normal((name[-1],)))

    drawn = Detector.load(name).inspect(other).reconstruction

    # A sharp digit has 0.8, a blur 1.5 and more.
    grey = (4 * drawn * (1 - drawn)).sum(axis=(1, 2)) / drawn.sum(axis=(1, 2))
    assert grey.max() < 1.25
