"""Named data sets: what is known, what is bundled, and how images are parted."""

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import datasets, paths
from core.errors import DatasetError

RECORDED = [2, 6, 13, 16]


def test_an_unknown_name_is_told_the_nearest_and_all_known_ones() -> None:
    with pytest.raises(DatasetError, match=r"Did you mean 'fashion-mnist'.*digits"):
        datasets.load("FashionMNIST")
    assert not datasets.available("FashionMNIST")


@pytest.mark.parametrize("name", ["", "folder:", "npz:", "zip:x", "folder:/nowhere/at/all", "npz:/nowhere.npz"])
def test_a_name_without_data_behind_it_is_refused(name: str) -> None:
    assert not datasets.available(name)
    with pytest.raises(DatasetError):
        datasets.load(name)
    with pytest.raises(DatasetError):
        datasets.labels_in(name)


@pytest.mark.parametrize("name", datasets.NAMES)
def test_every_named_set_says_what_it_is_in_one_line(name: str) -> None:
    line = str(datasets.NAMES[name])
    assert "\n" not in line
    assert "download" in line
    assert datasets.labels_in(name) == datasets.NAMES[name].label_names


def test_importing_the_module_imports_nothing_slow() -> None:
    slow = ("torch", "torchvision", "sklearn", "scipy", "skimage")
    code = f"import sys, core.datasets; print([name for name in {slow} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_bundled_digits_are_always_there_and_their_parts_share_no_image() -> None:
    train, test, whole = (datasets.load("digits", part, download=False) for part in ("train", "test", "all"))
    assert datasets.available("digits")
    assert (len(train), len(test), len(whole)) == (1400, 397, 1797)
    np.testing.assert_array_equal(np.concatenate([train.images, test.images]), whole.images)
    assert not {image.tobytes() for image in train.images} & {image.tobytes() for image in test.images}
    assert np.bincount(test.labels).min() >= 39


def test_the_bundled_digits_have_mnists_geometry() -> None:
    images = datasets.load("digits").images
    rows, columns = np.indices((28, 28))
    mass = images.sum(axis=(1, 2))
    centres = np.stack([(images * rows).sum(axis=(1, 2)), (images * columns).sum(axis=(1, 2))]) / mass
    inside = (images > 0.3).any(axis=2).sum(axis=1)
    assert np.abs(centres - 14).max() < 0.6
    assert (inside <= 20).all()
    assert np.median(inside) >= 18
    assert 0.1 < images.mean() < 0.18  # MNIST's is 0.13


@given(st.integers(10, 3000), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_every_image_is_in_exactly_one_piece_and_shares_are_70_10_20(n: int, seed: int) -> None:
    parts = datasets.split(n, seed)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([parts.train, parts.validation, parts.calibrate])), np.arange(n)
    )
    assert abs(len(parts.validation) - 0.1 * n) <= 0.5
    assert abs(len(parts.calibrate) - 0.2 * n) <= 0.5
    assert min(len(parts.train), len(parts.validation), len(parts.calibrate)) >= 1


def test_the_same_seed_parts_alike_and_another_does_not() -> None:
    first, again, other = (datasets.split(100, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.calibrate, again.calibrate)
    assert first.seed == 3
    assert set(first.calibrate) != set(other.calibrate)
    np.testing.assert_array_equal(datasets.split(20, 0).calibrate, RECORDED)


def test_development_folds_are_the_first_five_sixths_and_the_rest() -> None:
    digits = datasets.load("digits")
    train, test = datasets.development(digits)
    assert (len(train), len(test), train.part, test.part) == (1166, 234, "train", "test")
    np.testing.assert_array_equal(np.concatenate([train.images, test.images]), digits.images)


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        pytest.param(lambda: datasets.load("digits", "validation"), "no part 'validation'", id="an unknown part"),
        pytest.param(lambda: datasets.split(9, 0), "9 images", id="too few images to part"),
        pytest.param(
            lambda: datasets.development(datasets.load("digits", "test")), "training part", id="variants on test images"
        ),
    ],
)
def test_what_cannot_be_parted_is_refused(ask: Callable[[], object], reason: str) -> None:
    with pytest.raises(DatasetError, match=reason):
        ask()


def test_images_of_one_label_are_found_by_its_name() -> None:
    digits = datasets.load("digits", "test")
    np.testing.assert_array_equal(digits.of("7"), digits.images[digits.labels == 7])
    with pytest.raises(DatasetError, match="no label '10'"):
        digits.of("10")


@pytest.mark.datasets
def test_mnist_loads_whole_and_as_published() -> None:
    datasets.load("mnist", "test", download=False)  # imports torchvision, which is not what is timed
    start = time.perf_counter()
    train = datasets.load("mnist", download=False)
    assert time.perf_counter() - start < 5  # about 0.8 s on a quiet machine
    assert train.images.shape == (60_000, 28, 28)
    np.testing.assert_array_equal(
        np.bincount(train.labels), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    )
    np.testing.assert_allclose(train.images.mean(), 0.1306604, atol=1e-5)
