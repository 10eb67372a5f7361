"""What so many calibration digits of one's own guarantee, and which of them a person should look at."""

import numpy as np
import pytest

from core.calibration import own_ink
from tests.support.stand_in import calibration


@pytest.mark.parametrize(
    ("n", "alpha", "words"),
    [
        pytest.param(30, 0.05, "no more than 16.6 %", id="thirty at five percent"),
        pytest.param(18, 0.05, "there is no line at 5 %: it takes 19", id="one too few"),
        pytest.param(98, 0.01, "it takes 99", id="one too few for one percent"),
    ],
)
def test_what_a_number_of_digits_guarantees_is_said_in_words(n: int, alpha: float, words: str) -> None:
    assert words in own_ink.say_guarantee(n, alpha)


def test_a_guarantee_below_the_number_needed_is_no_line() -> None:
    one, five, ten = own_ink.guarantees(30)

    assert (one.needed, one.promised, one.at_most) == (99, 0, 0)
    assert five.promised == pytest.approx(1 / 31)
    assert ten.at_most > ten.promised > 0.09


def named(n: int) -> list[str]:
    return [f"picture {i}" for i in range(n)]


def said(images: np.ndarray, scores: np.ndarray) -> list[str]:
    """The concerns about images whose scores are measured against normal digits that score 1 to 99."""
    return own_ink.concerns(named(len(images)), ("5",), own_ink.suspects(images, scores, calibration()))


def different(n: int) -> np.ndarray:
    images = np.zeros((n, 28, 28), np.float32)
    images[:, 5, 5] = np.arange(n) / n
    return images


def test_repeated_images_are_found_and_stay() -> None:
    images = different(25)
    doubled = np.concatenate([images, images[:2]])

    assert own_ink.suspects(doubled, np.arange(27.0), calibration()).repeated == (25, 26)
    concerns = "\n".join(said(doubled, np.arange(27.0)))
    assert "2 images repeat an earlier one: picture 25, picture 26" in concerns


def test_a_digit_far_odder_than_the_rest_is_shown_and_left_for_a_person_to_take_out() -> None:
    scores = np.array([*range(30), 400.0])

    assert own_ink.suspects(different(31), scores, calibration()).odd == (30,)
    concerns = said(different(31), scores)
    assert any("picture 30. Take out only what is no normal 5;" in line and "must stay" in line for line in concerns)


def test_another_hand_that_makes_every_digit_a_little_odd_is_no_reason_to_doubt_any() -> None:
    assert own_ink.suspects(different(31), np.linspace(120, 180, 31), calibration()).odd == ()


def test_few_digits_are_told_what_they_are_too_few_for() -> None:
    concerns = said(different(15), np.arange(15.0))

    assert any("15 are too few for a line at 1 %: it takes 99." in line for line in concerns)
    assert any("15 are too few for a line at 5 %: it takes 19." in line for line in concerns)
    assert not any("at 10 %: it takes" in line for line in concerns)


def test_files_left_out_are_mentioned() -> None:
    concerns = own_ink.concerns(named(2), ("5",), own_ink.Suspects((), ()), [("notes.txt", "no picture")])

    assert "1 picture was left out. The first: notes.txt: no picture" in concerns
