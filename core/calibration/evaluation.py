"""What a detector does on digits it never saw: ROC, confusion, rates, histogram, per-image table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Confusion:
    """Counts at one threshold. Flagging an anomaly is the positive event.

    Attributes:
        true_normal: normal digits called normal.
        false_alarms: normal digits called anomalies.
        misses: anomalies called normal.
        caught: anomalies called anomalies.
    """

    true_normal: int
    false_alarms: int
    misses: int
    caught: int

    @property
    def false_alarm_rate(self) -> float:
        """Share of normal digits flagged, 0..1; NaN without normal digits."""
        return _share(self.false_alarms, self.true_normal + self.false_alarms)

    @property
    def detection_rate(self) -> float:
        """Share of anomalies flagged (recall), 0..1; NaN without anomalies."""
        return _share(self.caught, self.caught + self.misses)

    @property
    def precision(self) -> float:
        """Share of flagged digits that are anomalies, 0..1; NaN when nothing is flagged."""
        return _share(self.caught, self.caught + self.false_alarms)


@dataclass(frozen=True)
class Roc:
    """ROC curve, from strictest threshold to loosest, all arrays ``(k,)``.

    Attributes:
        false_alarm_rate: share of normal digits flagged at each threshold.
        detection_rate: share of anomalies flagged at each threshold.
        thresholds: on the raw score axis; a score at or above one counts as flagged.
        area: AUROC, 0.5 is chance.
    """

    false_alarm_rate: NDArray[np.float64]
    detection_rate: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    area: float


@dataclass(frozen=True)
class Evaluation:
    """Scores of digits that took no part in training, validation or calibration.

    Attributes:
        sources: data sets as ``datasets.load`` names them with their part, for example ``"mnist:test"``.
        source: index into ``sources``, int64 ``(n,)``.
        position: index of the image within its source, int64 ``(n,)``.
        label: index into ``label_names``, int64 ``(n,)``.
        label_names: what the labels mean, for example ``("0", ..., "9")``.
        anomaly: whether the digit is an anomaly for this detector, bool ``(n,)``.
        scores: raw score of each evidence, float64 ``(n,)``.
    """

    sources: tuple[str, ...]
    source: NDArray[np.int64]
    position: NDArray[np.int64]
    label: NDArray[np.int64]
    label_names: tuple[str, ...]
    anomaly: NDArray[np.bool_]
    scores: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return int(self.anomaly.size)

    @property
    def n_normal(self) -> int:
        """Number of normal digits."""
        return int((~self.anomaly).sum())

    @property
    def n_anomaly(self) -> int:
        """Number of anomalies; 0 means that no ROC can be drawn."""
        return int(self.anomaly.sum())

    def auroc(self, evidence: str) -> float | None:
        """Area under the ROC curve, or None where one of the two classes is missing."""
        if not self.n_normal or not self.n_anomaly:
            return None
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(self.anomaly, self.scores[evidence]))

    def roc(self, evidence: str) -> Roc | None:
        """The ROC curve, or None where one of the two classes is missing."""
        area = self.auroc(evidence)
        if area is None:
            return None
        from sklearn.metrics import roc_curve

        false_alarms, detection, thresholds = roc_curve(self.anomaly, self.scores[evidence])
        return Roc(false_alarms, detection, thresholds, area)

    def confusion(self, evidence: str, threshold: float) -> Confusion:
        """Counts at ``threshold``: a score above it is called an anomaly."""
        flagged = self.scores[evidence] > threshold
        return Confusion(
            true_normal=int((~flagged & ~self.anomaly).sum()),
            false_alarms=int((flagged & ~self.anomaly).sum()),
            misses=int((~flagged & self.anomaly).sum()),
            caught=int((flagged & self.anomaly).sum()),
        )

    def best_balance(self, evidence: str) -> float | None:
        """The threshold with the largest detection minus false alarms (Youden 1950). It needs labels of anomalies."""
        curve = self.roc(evidence)
        if curve is None:
            return None
        best = int(np.argmax(curve.detection_rate - curve.false_alarm_rate))
        if not np.isfinite(curve.thresholds[best]):
            return float(self.scores[evidence].max())
        # roc_curve flags scores at or above its threshold, everything here flags scores above: step below it.
        below = self.scores[evidence][self.scores[evidence] < curve.thresholds[best]]
        return float((curve.thresholds[best] + below.max()) / 2) if below.size else float(curve.thresholds[best]) - 1e-6

    def nearest(self, evidence: str, threshold: float, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows nearest to the threshold: (just inside, just outside), each at most ``count``, nearest first."""
        scores = self.scores[evidence]
        order = np.argsort(scores, kind="stable")
        cut = int(np.searchsorted(scores[order], threshold, side="right"))
        return order[max(0, cut - count) : cut][::-1], order[cut : cut + count]

    def worst_misses(self, evidence: str, threshold: float, count: int) -> NDArray[np.int64]:
        """Rows of the anomalies that look most normal, among those called normal."""
        rows = np.flatnonzero(self.anomaly & (self.scores[evidence] <= threshold))
        return rows[np.argsort(self.scores[evidence][rows], kind="stable")][:count]

    def worst_false_alarms(self, evidence: str, threshold: float, count: int) -> NDArray[np.int64]:
        """Rows of the normal digits that look oddest, among those flagged."""
        rows = np.flatnonzero(~self.anomaly & (self.scores[evidence] > threshold))
        return rows[np.argsort(-self.scores[evidence][rows], kind="stable")][:count]


def concatenate(parts: Sequence[Evaluation]) -> Evaluation:
    """One evaluation of several, with sources and labels merged by name.

    Raises:
        ValueError: no parts.
    """
    if not parts:
        raise ValueError("concatenate needs at least one evaluation.")
    sources = tuple(dict.fromkeys(name for part in parts for name in part.sources))
    names = tuple(dict.fromkeys(name for part in parts for name in part.label_names))
    to_source = [np.array([sources.index(name) for name in part.sources]) for part in parts]
    to_label = [np.array([names.index(name) for name in part.label_names]) for part in parts]
    return Evaluation(
        sources=sources,
        source=np.concatenate([to[part.source] for to, part in zip(to_source, parts, strict=True)]),
        position=np.concatenate([part.position for part in parts]),
        label=np.concatenate([to[part.label] for to, part in zip(to_label, parts, strict=True)]),
        label_names=names,
        anomaly=np.concatenate([part.anomaly for part in parts]),
        scores={key: np.concatenate([part.scores[key] for part in parts]) for key in parts[0].scores},
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
