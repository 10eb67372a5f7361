"""What the threshold explorer draws, as plain data for a browser: thresholds, histogram, ROC curves and sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import datasets
from core.calibration.conformal import Calibration, images_needed
from core.calibration.evaluation import Evaluation
from core.detector.model_card import Card
from core.operating_point import EVIDENCES, OperatingPoint
from core.views.fixed_threshold import FIXED_THRESHOLDS, ON_EVIDENCE
from core.views.threshold_table import ALPHAS, ThresholdTable, tabulate
from core.words import name_normals, say_nearest, say_share

BINS = 60
MOST_CURVE_POINTS = 240
MOST_LABELS = 12
STRANGERS = (
    "At this line {alpha} of {normals} are flagged: of people it never met, most likely between {low} and {high}."
)
SEEN = (
    "Of {normals} by {calibrated_on}, whose other digits it learnt from, {exchangeable} are flagged, and with 95 % "
    "confidence no more than {bound}, wherever you move it."
)
PROMISE = (
    "At this line {alpha} of {normals} by {calibrated_on} are flagged; with 95 % confidence no more than {bound}, "
    "wherever you move it."
)
FEW = "At this line {alpha} of {normals} by {calibrated_on} are flagged, most likely between {low} and {high}."
FEW_MORE = (
    "That is estimated from {own} digits of that hand, or of hands mixed as those are, and from what others' are like; "
    "the {own} alone promise, with 95 % confidence, no more than {bound}, wherever you move it."
)
WHOSE = ("of people it never met", "of that hand")
OWN = "It holds for that hand, or for hands mixed as those digits are; of other people's more are flagged."
UNKNOWN = "How much people differ this model does not know: of people it never met a few more are flagged."
MEASURED = "Measured on digits never used ({sources}): {rate}."
MEASURED_ELSEWHERE = "Of digits by other people, never used ({sources}), it would flag {rate}."
NO_THRESHOLD = "No line: {n} calibration digits are too few for {alpha}, so nothing is flagged; {needed} are needed."


@dataclass(frozen=True)
class View:
    """One evidence of one model, ready to be explored.

    Attributes:
        table: the thresholds and what each finds.
        row: which of them is the operating point's.
        data: everything the browser draws, JSON-able; see ``of``.
    """

    table: ThresholdTable
    row: int
    data: dict[str, Any]

    @classmethod
    def of(
        cls, calibrations: Mapping[str, Calibration], evaluation: Evaluation | None, card: Card, point: OperatingPoint
    ) -> "View":
        """Gather what the explorer shows at an operating point.

        Args:
            calibrations: evidence -> scores of the calibration set.
            evaluation: the detector's evaluation, or None.
            card: its card, for the sentences.
            point: the operating point.
        """
        calibration = calibrations[point.evidence]
        balance = None if evaluation is None else evaluation.best_balance(point.evidence)
        fixed = [*([] if balance is None else [balance]), *(FIXED_THRESHOLDS if point.evidence == ON_EVIDENCE else ())]
        table = tabulate(calibration, evaluation, point, fixed)
        threshold = point.threshold if point.threshold is not None else calibration.threshold(point.alpha or 0)
        row = table.row(threshold)
        axis = _axis(calibration, evaluation, point, table)
        data = {
            "of": f"{card.name} {point.evidence}",
            "row": row,
            "axis": _plain(np.array(axis)),
            "threshold": [float(f"{t:.7g}") if np.isfinite(t) else None for t in table.threshold],
            "setting": [None if np.isnan(s) else float(s) for s in table.setting],
            "alpha": _plain(table.alpha),
            "bound": _plain(table.bound),
            "exchangeable": _plain(table.exchangeable),
            "low": [] if table.likely is None else _plain(table.likely[:, 0]),
            "measuredOn": "measured, of other people's" if card.recalibrated else "measured",
            "whose": WHOSE[calibration.rates is not None],
            "high": [] if table.likely is None else _plain(table.likely[:, 1]),
            "falseAlarms": table.false_alarms.tolist(),
            "caught": table.caught.tolist(),
            "nNormal": table.n_normal,
            "nAnomaly": table.n_anomaly,
            "labels": _hardest_labels(table, table.row(calibration.threshold(0.05))),
            "histogram": _histogram(calibration, evaluation, point.evidence, axis),
            "curves": _curves(evaluation, point.evidence),
            "sentence": promise(calibration, card),
            "more": more(calibration, evaluation, card),
            # A line put somewhere by hand asked for no rate.
            "nearest": say_nearest(point.alpha, calibration.kept(point.alpha)) if point.alpha in ALPHAS else "",
            "noLine": "" if np.isfinite(table.threshold[-1]) else no_threshold(calibration, point.alpha or 0),
        }
        return cls(table, row, data)


def promise(calibration: Calibration, card: Card) -> str:
    """The promise, one sentence with places for the figures that move, such as ``{alpha}`` and ``{bound}``."""
    return _filled(_by_kind(calibration, PROMISE, STRANGERS, FEW), card)


def more(calibration: Calibration, evaluation: Evaluation | None, card: Card) -> str:
    """What else is to be said of the promise: for whom it holds, and what was measured; with places, too."""
    alone = OWN if card.recalibrated else UNKNOWN
    said = _by_kind(calibration, alone, SEEN, FEW_MORE.replace("{own}", f"{calibration.own:,}"))
    if evaluation is not None and evaluation.n_normal:
        measured = MEASURED_ELSEWHERE if card.recalibrated else MEASURED
        said += " " + measured.replace("{sources}", sources(evaluation))
    return _filled(said, card)


def _by_kind(calibration: Calibration, alone: str, strangers: str, few: str) -> str:
    """What is to be said of a calibration set alone, of strangers, or of few digits."""
    return few if calibration.rates is not None else alone if calibration.exchangeable is None else strangers


def _filled(text: str, card: Card) -> str:
    return text.replace("{normals}", name_normals(card.normal)).replace("{calibrated_on}", card.calibrated_on)


def no_threshold(calibration: Calibration, alpha: float) -> str:
    """Why an alpha leaves no threshold, and how many calibration digits one would take.

    >>> no_threshold(Calibration.fit(range(30)), 0.01)
    'No line: 30 calibration digits are too few for 1 %, so nothing is flagged; 99 are needed.'
    """
    needed = f"{images_needed(alpha):,}"
    return NO_THRESHOLD.format(n=f"{calibration.n:,}", alpha=say_share(alpha), needed=needed)


def sources(evaluation: Evaluation) -> str:
    """The data sets of the normal digits of an evaluation, for people."""
    return " and ".join(say_source(evaluation.sources[i]) for i in np.unique(evaluation.source[~evaluation.anomaly]))


def say_source(source: str) -> str:
    """A data set and its part for people.

    >>> say_source("mnist:test"), say_source("folder:my_fives:all")
    ('MNIST, test', 'my_fives, all')
    """
    name, _, part = source.rpartition(":")
    title = datasets.NAMES[name].title if name in datasets.NAMES else name.split(":", 1)[-1]
    return f"{title}, {part}"


def _axis(
    calibration: Calibration, evaluation: Evaluation | None, point: OperatingPoint, table: ThresholdTable
) -> tuple[float, float]:
    """The stretch of scores shown: all of the calibration set, nearly all evaluation digits, thresholds near them."""
    scores = calibration.scores if evaluation is None else evaluation.scores[point.evidence]
    ends = [calibration.scores[0], calibration.scores[-1], *np.quantile(scores, [0, 0.999])]
    finite = table.threshold[np.isfinite(table.threshold) & np.isnan(table.setting)]
    low, high = min(ends), max(ends)
    reach = 3 * (high - low)  # a threshold far beyond would leave nothing to be seen of the scores
    ends += [np.clip(end, low - reach, high + reach) for end in (*finite, point.threshold) if end is not None]
    low, high = min(ends), max(ends)
    margin = 0.02 * (high - low) or 0.02 * max(abs(high), 1.0)
    return float(low - margin), float(high + margin)


def _histogram(
    calibration: Calibration, evaluation: Evaluation | None, evidence: str, axis: tuple[float, float]
) -> dict[str, Any]:
    """Counts in equal bins; where no normal digit was evaluated, the calibration set's own stand in, named as such."""
    edges = np.linspace(*axis, BINS + 1)
    series = []
    if evaluation is not None and evaluation.n_normal:
        series.append(("normal", "normal digits", evaluation.scores[evidence][~evaluation.anomaly]))
    else:
        series.append(("normal", "the yardstick's digits", calibration.scores))
    if evaluation is not None and evaluation.n_anomaly:
        series.append(("anomaly", "anomalies", evaluation.scores[evidence][evaluation.anomaly]))
    return {
        "edges": _plain(edges),
        "series": [
            {"kind": kind, "name": name, "counts": np.histogram(np.clip(scores, *axis), edges)[0].tolist()}
            for kind, name, scores in series
        ],
    }


