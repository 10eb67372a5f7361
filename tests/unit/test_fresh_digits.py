"""What ``benchmarks/generator/fresh.py`` measures, on points whose answer is known."""

import numpy as np
import pytest
import torch

from benchmarks.generator import fresh


def points(n: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(seed)) + shift


def test_points_of_one_distribution_lie_within_each_others_manifold() -> None:
    precision, recall = fresh.precision_recall(points(400, 1), points(400, 2))
    assert precision > 0.9
    assert recall > 0.9


def test_points_far_away_have_neither_precision_nor_recall() -> None:
    assert fresh.precision_recall(points(100, 1), points(100, 2, shift=50.0)) == (0.0, 0.0)


def test_one_good_point_drawn_again_and_again_is_precise_and_covers_nothing() -> None:
    real = points(200, 1)
    precision, recall = fresh.precision_recall(real, real[:1].repeat(200, 1))
    assert precision == 1.0
    assert recall < 0.05


def test_the_frechet_distance_of_a_shifted_cloud_is_the_squared_shift() -> None:
    cloud = points(500, 1)
    assert fresh.frechet(cloud, cloud) == pytest.approx(0.0, abs=1e-6)
    assert fresh.frechet(cloud, cloud + torch.tensor([3.0, 0.0, 0.0])) == pytest.approx(9.0, abs=1e-4)


def test_grey_is_what_is_neither_paper_nor_dark_ink() -> None:
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 0, :4] = [1.0, 0.5, 0.9, 0.4]
    assert fresh.grey_share(image) == pytest.approx(0.5)


def test_a_copy_of_a_training_digit_is_at_distance_zero() -> None:
    training = points(50, 1)
    assert fresh.nearest_distance(training[:5], training) == pytest.approx(0.0, abs=1e-3)
