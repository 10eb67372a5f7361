"""Verdicts in words: one sentence a person understands, from numbers that are promised."""

from dataclasses import dataclass, replace

from core.detector.readings import ANOMALY, Readings
from core.operating_point import OperatingPoint
from core.views.second_opinion import SecondOpinion
from core.words import name_normals, say_oddness, say_share, say_verdict

LEAST = 1e-7  # a rate below which an extrapolation says no figure
STRANGERS = ", each of them a stranger to what was learnt"


@dataclass(frozen=True)
class Wording:
    """A verdict as it is read.

    Attributes:
        anomaly: whether the verdict is an anomaly.
        verdict: the word or words, for example ``"Anomaly"`` or ``"Normal: reads as 4 or 9"``.
        meaning: what the number means, one sentence.
        calibration_set: whose ink it was measured against, one sentence.
        extrapolation: a guess beyond the last calibration digit, named as such; empty when there is none.
        second_opinion: what the model of all ten digits adds, one sentence; empty when there is nothing to add.
    """

    anomaly: bool
    verdict: str
    meaning: str
    calibration_set: str = ""
    extrapolation: str = ""
    second_opinion: str = ""


def describe(
    readings: Readings, row: int, point: OperatingPoint, calibrated_on: str, second: SecondOpinion | None = None
) -> Wording:
    """Say what a reading means.

    Args:
        readings: the readings.
        row: which of them.
        point: model, evidence and threshold.
        calibrated_on: whose ink the detector was calibrated on, for example ``"MNIST's writers"``.
        second: the opinion of the model of all ten digits, where it was asked.
    """
    calibration = readings.calibrations[point.evidence]
    by_strangers = calibration.exchangeable is not None and calibration.rates is None
    size = calibration.n if calibration.rates is None else calibration.own
    words = recorded(
        int(readings.class_id(point)[row]) == ANOMALY,
        float(readings.p_values[point.evidence][row]),
        readings.normal,
        calibration.n,
        readings.prediction_set(point, row) if readings.digit_p_values else None,
        second,
    )
    return replace(
        words,
        calibration_set=f"Measured against {size:,} {name_normals(readings.normal)} by {calibrated_on}"
        f"{STRANGERS * by_strangers}{', and what is known of other people' * (calibration.rates is not None)}.",
        extrapolation=_extrapolate(readings, row, point),
    )


def recorded(
    anomaly: bool,
    p_value: float,
    normal: tuple[str, ...],
    n: int | None,
    reads_as: tuple[str, ...] | None = None,
    second: SecondOpinion | None = None,
) -> Wording:
    """Say what was kept of a verdict, whose model may be gone.

    Args:
        anomaly: the verdict.
        p_value: of the evidence that decided.
        normal: labels of the model's normal digits; empty where it is gone.
        n: how many digits the p-value was measured against, where that is known.
        reads_as: the prediction set of a model of several digits.
        second: the opinion of the model of all ten digits, where it was asked.
    """
    normals = name_normals(normal) if normal else "its normal digits"
    only = normals if normal and second is not None and second.disagrees else ""
    return Wording(
        anomaly,
        say_verdict(anomaly, reads_as, p_value, only),
        f"{say_oddness(p_value, normals, n)}.",
        second_opinion="" if second is None or not (normal or anomaly) else second.sentence(),
    )


def _extrapolate(readings: Readings, row: int, point: OperatingPoint) -> str:
    calibration = readings.calibrations[point.evidence]
    if calibration.tail is None or readings.p_values[point.evidence][row] > calibration.floor:
        return ""
    rate = float(calibration.tail.survival(readings.scores[point.evidence][row])[0])
    guess = f"about {say_share(rate)}" if rate > LEAST else f"less than {say_share(LEAST)}"
    return f"Beyond every digit it was measured against; extrapolated, {guess}."