def _curves(evaluation: Evaluation | None, chosen: str) -> list[dict[str, Any]]:
    """ROC curves of all evidences, the chosen one first; empty where a class is missing."""
    curves = []
    for name in sorted(EVIDENCES, key=lambda name: name != chosen):
        curve = None if evaluation is None else evaluation.roc(name)
        if curve is None:
            return []
        keep = _spread(curve.false_alarm_rate, curve.detection_rate)
        points = np.stack([curve.false_alarm_rate[keep], curve.detection_rate[keep]], axis=1)
        curves.append({"name": name, "area": round(curve.area, 4), "points": np.round(points, 5).tolist()})
    return curves


def _spread(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of points evenly spaced along a monotone curve, its ends included."""
    way = np.concatenate([[0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    return np.unique(np.searchsorted(way, np.linspace(0, way[-1], MOST_CURVE_POINTS)).clip(0, x.size - 1))


def _hardest_labels(table: ThresholdTable, row: int) -> list[dict[str, Any]]:
    """The kinds of anomalies, those that slip through most at a threshold of 5 % first if there are many."""
    names = list(table.totals)
    if len(names) > MOST_LABELS:
        names = sorted(names, key=lambda name: table.by_label[name][row] / table.totals[name])[:MOST_LABELS]
    return [{"name": n, "total": table.totals[n], "caught": table.by_label[n].tolist()} for n in names]


def _plain(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.7g}") for value in values]
