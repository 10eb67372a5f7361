"""Conformal p-values, thresholds and bounds keep their promises for any scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.calibration.conformal import FEW, LOCAL_LEVELS, Calibration, images_needed, local_level
from core.errors import OddDigitError

# A noisy machine is no failure.
QUICK = settings(max_examples=50, deadline=None)
# Few distinct values, so that ties are common.
SCORES = arrays(np.float64, st.integers(1, 60), elements=st.integers(-20, 20).map(float))
QUERIES = arrays(np.float64, st.integers(1, 20), elements=st.integers(-25, 25).map(float))
RATES = st.floats(0.001, 0.999)


def uniform_ranks(n: int, draws: int, seed: int) -> np.ndarray:
    """p-values of one fresh normal digit against each of many fresh calibration sets of n, ``(draws,)``."""
    scores = np.random.default_rng(seed).normal(size=(draws, n + 1))
    return np.array([Calibration.fit(row[1:]).p_values(row[0])[0] for row in scores])


@pytest.mark.parametrize("n", [1, 19, 30, 100])
def test_p_values_of_exchangeable_digits_are_uniform_on_their_steps(n: int) -> None:
    draws = 4_000

    p_values = uniform_ranks(n, draws, seed=n)

    counts = np.bincount(np.round(p_values * (n + 1)).astype(int), minlength=n + 2)[1:]
    expected = draws / (n + 1)
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < n + 5 * np.sqrt(2 * n)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.37])
def test_the_share_flagged_over_many_calibration_sets_is_k_of_n_plus_one(alpha: float) -> None:
    n, draws = 30, 4_000

    p_values = uniform_ranks(n, draws, seed=1)

    theory = np.floor(alpha * (n + 1)) / (n + 1)
    assert (p_values <= alpha).mean() == pytest.approx(theory, abs=4 * np.sqrt(theory / draws))


@QUICK
@given(SCORES, QUERIES)
def test_an_odder_digit_never_has_a_larger_p_value(scores: np.ndarray, queries: np.ndarray) -> None:
    p_values = Calibration.fit(scores).p_values(np.sort(queries))

    assert (np.diff(p_values) <= 0).all()
    assert (p_values > 0).all()
    assert (p_values <= 1).all()


@QUICK
@given(SCORES, QUERIES, RATES)
def test_a_digit_is_flagged_exactly_where_its_p_value_is_at_most_alpha(
    scores: np.ndarray, queries: np.ndarray, alpha: float
) -> None:
    calibration = Calibration.fit(scores)

    flagged = calibration.flags(queries, alpha)

    np.testing.assert_array_equal(flagged, calibration.p_values(queries) <= alpha + 1e-12)


@QUICK
@given(SCORES, RATES)
def test_no_more_calibration_digits_than_promised_lie_beyond_the_threshold(scores: np.ndarray, alpha: float) -> None:
    calibration = Calibration.fit(scores)

    beyond = int(calibration.flags(scores, alpha).sum())

    assert beyond <= max(calibration.rank(alpha) - 1, 0)


@QUICK
@given(SCORES, RATES)
def test_alpha_and_threshold_are_two_ways_to_write_one_threshold(scores: np.ndarray, alpha: float) -> None:
    calibration = Calibration.fit(scores)
    threshold = calibration.threshold(alpha)

    back = float(calibration.alpha(threshold)[0])

    assert calibration.threshold(min(back, 0.9999)) == threshold or not np.isfinite(threshold)


@pytest.mark.parametrize(
    ("scores", "queries", "p_values"),
    [
        pytest.param([1, 2, 2, 2, 3], [2.0, 2.5], [5 / 6, 2 / 6], id="tied scores count against the digit"),
        pytest.param([7.0], [6.0, 7.0, 8.0], [1.0, 1.0, 0.5], id="one calibration digit gives two p-values"),
    ],
)
def test_p_values_of_few_scores(scores: list[float], queries: list[float], p_values: list[float]) -> None:
    assert Calibration.fit(scores).p_values(queries).tolist() == p_values


def test_constant_scores_flag_only_what_lies_above_them() -> None:
    calibration = Calibration.fit(np.full(1_000, 0.25))

    assert calibration.threshold(0.05) == 0.25
    assert calibration.flags([0.25, np.nextafter(0.25, 1)], 0.05).tolist() == [False, True]
    assert calibration.tail is None


@QUICK
@given(SCORES, st.floats(1e-6, 0.999))
def test_an_alpha_below_one_in_n_plus_one_never_flags(scores: np.ndarray, share: float) -> None:
    calibration = Calibration.fit(scores)
    alpha = share / (calibration.n + 1) * (1 - 1e-6)

    assert calibration.rank(alpha) == 0
    assert calibration.threshold(alpha) == np.inf
    assert not calibration.flags([1e300], alpha).any()


@pytest.mark.parametrize(
    ("alpha", "n", "rank"), [(0.3, 9, 3), (0.1, 9, 1), (0.05, 19, 1), (0.7, 99, 70), (0.05, 1084, 54)]
)
def test_the_rank_does_not_fall_below_a_whole_number_by_rounding(alpha: float, n: int, rank: int) -> None:
    assert Calibration.fit(np.arange(n)).rank(alpha) == rank


@pytest.mark.parametrize(
    ("scores", "reason"),
    [*(([0.1, bad, 0.3], "finite") for bad in (np.nan, np.inf, -np.inf)), ([], "at least one")],
)
def test_scores_that_nothing_can_be_measured_against_are_refused(scores: list[float], reason: str) -> None:
    with pytest.raises(OddDigitError, match=reason):
        Calibration.fit(scores)


def test_scores_out_of_order_are_refused() -> None:
    with pytest.raises(OddDigitError, match=r"Calibration\.fit"):
        Calibration(np.array([2.0, 1.0]))


def test_a_digit_without_a_score_is_refused_rather_than_called_normal() -> None:
    calibration = Calibration.fit([0.1, 0.2])

    for judge in (calibration.p_values, lambda scores: calibration.flags(scores, 0.5)):
        with pytest.raises(OddDigitError, match="NaN"):
            judge([0.1, np.nan])


@QUICK
@given(SCORES)
def test_the_band_lies_above_the_promise_and_falls_with_it(scores: np.ndarray) -> None:
    calibration = Calibration.fit(scores)

    bound = calibration.band(calibration.scores)

    assert (bound >= calibration.alpha(calibration.scores) - 1e-9).all()
    assert (np.diff(bound) <= 1e-12).all()
    assert calibration.band(calibration.scores[0] - 1).tolist() == [1.0]


@pytest.mark.parametrize("n", [10, 30, 100, 1_084])
def test_the_band_holds_at_all_lines_at_once_for_95_of_100_calibration_sets(n: int) -> None:
    draws = 2_000
    # The true false-alarm rates of the lines at n uniform calibration scores are 1 minus those scores.
    scores = np.sort(np.random.default_rng(n).random((draws, n)), axis=1)
    bound = Calibration.fit(np.arange(n)).band(np.arange(n))

    held = ((1 - scores) <= bound).all(axis=1).mean()

    assert held == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / draws))


def test_the_bound_at_an_alpha_is_the_band_at_its_threshold_and_nothing_where_there_is_none() -> None:
    calibration = Calibration.fit(np.arange(1_100))

    assert calibration.bound(0.05) == float(calibration.band(calibration.threshold(0.05))[0])
    assert calibration.bound(0.05) == pytest.approx(0.072, abs=0.002)
    assert calibration.bound(1e-6) == 0
    assert Calibration.fit(np.arange(30)).bound(0.05) == pytest.approx(0.166, abs=0.0005)


def test_local_levels_fall_with_n_and_are_met_exactly_at_the_sizes_of_the_table() -> None:
    levels = [local_level(n) for n in range(1, 20_000, 97)]

    assert (np.diff(levels) < 0).all()
    assert [local_level(n) for n in LOCAL_LEVELS] == pytest.approx(list(LOCAL_LEVELS.values()))
    assert LOCAL_LEVELS[1] == 0.05


@QUICK
@given(st.floats(0.001, 0.5))
def test_images_needed_is_the_smallest_number_that_can_flag(alpha: float) -> None:
    needed = images_needed(alpha)

    assert Calibration.fit(np.arange(needed)).rank(alpha) >= 1
    assert needed < 2 or Calibration.fit(np.arange(needed - 1)).rank(alpha) == 0


@QUICK
@given(st.integers(20, 300), st.floats(0.05, 0.5), st.floats(-1, 1))
def test_whoever_strangers_are_exchangeable_digits_are_not_flagged_more_than_promised(
    n: int, alpha: float, shift: float
) -> None:
    rng = np.random.default_rng(n)
    seen = Calibration.fit(rng.normal(size=n))

    strangers = Calibration.of_strangers(rng.normal(shift, 1, 3 * n), np.arange(3 * n) % 6, seen)

    if seen.rank(alpha) > FEW:
        assert strangers.threshold(alpha) >= seen.threshold(alpha)


def test_strangers_are_what_is_measured_against_and_the_calibration_set_stays_to_be_seen() -> None:
    seen = Calibration.fit(np.arange(100.0))

    strangers = Calibration.of_strangers(np.arange(200.0)[::-1], np.repeat([0, 1], 100), seen)  # all above the others

    assert strangers.exchangeable is seen
    assert strangers.p_values([150.0]).tolist() == [51 / 201]
    assert strangers.stretches is not None
    assert strangers.stretches.tolist() == [1] * 100 + [0] * 100
    with pytest.raises(OddDigitError, match="3 scores came with 2 stretches"):
        Calibration.of_strangers([1, 2, 3], [0, 1], seen)


def test_the_more_people_differ_the_more_caution_a_whole_pile_takes() -> None:
    rng = np.random.default_rng(5)
    cautions = []
    for differ in (0.0, 0.3):
        scores = rng.normal(rng.normal(0, differ, (24, 1)), 1, (24, 400))
        calibration = Calibration.of_strangers(scores, np.repeat(np.arange(24), 400), Calibration.fit(scores[0]))
        cautions.append(calibration.caution)

    assert Calibration.fit([1.0]).caution == 1 < cautions[0] < 1.1 < cautions[1] < 1.6


def test_no_bound_of_strangers_is_below_the_calibration_sets_nor_below_the_promise() -> None:
    seen = Calibration.fit(np.random.default_rng(0).normal(size=300))
    strangers = Calibration.of_strangers(np.random.default_rng(1).normal(0.2, 1, 5_000), np.arange(5_000) % 24, seen)

    assert (strangers.band(strangers.scores) >= seen.band(strangers.scores)).all()
    assert (strangers.band(strangers.scores) >= strangers.alpha(strangers.scores)).all()


@pytest.mark.parametrize("differ", [0.0, 0.3])
def test_eight_of_ten_further_stretches_lie_where_it_is_most_likely(differ: float) -> None:
    rng = np.random.default_rng(3)
    inside = []
    for _ in range(20):
        shift = rng.normal(0, differ, (64, 1))
        scores = rng.normal(shift, 1, (64, 800))
        calibration = Calibration.of_strangers(scores[:24], np.repeat(np.arange(24), 800), Calibration.fit(scores[0]))
        threshold = calibration.threshold(0.05)
        likely = calibration.between(threshold)
        assert likely is not None
        low, high = likely[0]
        rates = (scores[24:] > threshold).mean(axis=1)
        inside.append(((rates >= low) & (rates <= high)).mean())
        assert low <= 0.05 <= high + 1e-3

    # Where people do not differ, what is left is the chance of 800 digits.
    assert np.mean(inside) > 0.05 if not differ else abs(np.mean(inside) - 0.8) < 0.07
