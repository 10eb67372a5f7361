"""The operating point: which model, evidence and threshold. One object, carried by every page, link and command."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

from core import arguments
from core.errors import OddDigitError

EVIDENCES = ("pixel", "gradient", "manifold", "discriminator", "fused")
DISTANCES = ("manifold", "fused")  # those that are known before anything is drawn


@dataclass(frozen=True)
class OperatingPoint:
    """A model, one of its evidences and either a false-alarm rate or a fixed threshold on the raw score axis.

    Attributes:
        model: name of a shipped or own model, or the path of a detector file.
        evidence: one of ``EVIDENCES``.
        alpha: share of normal digits one is willing to see flagged, 0 < alpha < 1; None with a fixed threshold.
        threshold: on the evidence's raw score axis, as the original had; None with an alpha.

    >>> OperatingPoint("mnist-5").to_query()
    {'model': 'mnist-5', 'evidence': 'fused', 'alpha': '0.05'}
    >>> OperatingPoint.from_query({"model": "mnist-5", "evidence": "pixel", "threshold": "0.2"}).alpha is None
    True
    """

    model: str = "mnist-any"
    evidence: str = "fused"
    alpha: float | None = 0.05
    threshold: float | None = None

    def __post_init__(self) -> None:
        arguments.of_type("model", self.model, str, "the name of a model, as text")
        if self.evidence not in EVIDENCES:
            raise OddDigitError(f"evidence {self.evidence!r} is unknown: choose one of {', '.join(EVIDENCES)}.")
        if (self.alpha is None) == (self.threshold is None):
            raise OddDigitError("an operating point takes either alpha or a threshold, not both and not neither.")
        if self.alpha is not None and not (isinstance(self.alpha, Real) and 0 < self.alpha < 1):
            raise OddDigitError(f"alpha is {self.alpha!r}: give a false-alarm rate between 0 and 1, such as 0.05.")
        score = isinstance(self.threshold, Real) and not isinstance(self.threshold, bool)
        if self.threshold is not None and not (score and math.isfinite(self.threshold)):
            raise OddDigitError(f"threshold is {self.threshold!r}: give a finite score.")
        for name in ("alpha", "threshold"):  # whichever number it was, links and files hold Python's own
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, float(value))

    def at_alpha(self, alpha: float) -> "OperatingPoint":
        """The same model and evidence with the threshold at a false-alarm rate."""
        return OperatingPoint(self.model, self.evidence, alpha, None)

    def at_threshold(self, threshold: float) -> "OperatingPoint":
        """The same model and evidence with the threshold at a raw score."""
        return OperatingPoint(self.model, self.evidence, None, threshold)

    def to_query(self) -> dict[str, str]:
        """The point as a link's parameters; ``from_query`` reads them back to the same point."""
        threshold = {"alpha": f"{self.alpha!r}"} if self.alpha is not None else {"threshold": f"{self.threshold!r}"}
        return {"model": self.model, "evidence": self.evidence, **threshold}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "OperatingPoint":
        """Read a link's parameters; what is missing takes its default.

        Raises:
            OddDigitError: a parameter is not a number or out of range; the text names it.
        """
        default = cls()
        alpha, threshold = _number(query, "alpha"), _number(query, "threshold")
        if alpha is None and threshold is None:
            alpha = default.alpha
        return cls(query.get("model") or default.model, query.get("evidence") or default.evidence, alpha, threshold)


def _number(query: Mapping[str, str], name: str) -> float | None:
    if not (given := query.get(name)):
        return None
    try:
        return float(given)
    except (TypeError, ValueError) as error:
        raise OddDigitError(f"its {name} {given!r} is not a number: give {name}=0.05, say.") from error
