"""The second opinion on a digit judged by a model of one digit: how the model of all ten reads the same ink.

Who has only ever seen 5s can take a 6 for one of them; only who knows 6s can say so. The single-digit model's verdict
and its promise stay as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.calibration.prediction_set import prediction_set
from core.detector.readings import Scores
from core.operating_point import OperatingPoint
from core.words import either, one_of

if TYPE_CHECKING:
    from core.detector import Detector

MODEL = "mnist-any"
DIGITS = "0123456789"
DEFAULT_ALPHA = 0.05  # at which it reads beside a fixed threshold


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


def of_field(field: str | None, normal: tuple[str, ...], anomaly: bool) -> SecondOpinion | None:
    """The opinion whose ``field`` was kept beside the first model's verdict; None where none was.

    Without ``normal``, of a model that is gone, it agrees with none.
    """
    if not field:
        return None
    return SecondOpinion(() if field == "none" else tuple(field.split()), "".join(normal[:1]), anomaly)


def wanted(normal: tuple[str, ...]) -> bool:
    """Whether a model with these normal digits gets a second opinion: one that knows a single digit of the ten."""
    return len(normal) == 1 and normal[0] in tuple(DIGITS)


def second_opinions(first: Scores, detector: "Detector", point: OperatingPoint) -> tuple[SecondOpinion, ...]:
    """The opinion on every image.

    Args:
        first: what the model of one digit says of them.
        detector: ``MODEL``.
        point: the first model's operating point.
    """
    digits, odd = detector.scores(first.images).digits, first.class_id(point).astype(bool)
    return tuple(
        second_opinion({name: float(p[i]) for name, p in digits.items()}, bool(odd[i]), point.alpha, first.normal[0])
        for i in range(len(first))
    )


def second_opinion(p_values: Mapping[str, float], anomaly: bool, alpha: float | None, normal: str) -> SecondOpinion:
    """The opinion on one image.

    Args:
        p_values: of ``MODEL``, as each digit.
        anomaly: whether the first model calls the image an anomaly.
        alpha: the first model's; None for a fixed threshold.
        normal: the first model's normal digit.
    """
    alpha = alpha or DEFAULT_ALPHA
    return SecondOpinion(prediction_set(p_values, alpha, max(p_values.values()) <= alpha), normal, anomaly)
