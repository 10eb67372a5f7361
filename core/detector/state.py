"""Detector state: all that a fitted detector consists of, frozen; what its file stores and brings back."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from core.calibration.conformal import Calibration
from core.calibration.evaluation import Evaluation
from core.detector.model_card import Card
from core.operating_point import EVIDENCES

if TYPE_CHECKING:
    from core.scoring.evidences import Scale
    from core.scoring.scorer import Scorer


@dataclass(frozen=True)
class Measured:
    """What was measured of a detector: its state without the networks, so that many can be read at once.

    Attributes:
        card: what it was made of and from.
        calibrations: evidence -> what its scores are measured against.
        evaluation: scores of digits that took no part in making it, or None.
    """

    card: Card
    calibrations: Mapping[str, Calibration]
    evaluation: Evaluation | None


@dataclass(frozen=True)
class DetectorState(Measured):
    """A fitted detector as data. Nothing in it changes: another detector is made with ``dataclasses.replace``.

    Attributes:
        scorers: digit -> its scorer.
        standards: digit -> evidence -> scale, which bring several digits to one score axis.
        digit_calibrations: digit -> evidence -> scores of that digit's part of what is measured against, as that digit.
    """

    scorers: Mapping[str, "Scorer"]
    standards: Mapping[str, Mapping[str, "Scale"]]
    digit_calibrations: Mapping[str, Mapping[str, Calibration]]

    def named(self, name: str) -> "DetectorState":
        """The same detector by another name."""
        return self if self.card.name == name else replace(self, card=replace(self.card, name=name))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all weights, latents and calibration scores: equal for equal seeds, whatever the date."""
        digest = hashlib.sha256()
        for name, scorer in self.scorers.items():
            for key, value in sorted(scorer.tensors().items()):
                digest.update(f"{name}.{key}".encode())
                digest.update(value.contiguous().numpy().tobytes())
        for e in EVIDENCES:
            digest.update(self.calibrations[e].scores.tobytes())
        return digest.hexdigest()
