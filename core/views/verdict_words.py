"""Verdicts in words: one sentence a person understands, from numbers that are promised."""

from dataclasses import dataclass

from core.detector.readings import ANOMALY, Readings
from core.operating_point import OperatingPoint


@dataclass(frozen=True)
class Wording:
    """A verdict as it is read.

    Attributes:
        anomaly: whether the verdict is an anomaly.
        verdict: the word or words, for example ``"Anomaly"`` or ``"Normal: reads as 4 or 9"``.
        meaning: what the number means, one sentence.
        yardstick: whose ink it was measured against, one sentence.
        extrapolation: a guess beyond the last calibration digit, named as such; empty when there is none.
    """

    anomaly: bool
    verdict: str
    meaning: str
    yardstick: str
    extrapolation: str


def describe(readings: Readings, row: int, point: OperatingPoint, yardstick: str) -> Wording:
    """Say what a reading means.

    Args:
        readings: the readings.
        row: which of them.
        point: model, evidence and line.
        yardstick: whose ink the detector was calibrated on, for example ``"MNIST's writers"``.
    """
    anomaly = int(readings.class_id(point)[row]) == ANOMALY
    normals = name_normals(readings.normal)
    p_value = float(readings.p_values[point.evidence][row])
    calibration = readings.calibrations[point.evidence]
    if p_value <= calibration.floor:
        meaning = f"Fewer than 1 in {calibration.n:,} {normals} look this odd."
    elif p_value >= 1:
        meaning = f"Nothing odd about it: all {normals} look this odd or odder."
    else:
        meaning = f"{say_rate(p_value)} {normals} look this odd or odder."
    return Wording(
        anomaly=anomaly,
        verdict=say_verdict(anomaly, readings.plausible(point, row)),
        meaning=meaning,
        yardstick=f"Measured against {calibration.n:,} {normals} by {yardstick}.",
        extrapolation=_extrapolate(readings, row, point),
    )


def say_verdict(anomaly: bool, plausible: tuple[str, ...]) -> str:
    """The verdict in a word or a few, with the digits that the ink could be.

    >>> say_verdict(True, ()), say_verdict(False, ()), say_verdict(False, ("4", "9"))
    ('Anomaly', 'Normal', 'Normal: reads as 4 or 9')
    """
    if anomaly:
        return "Anomaly"
    return f"Normal: reads as {_or(plausible)}" if plausible else "Normal"


def name_normals(normal: tuple[str, ...]) -> str:
    """Normal digits in the plural.

    >>> name_normals(("5",)), name_normals(("0", "5")), name_normals(tuple("0123456789"))
    ('normal 5s', 'normal 0s and 5s', 'normal digits')
    """
    if set(normal) == set("0123456789"):
        return "normal digits"
    names = [f"{name}s" if len(name) == 1 else f"“{name}”" for name in normal]
    return "normal " + (names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}")


def say_normal(normal: tuple[str, ...]) -> str:
    """What a model takes for normal, and what it therefore flags.

    >>> say_normal(("5",))
    'only 5s are normal, every other digit is odd'
    >>> say_normal(tuple("0123456789"))
    'any digit is normal, odd is what looks like none'
    """
    if set(normal) == set("0123456789"):
        return "any digit is normal, odd is what looks like none"
    return f"only {name_normals(normal).removeprefix('normal ')} are normal, every other digit is odd"


def say_rate(p_value: float) -> str:
    """A share of digits as people say it.

    >>> say_rate(0.003), say_rate(0.0214), say_rate(0.64), say_rate(1.0)
    ('3 in 1,000', '21 in 1,000', '64 in 100', 'All')
    """
    if p_value >= 1:
        return "All"
    if p_value >= 0.095:
        return f"{min(99, round(p_value * 100))} in 100"
    if p_value >= 0.00095:
        return f"{round(p_value * 1000)} in 1,000"
    return f"1 in {round(1 / p_value):,}"


def say_duration(seconds: float) -> str:
    """A time to wait, as exactly as anyone can know it.

    >>> say_duration(0.4), say_duration(47), say_duration(165), say_duration(3000), say_duration(9000)
    ('1 s', '47 s', '2 min 40 s', '50 min', '2 h 30 min')
    """
    whole = max(round(seconds), 1)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        minutes, rest = divmod(whole // 10 * 10, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return (f"{hours} h {minutes} min" if minutes else f"{hours} h") if hours else f"{minutes} min"


def _extrapolate(readings: Readings, row: int, point: OperatingPoint) -> str:
    calibration = readings.calibrations[point.evidence]
    if calibration.tail is None or readings.p_values[point.evidence][row] > calibration.floor:
        return ""
    rate = float(calibration.tail.survival(readings.scores[point.evidence][row])[0])
    guess = f"about 1 in {_two_digits(1 / rate):,}" if rate > 1e-7 else "fewer than 1 in 10 million"
    return f"Beyond every digit it was measured against; extrapolated, {guess}."


def _two_digits(value: float) -> int:
    step = 10 ** max(0, len(str(int(value))) - 2)
    return int(round(value / step) * step)


def _or(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
