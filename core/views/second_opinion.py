"""The second opinion on a digit judged by a model of one digit: how the model of all ten reads the same ink.

Who has only ever seen 5s can take a 6 for one of them; only who knows 6s can say so. The single-digit model's verdict
and its promise stay as they are.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.detector.readings import Readings
from core.operating_point import OperatingPoint
from core.words import either, one_of

if TYPE_CHECKING:
    from core.detector import Detector

MODEL = "mnist-any"
_DIGITS = frozenset("0123456789")


@dataclass(frozen=True)
class SecondOpinion:
    """How the model of all ten digits reads one image.

    Attributes:
        reads_as: its prediction set, most plausible first; empty where the ink looks like no digit to it.
        normal: the only digit that the first model takes for normal.
        anomaly: whether the first model calls it an anomaly.
    """

    reads_as: tuple[str, ...]
    normal: str
    anomaly: bool

    @property
    def field(self) -> str:
        """For files and lists: the digits it could be, ``"4 9"``; ``"none"`` where it looks like none."""
        return " ".join(self.reads_as) or "none"

    @property
    def disagrees(self) -> bool:
        """Whether the first model passes what the second reads as another digit, or as none."""
        return not self.anomaly and self.normal not in self.reads_as

    def sentence(self) -> str:
        """What the second model adds to the first one's verdict; empty where it is the same.

        >>> SecondOpinion(("6",), "5", False).sentence()
        'The network that knows all ten digits reads it as a 6.'
        >>> SecondOpinion(("5",), "5", False).sentence()
        ''
        """
        if not self.anomaly and not self.disagrees:
            return ""
        if not self.reads_as:
            return "To the network that knows all ten digits it looks like none of them."
        if self.anomaly and self.normal in self.reads_as:
            others = "" if len(self.reads_as) == 1 else f", or as {either(self.reads_as[1:])}"
            return f"The network that knows all ten digits would still read it as {one_of(self.normal)}{others}."
        return f"The network that knows all ten digits reads it as {one_of(either(self.reads_as))}."


def wanted(normal: tuple[str, ...]) -> bool:
    """Whether a model with these normal digits gets a second opinion: one that knows a single digit of the ten."""
    return len(normal) == 1 and normal[0] in _DIGITS


def second_opinions(first: Readings, detector: "Detector", point: OperatingPoint) -> tuple[SecondOpinion, ...]:
    """The opinion on every image; ``detector`` is ``MODEL``, the rest as of :func:`second_opinion`."""
    second = detector.inspect(first.images)
    return tuple(second_opinion(first, second, row, point) for row in range(len(first)))


def second_opinion(first: Readings, second: Readings, row: int, point: OperatingPoint) -> SecondOpinion:
    """The opinion on one image.

    Args:
        first: readings of the model of one digit.
        second: readings of ``MODEL`` on the same images.
        row: which image.
        point: the first model's operating point; where it has a fixed threshold, the second reads at 5 %.
    """
    at = OperatingPoint(second.model, "fused", point.alpha or OperatingPoint().alpha)
    anomaly = bool(first.class_id(point)[row])
    return SecondOpinion(second.prediction_set(at, row), first.normal[0], anomaly)
