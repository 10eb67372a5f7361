"""What benchmarks measure with: malformed digits, peers, and figures of fresh digits."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import development
from benchmarks.detection import malformations, malformed, one_class
from benchmarks.detection.peers.contract import Method, measure, quality
from benchmarks.detection.peers.scikit import Neighbours, Pca, flat
from benchmarks.generator import fresh
from core import datasets
from core.datasets.examples import for_normal
from core.gan.recipe import TrainingSettings
from core.ink import read


def drawn(digit: str) -> np.ndarray:
    """The project's own drawing of a digit as an ink image ``(1, 28, 28)``."""
    return read(for_normal((digit,))[0].picture(), split=False).images


@pytest.fixture(scope="module")
def two_digits() -> datasets.Dataset:
    bundled = datasets.load("digits", "train")
    return bundled.take(np.flatnonzero(np.isin(bundled.labels, (0, 1))))


@pytest.mark.parametrize("strength", range(3), ids=malformations.STRENGTHS)
@pytest.mark.parametrize("family", malformations.FAMILIES)
def test_a_malformed_digit_is_another_ink_image_the_same_every_time_and_an_empty_one_stays(
    family: str, strength: int
) -> None:
    images = np.concatenate([drawn("5"), np.zeros((1, 28, 28), np.float32)])

    edited = malformations.malform(images, family, strength)

    assert (edited.shape, edited.dtype) == (images.shape, images.dtype)
    assert 0 <= edited.min() <= edited.max() <= 1
    assert np.abs(edited - images)[0].sum() >= malformed.LEAST_CHANGE
    assert not edited[1].any()
    assert np.array_equal(edited, malformations.malform(images, family, strength))


def test_erasing_takes_more_ink_the_stronger_it_is() -> None:
    five = drawn("5")

    ink = [float(malformations.malform(five, "stroke erased", strength).sum()) for strength in range(3)]

    assert float(five.sum()) > ink[0] > ink[1] > ink[2] > 0


def test_mirroring_is_not_held_against_symmetric_digits() -> None:
    assert malformed.counted("mirrored", ["0", "1", "5", "8"]) == ["5"]
    assert malformed.counted("gap torn", ["0", "5"]) == ["0", "5"]


@pytest.mark.parametrize("variant", development.VARIANTS)
def test_what_a_variant_changes_is_there_to_be_changed(variant: str) -> None:
    replace(TrainingSettings(), **development.VARIANTS[variant])


def test_methods_are_chosen_by_parts_of_their_names_and_left_out_where_not_installed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    there, missing = Method("Kept one", "numpy", Pca), Method("kept two", "no-such-distribution", Pca)
    other = Method("another", "numpy", Pca)

    assert one_class.select([there, missing, other], "kept") == [there]
    assert "kept two" in capsys.readouterr().err


@pytest.mark.parametrize("peer", [Pca(), Neighbours(flat)], ids=["pca", "neighbours"])
def test_a_peer_tells_zeros_from_ones(peer: Pca | Neighbours, two_digits: datasets.Dataset) -> None:
    zeros, ones = two_digits.of("0"), two_digits.of("1")
    test = np.concatenate([zeros[100:], ones])
    anomaly = np.arange(len(test)) >= len(zeros[100:])

    measured = measure(peer, zeros[:100], test, anomaly, seed=0)

    assert measured.auroc > 0.9
    assert measured.train_seconds > 0


def test_detection_and_false_alarms_are_counted_at_the_methods_own_threshold() -> None:
    figures = quality(np.array([0.1, 0.6, 0.4, 0.9]), 0.5, np.array([False, False, True, True]))

    assert figures == (0.75, 0.5, 0.5)  # AUROC, detection, false alarms


def points(n: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(seed)) + shift


@pytest.mark.parametrize(
    ("fresh_ones", "precision", "recall"),
    [
        pytest.param(points(200, 2), (0.9, 1.0), (0.9, 1.0), id="of the same distribution"),
        pytest.param(points(200, 2, shift=50.0), (0.0, 0.0), (0.0, 0.0), id="far away"),
        pytest.param(points(200, 1)[:1].repeat(200, 1), (1.0, 1.0), (0.0, 0.05), id="one good one again and again"),
    ],
)
def test_precision_is_how_many_are_like_real_ones_and_recall_how_much_of_those_they_cover(
    fresh_ones: torch.Tensor, precision: tuple[float, float], recall: tuple[float, float]
) -> None:
    measured = fresh.precision_recall(points(200, 1), fresh_ones)

    assert all(low <= value <= high for value, (low, high) in zip(measured, (precision, recall), strict=True))


def test_the_frechet_distance_of_a_shifted_cloud_is_the_squared_shift() -> None:
    cloud = points(500, 1)
    assert fresh.frechet(cloud, cloud) == pytest.approx(0.0, abs=1e-6)
    assert fresh.frechet(cloud, cloud + torch.tensor([3.0, 0.0, 0.0])) == pytest.approx(9.0, abs=1e-4)


def test_grey_is_neither_paper_nor_dark_ink_and_a_copy_is_at_distance_zero_of_its_training_digit() -> None:
    image, training = np.zeros((1, 28, 28), np.float32), points(50, 1)
    image[0, 0, :4] = [1.0, 0.5, 0.9, 0.4]

    assert fresh.grey_share(image) == pytest.approx(0.5)
    assert fresh.nearest_distance(training[:5], training) == pytest.approx(0.0, abs=1e-3)
