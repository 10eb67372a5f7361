"""What a detector says about images: scores, p-values, reconstruction, heat map and the discriminator's response."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from core import arguments
from core.calibration.conformal import Calibration
from core.calibration.prediction_set import agreeing, prediction_set
from core.errors import OddDigitError
from core.operating_point import OperatingPoint

if TYPE_CHECKING:
    from pandas import DataFrame

NORMAL, ANOMALY = 0, 1

Floats = NDArray[np.float64]
Images = NDArray[np.float32]


@dataclass(frozen=True, repr=False, eq=False)
class Scores:
    """How odd n ink images are to one detector. Indexing with a slice, a mask or indices gives fewer of them.

    Attributes:
        model: the detector's name.
        normal: labels of its normal digits, for example ``("5",)``.
        images: the ink images as judged, float32 ``(n, 28, 28)``, 0 paper .. 1 ink.
        scores: raw score of each evidence, float64 ``(n,)``, higher is odder. ``Detector.scores`` gives those of
            ``DISTANCES``, ``Detector.inspect`` all.
        p_values: conformal p-value of each of them, float64 ``(n,)``.
        digit_p_values: for models of several digits, evidence in ``DISTANCES`` -> label -> p-values ``(n,)``, of which
            the largest is the p-value; else empty.
        calibrations: what scores are measured against, by evidence.
    """

    model: str
    normal: tuple[str, ...]
    images: Images
    scores: dict[str, Floats]
    p_values: dict[str, Floats]
    digit_p_values: dict[str, dict[str, Floats]]
    calibrations: Mapping[str, Calibration]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self):,} digit{'s' * (len(self) != 1)} by {self.model}>"

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Any) -> Self:
        rows = np.atleast_1d(np.arange(len(self))[rows])
        taken = {f.name: _take(getattr(self, f.name), rows) for f in fields(self) if f.name != "calibrations"}
        return type(self)(**taken, calibrations=self.calibrations)

    def row(self, row: object) -> int:
        """Which image is meant, counted from 0, or from the last as -1.

        Raises:
            OddDigitError: there is no such image.
        """
        if not len(self):
            raise OddDigitError(f"row is {row!r}, and these are the readings of no image: inspect one.")
        return arguments.whole("row", row, -len(self), len(self) - 1)

    def _known(self, evidence: object) -> None:
        if evidence not in self.scores:
            known = ", ".join(self.scores)
            raise OddDigitError(f"evidence {evidence!r} is not among {known}: give one of these; inspect has all.")

    @property
    def p_value(self) -> Floats:
        """p-values of the default evidence, ``fused``."""
        return self.p_values["fused"]

    @property
    def anomaly_score(self) -> Floats:
        """1 - p-value: "odder than this share of normal digits"."""
        return 1 - self.p_value

    @property
    def digits(self) -> dict[str, Floats]:
        """Per-digit p-values of the default evidence; empty for a model of one digit."""
        return self.digit_p_values.get("fused", {})

    def digits_by(self, evidence: str) -> dict[str, Floats]:
        """Per-digit p-values of an evidence; where it is of what is drawn, which only one digit is, the default's."""
        self._known(evidence)
        if evidence in self.digit_p_values or not self.digits:
            return self.digit_p_values.get(evidence, {})
        return agreeing(self.digits, self.p_values[evidence])

    def threshold(self, point: OperatingPoint) -> float:
        """The operating point's threshold on the raw score axis; infinite when alpha is too small to flag anything.

        Raises:
            OddDigitError: the operating point is another model's, whose scores mean something else, or of an evidence
                that was not computed.
        """
        arguments.of_type("point", point, OperatingPoint, "an OperatingPoint; an alpha goes to class_id(alpha=0.05)")
        if self.model not in (point.model, Path(point.model).name.removesuffix(".safetensors")):
            raise OddDigitError(
                f"the operating point is of {point.model} and these readings are by {self.model}: give one of the same "
                "model, or class_id(alpha=0.05)."
            )
        self._known(point.evidence)
        if point.threshold is not None:
            return point.threshold
        assert point.alpha is not None
        return self.calibrations[point.evidence].threshold(point.alpha)

    def class_id(self, point: OperatingPoint | None = None, *, alpha: float | None = None) -> NDArray[np.int64]:
        """0 normal, 1 anomaly, ``(n,)``, at an operating point or at a false-alarm rate of the default evidence.

        Raises:
            OddDigitError: both or neither are given, or the operating point is another model's.
        """
        if (point is None) == (alpha is None):
            raise OddDigitError("give either an operating point or alpha, such as class_id(alpha=0.05).")
        point = point or OperatingPoint(self.model, "fused", alpha)
        threshold = self.threshold(point)
        return np.where(self.scores[point.evidence] > threshold, ANOMALY, NORMAL)

    def prediction_set(self, point: OperatingPoint, row: int) -> tuple[str, ...]:
        """Which normal digits the ink could be at the operating point, most plausible first; none of an anomaly."""
        threshold, row = self.threshold(point), self.row(row)
        alpha = point.alpha
        if alpha is None:
            alpha = float(self.calibrations[point.evidence].alpha(threshold)[0])
        p_values = {name: float(p[row]) for name, p in self.digits_by(point.evidence).items()}
        return prediction_set(p_values, alpha, bool(self.class_id(point)[row]))

    def to_frame(self) -> "DataFrame":
        """A table of a row an image: p-values and raw scores by evidence, and p-values as each digit."""
        from pandas import DataFrame

        columns = {"p_value": self.p_value, "anomaly_score": self.anomaly_score}
        columns |= {f"score_{name}": values for name, values in self.scores.items()}
        columns |= {f"p_value_{name}": values for name, values in self.p_values.items()}
        columns |= {f"digit_{name}": values for name, values in self.digits.items()}
        return DataFrame(columns)

    def record(self, row: int, point: OperatingPoint) -> dict[str, Any]:
        """One reading as plain data for JSON; an infinite threshold becomes None."""
        threshold, row = self.threshold(point), self.row(row)
        class_id = int(self.class_id(point)[row])
        p_value = float(self.p_values[point.evidence][row])
        record: dict[str, Any] = {
            "model": self.model,
            "evidence": point.evidence,
            "alpha": point.alpha,
            "class_id": class_id,
            "verdict": "anomaly" if class_id == ANOMALY else "normal",
            "p_value": p_value,
            "anomaly_score": 1 - p_value,
            "score": float(self.scores[point.evidence][row]),
            "threshold": threshold if math.isfinite(threshold) else None,
            "scores": {name: float(scores[row]) for name, scores in self.scores.items()},
            "p_values": {name: float(p[row]) for name, p in self.p_values.items()},
        }
        if self.digit_p_values:
            record["digits"] = {name: float(p[row]) for name, p in self.digits_by(point.evidence).items()}
        return record


@dataclass(frozen=True, repr=False, eq=False)
class Readings(Scores):
    """Everything a detector has to say about n ink images: scores, and what is to be seen.

    Attributes:
        reconstruction: what a normal digit here would look like, float32 ``(n, 28, 28)``.
        residual: where image and reconstruction differ, float32 ``(n, 28, 28)``, image minus reconstruction, -1 .. 1.
        probability: the discriminator's probability that the image is a normal digit, float64 ``(n,)``.
        reconstruction_probability: the same of the reconstruction.
    """

    reconstruction: Images
    residual: Images
    probability: Floats
    reconstruction_probability: Floats

    @property
    def heat_map(self) -> Images:
        """``residual``, by the name it is shown under."""
        return self.residual

    def to_frame(self) -> "DataFrame":
        """The same table with the discriminator's probability."""
        frame = super().to_frame()
        frame.insert(2, "probability", self.probability)
        return frame


def _take(value: Any, rows: NDArray[np.int64]) -> Any:
    if isinstance(value, np.ndarray):
        return value[rows]
    if isinstance(value, dict):
        return {key: _take(inner, rows) for key, inner in value.items()}
    return value
