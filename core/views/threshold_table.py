"""The thresholds one may choose on a score axis, and what each promises and finds: one table to look up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.calibration.conformal import Calibration
from core.calibration.evaluation import Confusion, Evaluation
from core.operating_point import OperatingPoint

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BY_RANK = 160  # thresholds spaced evenly in log rank: fine where false alarms are rare
BY_SCORE = 240  # thresholds spaced evenly along the axis: fine wherever the thumb is
BEYOND = 60  # fixed ones beyond the last calibration digit
ALPHAS = (0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True)
class ThresholdTable:
    """Thresholds from loosest to strictest; every array has one entry each, ``(k,)``.

    Attributes:
        threshold: on the raw score axis, ascending; the last is infinite where too few calibration digits leave none
            for the alpha asked for.
        alpha: promised false-alarm rate, 0 .. 1; 0 where nothing is ever flagged.
        bound: upper bound on the true rate, with 95 % confidence at all of them at once.
        exchangeable: promised rate among digits by the calibration set's own people; ``alpha`` where no other is known.
        likely: where the rate among people never met most likely lies, ``(k, 2)``; None where nothing is known of it.
        setting: the alpha that gives exactly this threshold, in as few decimals as it takes; NaN for a fixed threshold.
        false_alarms: normal evaluation digits flagged.
        caught: evaluation anomalies flagged.
        by_label: for each label of evaluation anomalies, how many of them are flagged.
        totals: for each of those labels, how many there are.
        n_normal: number of normal evaluation digits.
        n_anomaly: number of evaluation anomalies.
    """

    threshold: Floats
    alpha: Floats
    bound: Floats
    exchangeable: Floats
    likely: Floats | None
    setting: Floats
    false_alarms: Ints
    caught: Ints
    by_label: dict[str, Ints]
    totals: dict[str, int]
    n_normal: int
    n_anomaly: int

    def __len__(self) -> int:
        return int(self.threshold.size)

    def row(self, threshold: float) -> int:
        """The row of the threshold nearest to a score; an infinite one is the last."""
        if not np.isfinite(threshold):
            return len(self) - 1 if threshold > 0 else 0
        return int(np.argmin(np.abs(self.threshold - threshold)))

    def confusion(self, row: int) -> Confusion:
        """Counts at one threshold."""
        false_alarms, caught = int(self.false_alarms[row]), int(self.caught[row])
        return Confusion(self.n_normal - false_alarms, false_alarms, self.n_anomaly - caught, caught)


def tabulate(
    calibration: Calibration, evaluation: Evaluation | None, point: OperatingPoint, fixed: Sequence[float] = ()
) -> ThresholdTable:
    """Choose at most about 500 thresholds and count what each finds.

    Between the first and the last calibration digit every threshold is one that an alpha gives, so that one
    moved by hand is still a promise that holds for another model; beyond the last one, thresholds are fixed.

    Args:
        calibration: the calibration set's scores of the evidence.
        evaluation: digits never used, or None.
        point: the operating point; its threshold is always among them, exactly.
        fixed: further thresholds that must be among them, exactly.
    """
    scores = {} if evaluation is None else evaluation.scores
    own = scores.get(point.evidence, np.zeros(0))
    asked = [alpha for alpha in (*ALPHAS, point.alpha) if alpha is not None and calibration.rank(alpha) >= 1]
    ranks = _ranks(calibration, asked)
    on_calibration = calibration.scores[calibration.n - ranks]
    thresholds = dict(zip(on_calibration.tolist(), (short_alpha(calibration, int(k)) for k in ranks), strict=True))
    thresholds |= {calibration.threshold(alpha): alpha for alpha in asked}
    for given in (*_beyond(calibration, own), *fixed, *([] if point.threshold is None else [point.threshold])):
        thresholds.setdefault(float(given), float("nan"))
    never = point.alpha is not None and calibration.rank(point.alpha) < 1
    if never:
        thresholds[float("inf")] = float(point.alpha or 0)
    threshold = np.array(sorted(thresholds))
    alpha, bound = calibration.alpha(threshold), calibration.band(threshold)
    exchangeable = (calibration.exchangeable or calibration).alpha(threshold)
    if never:
        alpha[-1] = bound[-1] = exchangeable[-1] = 0.0
    anomaly = np.zeros(0, dtype=bool) if evaluation is None else evaluation.anomaly
    by_label, totals = _labels(evaluation, point.evidence, threshold)
    return ThresholdTable(
        threshold=threshold,
        alpha=alpha,
        bound=bound,
        exchangeable=exchangeable,
        likely=calibration.between(threshold),
        setting=np.array([thresholds[value] for value in threshold.tolist()]),
        false_alarms=_above(own[~anomaly], threshold),
        caught=_above(own[anomaly], threshold),
        by_label=by_label,
        totals=totals,
        n_normal=int((~anomaly).sum()),
        n_anomaly=int(anomaly.sum()),
    )


def short_alpha(calibration: Calibration, rank: int) -> float:
    """The alpha with the fewest decimals whose threshold stands at the ``rank``-th largest calibration score.

    >>> calibration = Calibration.fit(range(1084))
    >>> short_alpha(calibration, 54), short_alpha(calibration, 1)
    (0.05, 0.001)
    """
    least = rank / (calibration.n + 1)
    for decimals in range(1, 12):
        alpha = float(np.ceil(least * 10**decimals - 1e-9)) / 10**decimals
        if alpha < 1 and calibration.rank(alpha) == rank:
            return alpha
    return least


def _ranks(calibration: Calibration, alphas: Sequence[float]) -> Ints:
    """Ranks of calibration scores, 1 the largest, that thresholds stand at, those of ``alphas`` among them."""
    n = calibration.n
    by_rank = np.geomspace(1, n, min(n, BY_RANK)).round().astype(np.int64)
    grid = np.linspace(calibration.scores[0], calibration.scores[-1], min(n, BY_SCORE))
    by_score = n - np.searchsorted(calibration.scores, grid, side="right") + 1
    asked = np.array([calibration.rank(alpha) for alpha in alphas], dtype=np.int64)
    return np.unique(np.clip(np.concatenate([by_rank, by_score, asked]), 1, n))


def _beyond(calibration: Calibration, scores: Floats) -> list[float]:
    """Fixed thresholds from the last calibration score to the oddest evaluation digit, in short decimals."""
    last = float(calibration.scores[-1])
    highest = float(scores.max()) if scores.size else last
    if highest <= last:
        return []
    step = (highest - last) / BEYOND
    decimals = max(0, 1 - int(np.floor(np.log10(step))))
    evenly = np.round(np.linspace(last, highest + step, BEYOND + 2)[1:], decimals)
    return [float(value) for value in evenly if value > last]


def _labels(evaluation: Evaluation | None, evidence: str, threshold: Floats) -> tuple[dict[str, Ints], dict[str, int]]:
    if evaluation is None:
        return {}, {}
    flagged: dict[str, Ints] = {}
    totals: dict[str, int] = {}
    for i, name in enumerate(evaluation.label_names):
        own = evaluation.scores[evidence][evaluation.anomaly & (evaluation.label == i)]
        if own.size:
            flagged[name], totals[name] = _above(own, threshold), int(own.size)
    return flagged, totals


def _above(scores: Floats, threshold: Floats) -> Ints:
    return scores.size - np.searchsorted(np.sort(scores), threshold, side="right")
