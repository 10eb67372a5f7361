"""Benjamini-Hochberg over conformal p-values: which are flagged, and how many it takes to flag any."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.calibration.discoveries import discoveries, discoveries_needed
from core.errors import OddDigitError

QUICK = settings(max_examples=50, deadline=None)


def by_the_book(p_values: np.ndarray, rate: float) -> np.ndarray:
    """Benjamini and Hochberg's step-up procedure as they wrote it."""
    order = np.argsort(p_values)
    passes = np.flatnonzero(p_values[order] <= rate * np.arange(1, p_values.size + 1) / p_values.size)
    flagged = np.zeros(p_values.size, dtype=bool)
    flagged[order[: passes.max() + 1 if passes.size else 0]] = True
    return flagged


@QUICK
@given(arrays(np.float64, st.integers(1, 50), elements=st.floats(0.001, 1)), st.sampled_from([0.05, 0.1, 0.3]))
def test_discoveries_are_those_of_the_step_up_procedure(p_values: np.ndarray, rate: float) -> None:
    np.testing.assert_array_equal(discoveries(p_values, rate), by_the_book(p_values, rate))


def test_no_digits_give_no_discoveries_and_nan_is_refused() -> None:
    assert discoveries([], 0.1).tolist() == []
    with pytest.raises(OddDigitError, match="NaN"):
        discoveries([0.1, np.nan], 0.1)


@pytest.mark.parametrize(("n", "m", "rate"), [(99, 1_000, 0.1), (1_100, 10_000, 0.1), (30, 50, 0.2)])
def test_one_digit_fewer_at_the_floor_than_needed_makes_no_discovery(n: int, m: int, rate: float) -> None:
    needed = discoveries_needed(n, m, rate)

    def flagged(at_floor: int) -> int:
        p_values = np.ones(m)
        p_values[:at_floor] = 1 / (n + 1)
        return int(discoveries(p_values, rate).sum())

    assert flagged(needed) == needed
    assert flagged(needed - 1) == 0


def test_caution_lowers_the_rate() -> None:
    p_values = np.random.default_rng(0).uniform(0, 1, 500) ** 3

    np.testing.assert_array_equal(discoveries(p_values, 0.2, 1.25), by_the_book(p_values, 0.16))
