"""Small images become ink images in MNIST's geometry, and vary within bounds when augmented."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.ink.geometry import augment, to_ink_images


def centre_of_mass(image: np.ndarray) -> np.ndarray:
    rows, columns = np.indices(image.shape)
    return np.array([(rows * image).sum(), (columns * image).sum()]) / image.sum()


def cross(side: int) -> np.ndarray:
    """An upright cross as large as the image but for a border of one pixel, its bars an eighth of the side wide."""
    image, bar = np.zeros((side, side), np.float32), max(1, side // 8)
    middle = slice((side - bar) // 2, (side - bar) // 2 + bar)
    image[middle, 1:-1] = image[1:-1, middle] = 1
    return image


@pytest.mark.parametrize("side", [8, 16, 20, 27, 29, 64, 200])
def test_the_longer_side_becomes_twenty_pixels_whatever_the_size_was(side: int) -> None:
    ink = to_ink_images(cross(side)[None])[0]
    rows = np.flatnonzero((ink > 0.3).any(axis=1))
    assert ink.shape == (28, 28)
    assert 19 <= rows[-1] - rows[0] + 1 <= 20
    assert np.abs(centre_of_mass(ink) - 14).max() <= 0.6


def test_images_that_are_28x28_already_pass_bit_for_bit() -> None:
    images = np.random.default_rng(0).random((3, 28, 28), dtype=np.float32)
    np.testing.assert_array_equal(to_ink_images(images), images)


def test_neither_where_a_digit_lies_in_its_image_nor_how_faint_it_is_makes_a_difference() -> None:
    image = np.zeros((40, 40), np.float32)
    image[3:19, 2:18] = cross(16)
    moved = np.roll(image, (18, 20), axis=(0, 1))
    expected, *others = to_ink_images(np.stack([image, moved, 0.4 * image]))
    np.testing.assert_allclose(others, [expected] * 2, atol=1e-6)


def test_no_images_and_empty_images_stay_empty() -> None:
    assert to_ink_images(np.zeros((0, 8, 8))).shape == (0, 28, 28)
    assert not to_ink_images(np.zeros((2, 8, 8))).any()


@given(
    arrays.arrays(
        np.float32, st.tuples(st.just(1), st.integers(1, 40), st.integers(1, 40)), elements=st.floats(0, 1, width=32)
    )
)
@settings(max_examples=60, deadline=None)
def test_any_image_becomes_a_valid_ink_image(images: np.ndarray) -> None:
    ink = to_ink_images(images)
    assert (ink.shape, ink.dtype) == ((1, 28, 28), np.float32)
    assert 0 <= ink.min() <= ink.max() <= 1


def strokes(n: int) -> np.ndarray:
    """``n`` ink images of a leaning bar with a foot."""
    image = np.zeros((28, 28), np.float32)
    image[5:24, 13:16] = image[21:24, 10:20] = 1
    return np.repeat(image[None], n, axis=0)


def test_augmented_images_are_ink_images_that_all_differ_and_hardly_move_and_the_given_ones_stay() -> None:
    given_images = strokes(200)

    varied = augment(given_images, np.random.default_rng(0))

    np.testing.assert_array_equal(given_images, strokes(200))
    assert (varied.shape, varied.dtype) == ((200, 28, 28), np.float32)
    assert 0 <= varied.min() < varied.max() <= 1
    assert len(np.unique(varied, axis=0)) == 200
    amount = varied.sum(axis=(1, 2)) / strokes(1).sum()
    moved = [np.abs(centre_of_mass(image) - centre_of_mass(strokes(1)[0])).max() for image in varied]
    assert 0.8 < amount.min() < amount.max() < 1.25
    assert max(moved) < 2


def test_the_same_seed_varies_alike_another_seed_does_not_and_no_variation_brings_the_images_back() -> None:
    first, again, other = (augment(strokes(4), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    same = augment(strokes(2), np.random.default_rng(0), degrees=0, scale=0, shear=0, shift=0)
    np.testing.assert_allclose(same, strokes(2), atol=1e-5)


def test_a_shift_moves_by_pixels_and_not_further_than_asked() -> None:
    dot = np.zeros((300, 28, 28), np.float32)
    dot[:, 14, 14] = 1
    moved = augment(dot, np.random.default_rng(0), degrees=0, scale=0, shear=0, shift=2)
    far = np.array([np.abs(centre_of_mass(image) - 14).max() for image in moved])
    assert 1.8 < far.max() < 2.2
