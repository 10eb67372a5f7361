"""What so many calibration digits of one's own guarantee, and which of them a person should look at."""

import numpy as np
import pytest

from core.calibration import own_ink
from core.calibration.conformal import Calibration
from core.calibration.few_digits import adapted
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
    assert words in own_ink.say_promise(Calibration.fit(np.arange(n)), alpha)


def test_few_digits_promise_what_they_are_estimated_to_and_what_they_promise_alone() -> None:
    known = Calibration.fit(np.arange(999) / 200)
    said = own_ink.say_promise(adapted(Calibration.fit(np.arange(20) / 4), known), 0.05)

    assert "flags 5 % of normal ones by that hand, most likely between 2" in said
    assert "estimated from 20 digits" in said
    assert "The 20 alone promise, with 95 % confidence, no more than 23 %." in said


def named(n: int) -> list[str]:
    return [f"picture {i}" for i in range(n)]


def said(images: np.ndarray, scores: np.ndarray) -> list[str]:
    """The concerns about images whose scores are measured against normal digits that score 1 to 99."""
    doubtful = own_ink.suspects(images, scores, calibration())
    return own_ink.concerns(named(len(images)), ("5",), doubtful, scores, calibration())


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
    refused, none = [("notes.txt", "no picture")], own_ink.Suspects((), ())
    concerns = own_ink.concerns(named(2), ("5",), none, np.arange(2.0), calibration(), refused)

    assert "1 picture was left out. The first: notes.txt: no picture" in concerns
