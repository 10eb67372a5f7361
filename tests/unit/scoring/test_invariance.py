"""How a digit is drawn or lit makes no difference to its verdict: from picture to p-value, with the shipped model."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets import examples
from core.detector import Detector
from core.detector.readings import Readings
from core.ink import read
from tests.support.pens import drawing

DIGITS = "0123456789"
GOOD = [examples.for_normal((digit,))[0] for digit in DIGITS]  # one of each kind
MOST, MOST_ON_AVERAGE = 0.3, 0.05  # change of a p-value


def judged(detector: Detector, some: Iterable[examples.Example], how: Mapping[str, Any]) -> Readings:
    """Examples on a canvas of 280 x 280, drawn this way and read like any picture."""
    pictures = [drawing(*example.strokes, **{"pen": examples.PEN} | dict(how)) for example in some]
    return detector.inspect(np.concatenate([read(picture).images for picture in pictures]))


@pytest.fixture(scope="module")
def any_digit(memory_banks: Path, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """The shipped model of all ten digits."""
    state = tmp_path_factory.mktemp("state")
    (state / "cache").symlink_to(memory_banks, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ODD_DIGIT_STATE", str(state))
        return Detector.load("mnist-any")


@pytest.fixture(scope="module")
def plain(any_digit: Detector) -> Readings:
    """Digits of a middling size in the middle, drawn with a middling pen."""
    return judged(any_digit, GOOD, {})


@pytest.mark.parametrize(
    "how",
    [
        {"scale": 0.25, "pen": 4.5},
        {"scale": 0.5, "pen": 9},
        {"scale": 0.5, "pen": 18},
        {"scale": 1.25, "at": (-35, -35)},
        {"at": (60, 30)},
        {"at": (-70, -40)},
        {"pen": 4},
        {"pen": 8},
        {"pen": 36},
        {"ink": 255, "paper": 0},
        {"ink": 130, "paper": 190},
    ],
    ids=str,
)
def test_place_size_pen_and_brightness_leave_verdict_and_score(
    any_digit: Detector, plain: Readings, how: Mapping[str, Any]
) -> None:
    verdicts = judged(any_digit, GOOD, how)

    moved = np.abs(verdicts.p_value - plain.p_value)
    assert moved.max() < MOST
    assert moved.mean() < MOST_ON_AVERAGE
    assert (verdicts.p_value > 0.05).all()
    p_values = np.stack(list(verdicts.digits.values()))
    assert p_values.argmax(axis=0).tolist() == list(range(10))


@pytest.mark.parametrize("how", [{}, {"scale": 0.5, "pen": 9}, {"pen": 6}, {"ink": 255, "paper": 0}], ids=str)
def test_a_letter_and_a_scribble_are_anomalies_however_they_are_drawn(
    any_digit: Detector, how: Mapping[str, Any]
) -> None:
    verdicts = judged(any_digit, examples.for_normal(tuple(DIGITS))[3:], how)

    assert (verdicts.p_value <= 0.05).all()
