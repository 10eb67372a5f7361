"""Asking the model of all ten digits for its second opinion, without ever holding up the first verdict."""

from core.detector.readings import Readings
from core.errors import OddDigitError
from core.operating_point import OperatingPoint
from core.views import second_opinion
from core.views.second_opinion import SecondOpinion, second_opinions, wanted
from pages.ui import picker


def at_once(readings: Readings, point: OperatingPoint) -> tuple[SecondOpinion | None, ...]:
    """The second opinion on each image; None where none is wanted, or while the model that gives it is not awake.

    Args:
        readings: what the model of one digit says.
        point: the point it was judged at.
    """
    if wanted(readings.normal):
        try:
            if (detector := picker.if_awake(second_opinion.MODEL)) is not None:
                return second_opinions(readings, detector, point)
        except OddDigitError:
            pass  # the first verdict stands alone; whoever waits for the second is told why
    return (None,) * len(readings)


def wait_for(readings: Readings, point: OperatingPoint) -> SecondOpinion:
    """The second opinion on a single image, however long its model takes to wake; the page shows how far it is.

    Raises:
        OddDigitError: that model cannot be used.
    """
    return second_opinions(readings, picker.detector(second_opinion.MODEL), point)[0]
