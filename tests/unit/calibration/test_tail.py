"""The tail estimate extrapolates beyond the last calibration score, and only from enough of them."""

import numpy as np
import pytest

from core.calibration.conformal import Calibration
from core.calibration.tail import Tail


def test_the_tail_guesses_the_share_far_beyond_the_last_calibration_score() -> None:
    scores = np.random.default_rng(0).exponential(size=20_000)
    tail = Calibration.fit(scores).tail

    assert tail is not None
    assert tail.survival([12.0])[0] == pytest.approx(np.exp(-12), rel=1.5)
    assert (np.diff(tail.survival(np.linspace(tail.start, 30, 50))) <= 0).all()
    assert np.isnan(tail.survival([tail.start - 1]))[0]


@pytest.mark.parametrize(("n", "given_"), [(499, False), (500, True)])
def test_there_is_no_extrapolation_from_fewer_than_500_digits(n: int, given_: bool) -> None:
    tail = Tail.fit(np.random.default_rng(0).normal(size=n))

    assert (tail is not None) is given_
