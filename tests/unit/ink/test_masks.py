"""Masks grown and shrunken by shifting rows are what filters make of them; one threshold parts two heaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter, minimum_filter

from core.ink.masks import grown, otsu, shrunken


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 7), st.integers(0, 2**32 - 1))
def test_they_are_what_filters_make_of_them(height: int, width: int, pixels: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.3
    size = 2 * pixels + 1
    np.testing.assert_array_equal(grown(mask, pixels), maximum_filter(mask, size=size, mode="constant", cval=0))
    np.testing.assert_array_equal(shrunken(mask, pixels), minimum_filter(mask, size=size, mode="constant", cval=1))


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.9), (-3.2, 0.0), (5.0, 5.5)])
def test_the_threshold_lies_between_two_heaps(low: float, high: float) -> None:
    rng = np.random.default_rng(0)
    spread = 0.05 * (high - low)
    many, few = rng.normal(low, spread, 900), rng.normal(high, spread, 100)
    threshold = otsu(np.concatenate([many, few]).astype(np.float32))
    assert (many < threshold).mean() > 0.99
    assert (few > threshold).all()


def test_of_a_single_value_the_threshold_is_that() -> None:
    assert otsu(np.full((4, 4), 0.25, np.float32)) == 0.25
