"""A reading drawn for a notebook: three pictures and the verdict."""

import pytest

from core.errors import OddDigitError
from core.figures.reading import plot_reading
from core.operating_point import OperatingPoint
from tests.support.stand_in import readings


def test_a_reading_is_three_pictures_under_its_verdict() -> None:
    figure = plot_reading(readings(10, 95.5), 1)

    assert [trace.type for trace in figure.data] == ["image"] * 3
    assert figure.layout.title.text == "Anomaly. 5 % of normal 5s look at least this odd."
    assert "the nearest normal digit" in [note.text for note in figure.layout.annotations]


def test_the_point_decides_the_verdict_and_must_be_of_the_same_model() -> None:
    strict = plot_reading(readings(95.5), 0, OperatingPoint("stand-in", alpha=0.01))

    assert strict.layout.title.text.startswith("Normal")
    with pytest.raises(OddDigitError, match="the operating point is of mnist-5 and these readings are by stand-in"):
        plot_reading(readings(95.5), 0, OperatingPoint("mnist-5"))
