"""Few digits of one's own, helped by what is known of other people: an estimate that own digits take over."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.calibration.conformal import Calibration
from core.calibration.few_digits import ENOUGH, FEWEST_KNOWN, SCORES, adapted, odds_of_strangers


def known(n: int = 4_000) -> Calibration:
    """Scores as a detector's are: lognormal."""
    return Calibration.fit(np.exp(np.random.default_rng(0).normal(0, 0.7, n)))


def hand(n: int, shift: float, scale: float = 1.0, seed: int = 1) -> NDArray[np.float64]:
    return np.asarray(np.exp(0.7 * np.random.default_rng(seed).normal(shift, scale, n)))


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.4, 1.1), (-0.3, 1.1)])
def test_twenty_digits_come_nearer_to_the_promise_than_they_do_alone(shift: float, scale: float) -> None:
    everything = hand(50_000, shift, scale)
    off: dict[str, list[float]] = {"few": [], "alone": []}
    for seed in range(2, 32):
        own = Calibration.fit(hand(20, shift, scale, seed))
        for way, calibration in (("few", adapted(own, known())), ("alone", own)):
            off[way].append(abs(float(calibration.flags(everything, 0.05).mean()) - 0.05))

    assert np.mean(off["few"]) < 0.75 * np.mean(off["alone"])


def test_even_a_hand_that_is_far_from_all_others_is_mostly_accepted() -> None:
    everything = hand(20_000, 1.5)
    calibration = adapted(Calibration.fit(hand(20, 1.5, seed=3)), known())

    assert known().flags(everything, 0.05).mean() > 0.4
    assert calibration.flags(everything, 0.05).mean() < 0.15


def test_its_p_values_fall_as_scores_rise_and_it_stays_finite_beyond_all_that_is_known() -> None:
    calibration = adapted(Calibration.fit(hand(20, 3.0)), known())

    assert (calibration.n, calibration.own) == (SCORES, 20)
    assert np.isfinite(calibration.scores).all()
    assert calibration.scores[-1] > known().scores[-1]
    assert (np.diff(calibration.p_values(np.linspace(0, 60, 200))) <= 0).all()


def test_where_the_rate_most_likely_lies_is_about_the_promise_and_narrows_with_more_digits() -> None:
    widths = []
    for n in (20, 150):
        calibration = adapted(Calibration.fit(hand(n, 0.2)), known())
        between = calibration.between(calibration.threshold(0.05))
        assert between is not None
        ((low, high),) = between.tolist()
        assert low < 0.05 < high
        widths.append(high - low)

    assert widths[1] < 0.7 * widths[0]


def test_the_bound_is_what_the_own_digits_promise_alone() -> None:
    own = Calibration.fit(hand(20, 0.2))
    calibration = adapted(own, known())
    thresholds = [calibration.threshold(alpha) for alpha in (0.01, 0.05, 0.3)]

    assert calibration.band(thresholds).tolist() == own.band(thresholds).tolist()


@pytest.mark.parametrize(
    ("own", "others"),
    [pytest.param(ENOUGH, 4_000, id="own digits suffice"), pytest.param(20, FEWEST_KNOWN - 1, id="nothing is known")],
)
def test_where_others_help_nothing_it_is_the_own_digits_conformal_calibration(own: int, others: int) -> None:
    alone = Calibration.fit(hand(own, 0.2))

    assert adapted(alone, known(others)) is alone


def test_equal_scores_and_known_ones_that_do_not_differ_are_no_trouble() -> None:
    calibration = adapted(Calibration.fit(np.full(20, 2.0)), Calibration.fit(np.full(600, 1.0)))

    assert np.isfinite(calibration.scores).all()


def test_digits_that_lie_to_one_side_are_by_strangers_and_the_more_surely_the_more_they_are() -> None:
    about, aside = (odds_of_strangers(statistic, 20) for statistic in (1.1, 1.6))

    assert about < -0.5
    assert aside > 2
    assert odds_of_strangers(1 + 100 * 0.03, 100) > aside
    assert odds_of_strangers(1.0, 1) == pytest.approx(0, abs=0.5)


def test_people_like_those_known_move_the_threshold_less_than_strangers_of_the_same_scores() -> None:
    own = Calibration.fit(hand(20, 0.4))
    usual = known().threshold(0.05)

    like, strange = (adapted(own, known(), odds).threshold(0.05) for odds in (-9.0, 9.0))

    assert usual < like < usual + 0.35 * (strange - usual)
