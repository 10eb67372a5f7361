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
        pytest.param(99, 0.01, "flags 1 % of normal ones", id="just enough for one percent"),
    ],
)
def test_what_a_number_of_digits_guarantees_is_said_in_words(n: int, alpha: float, words: str) -> None:
    assert words in own_ink.say_promise(Calibration.fit(np.arange(n)), alpha)


def test_few_digits_promise_what_they_are_estimated_to_and_what_they_promise_alone() -> None:
    known = Calibration.fit(np.arange(999) / 200)
    said = own_ink.say_promise(adapted(Calibration.fit(np.arange(20) / 4), known), 0.05)

    assert "flags about 5 % of normal ones by that hand, most likely between 3" in said
    assert "estimated from 20 digits" in said
    assert "The 20 alone promise, with 95 % confidence, no more than 23.1 %." in said


def named(n: int) -> list[str]:
    return [f"picture {i}" for i in range(n)]


def review(images: np.ndarray, scores: np.ndarray) -> own_ink.Review:
    """Look through images whose scores are measured against normal digits that score 1 to 99."""
    return own_ink.review(named(len(images)), images, scores, calibration(), ("5",))


def different(n: int) -> np.ndarray:
    images = np.zeros((n, 28, 28), np.float32)
    images[:, 5, 5] = np.arange(n) / n
    return images


def test_repeated_images_are_named_and_stay() -> None:
    images = different(25)

    seen = review(np.concatenate([images, images[:2]]), np.arange(27.0))

    assert seen.repeated == (25, 26)
    assert "2 images repeat an earlier one: picture 25, picture 26" in "\n".join(seen.concerns)


def test_a_digit_far_odder_than_the_rest_is_shown_and_left_for_a_person_to_take_out() -> None:
    seen = review(different(31), np.array([*range(30), 400.0]))

    assert seen.odd == (30,)
    assert any(
        "picture 30. Take out only what is no normal 5;" in threshold and "must stay" in threshold
        for threshold in seen.concerns
    )


def test_another_hand_that_makes_every_digit_a_little_odd_is_no_reason_to_doubt_any() -> None:
    assert review(different(31), np.linspace(120, 180, 31)).odd == ()


@pytest.mark.parametrize(
    ("n", "promise", "short"),
    [
        pytest.param(15, "", {"1 %: it takes 99.", "5 %: it takes 19."}, id="too few for a promise"),
        pytest.param(99, "With 99 digits a line at 5 % flags 5 % of normal ones", set(), id="enough"),
    ],
)
def test_what_digits_are_too_few_for_is_said_and_a_promise_is_no_concern(n: int, promise: str, short: set[str]) -> None:
    seen = review(different(n), np.linspace(1, 2, n))

    assert seen.promise.startswith(promise)
    assert bool(seen.promise) is bool(promise)
    assert set(seen.concerns) == {f"{n} are too few for a line at {rate}" for rate in short}


def test_files_left_out_are_mentioned() -> None:
    refused = [("notes.txt", "no picture")]
    seen = own_ink.review(named(2), different(2), np.arange(2.0), calibration(), ("5",), refused)

    assert "1 picture was left out. The first: notes.txt: no picture" in seen.concerns
