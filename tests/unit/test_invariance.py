"""How a digit is drawn or lit makes no difference to its verdict: from picture to p-value, with the shipped model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core import examples
from core.detector import Detector
from core.ink import read
from core.readings import Readings

DIGITS = "0123456789"
MOST, MOST_ON_AVERAGE = 0.25, 0.05  # change of a p-value


def drawn(
    strokes: Sequence[examples.Points],
    scale: float = 1,
    at: tuple[int, int] = (0, 0),
    pen: float = 18,
    colours: tuple[int, int] = (0, 255),
) -> np.ndarray:
    """Strokes on a canvas of 280 x 280, ink and paper of these two brightnesses."""
    fine = 4
    ink, paper = colours
    image = Image.new("L", (280 * fine, 280 * fine), paper)
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        path = [((x * scale + at[0]) * fine, (y * scale + at[1]) * fine) for x, y in stroke]
        draw.line(path, fill=ink, width=round(pen * fine), joint="curve")
        for x, y in (path[0], path[-1]):
            reach = pen * fine / 2
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=ink)
    return np.asarray(image.resize((280, 280), Image.Resampling.BOX))


def judged(detector: Detector, **how: Any) -> Readings:
    """One digit of each kind, drawn this way and read like any picture."""
    strokes = [examples.for_normal((digit,))[0].strokes for digit in DIGITS]
    return detector.inspect(np.concatenate([read(drawn(each, **how)).images for each in strokes]))


@pytest.fixture(scope="module")
def any_digit(drawn_memories: Path, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """The shipped model of all ten digits."""
    state = tmp_path_factory.mktemp("state")
    (state / "cache").symlink_to(drawn_memories, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ODD_DIGIT_STATE", str(state))
        return Detector.load("mnist-any")


@pytest.fixture(scope="module")
def plain(any_digit: Detector) -> Readings:
    """Digits of a middling size in the middle, drawn with a middling pen."""
    return judged(any_digit)


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
        {"colours": (255, 0)},
        {"colours": (130, 190)},
    ],
    ids=str,
)
def test_place_size_pen_and_brightness_leave_verdict_and_score(
    any_digit: Detector, plain: Readings, how: Mapping[str, Any]
) -> None:
    found = judged(any_digit, **how)

    moved = np.abs(found.p_value - plain.p_value)
    assert moved.max() < MOST
    assert moved.mean() < MOST_ON_AVERAGE
    assert (found.p_value > 0.05).all()
    p_values = np.stack(list(found.digits.values()))
    assert p_values.argmax(axis=0).tolist() == list(range(10))


@pytest.mark.parametrize("how", [{}, {"scale": 0.5, "pen": 9}, {"pen": 6}, {"colours": (255, 0)}], ids=str)
def test_a_letter_and_a_scribble_are_anomalies_however_they_are_drawn(
    any_digit: Detector, how: Mapping[str, Any]
) -> None:
    odd = [example.strokes for example in examples.for_normal(tuple(DIGITS))[3:]]

    found = any_digit.inspect(np.concatenate([read(drawn(each, **how)).images for each in odd]))

    assert (found.p_value <= 0.05).all()
