"""Asking the model of all ten digits for its second opinion, without ever holding up the first verdict."""

from core.detector.readings import Readings
from core.errors import OddDigitError
from core.operating_point import OperatingPoint
from core.views.second_opinion import MODEL, SecondOpinion, second_opinions, wanted
from pages.ui import picker


def ask(readings: Readings, point: OperatingPoint, wait: bool = False) -> tuple[SecondOpinion | None, ...]:
    """The second opinion on each image; None where none is wanted, or while the model that gives it is not awake.

    Args:
        readings: what the model of one digit says.
        point: the point it was judged at.
        wait: wait for the model to wake, and show how far it is.
    """
    nothing = (None,) * len(readings)
    if not wanted(readings.normal):
        return nothing
    try:
        detector = picker.detector(MODEL) if wait else picker.if_awake(MODEL)
        if detector is None:
            return nothing
        return second_opinions(readings, detector, point)
    except OddDigitError:  # without that model the first verdict stands alone
        return nothing
