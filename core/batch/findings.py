"""A judged batch under a rule: what is flagged, what is probably mislabelled, and what the numbers come to.

Scores do not depend on the threshold, so the rule may change after the batch was judged.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.batch import second_opinions
from core.batch.label_errors import FALSE_RATE, LabelCheck
from core.batch.score import EDGES
from core.batch.store import Store
from core.calibration.conformal import Calibration
from core.calibration.discoveries import discoveries, discoveries_needed
from core.calibration.prediction_set import prediction_set
from core.errors import BatchError
from core.operating_point import OperatingPoint
from core.views.second_opinion import DEFAULT_ALPHA, DIGITS, SecondOpinion, second_opinion
from core.views.threshold import no_threshold
from core.words import say_nearest, say_share

SHOWN = ("flagged", "doubted", "mislabelled", "refused", "all")
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """What decides: the threshold of an operating point, or a false discovery rate over the whole batch.

    Attributes:
        point: model, evidence and threshold.
        rate: share of the flagged that may be normal, 0 < rate < 1; None leaves it to the threshold.

    Raises:
        BatchError: the rate is out of range.
    """

    point: OperatingPoint
    rate: float | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not 0 < self.rate < 1:
            raise BatchError(f"the false discovery rate is {self.rate}: give a share between 0 and 1, such as 0.1.")


@dataclass(frozen=True)
class Summary:
    """What a batch came to.

    Attributes:
        rows: digits and refusals.
        judged: digits judged.
        refused: refusals.
        flagged: anomalies.
        expected: how many flagged ones are expected to be normal: of a batch of normal digits at a
            threshold, of the flagged with a false discovery rate.
        labelled: digits that came with a label the model knows.
        disagreeing: of those, how many lie outside their label's plausible digits.
        mislabelled: of those, how many are probably mislabelled, by a false discovery rate of their own.
        doubted: how many pass a model of one digit that the model of all ten reads as another or as none.
    """

    rows: int
    judged: int
    refused: int
    flagged: int
    expected: float
    labelled: int
    disagreeing: int
    mislabelled: int
    doubted: int = 0


class Review:
    """All rows of a batch under a rule; everything but the pictures is in memory, about 250 bytes a row.

    Args:
        store: the batch.
        rule: what decides; its model and evidence are those of the batch.

    Attributes:
        source: where each row came from, ``(n,)`` of str.
        label: label of each row or None, ``(n,)``.
        error: why each row was refused, or empty, ``(n,)``.
        boxes: left, top, right, bottom, int64 ``(n, 4)``, -1 for refusals.
        item: position in the batch of what each row came from, ``(n,)``.
        judged: which rows were not refused, ``(n,)``.
        score: raw score of the deciding evidence, ``(n,)``, NaN for refusals.
        p_value: its p-value, ``(n,)``, NaN for refusals.
        digits: p-values of each normal digit, ``(n, k)``, NaN for refusals; k = 0 for a model of one digit.
    """

    def __init__(self, store: Store, rule: Rule) -> None:
        evidence = store.job.point.evidence
        scores = (f"score_{evidence}", f"p_value_{evidence}")
        tables = list(store.tables(["item", "source", "label", "error", *EDGES, *scores, "digit_p_values"]))
        if not tables:
            raise BatchError(f"{store.job.title}: nothing of this batch has been judged yet.")
        table = pa.concat_tables([part.replace_schema_metadata(None) for part in tables])
        self.store, self.rule, self.normal = store, rule, store.job.normal
        plain = ("source", "label", "error", "item", *scores)
        arrays = (table[name].to_numpy(zero_copy_only=False) for name in plain)
        self.source, self.label, self.error, self.item, self.score, self.p_value = arrays
        self.boxes = np.stack([table[edge].fill_null(-1).to_numpy() for edge in EDGES], axis=1).astype(np.int64)
        self.judged = np.isfinite(self.p_value)
        width = len(self.normal) if len(self.normal) > 1 else 0
        self.digits = np.full((len(table), width), np.nan)
        if width and self.judged.any():
            filled = table["digit_p_values"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            self.digits[self.judged] = filled.reshape(-1, width)

    def __len__(self) -> int:
        return len(self.source)

    @property
    def calibration(self) -> Calibration:
        """The calibration set of the deciding evidence."""
        return self.store.calibration

    @cached_property
    def point(self) -> OperatingPoint:
        """The operating point in force; a false discovery rate becomes the alpha it comes to in this batch."""
        point = self.store.job.point
        if self.rule.rate is None:
            return OperatingPoint(point.model, point.evidence, self.rule.point.alpha, self.rule.point.threshold)
        discovered = discoveries(self.p_value[self.judged], self.rule.rate, self.calibration.caution)
        # Half the smallest p-value there can be flags nothing.
        cut = self.p_value[self.judged][discovered].max() if discovered.any() else self.calibration.floor / 2
        return point.at_alpha(float(cut))

    @cached_property
    def threshold(self) -> float:
        """The threshold on the raw score axis; infinite when nothing can be flagged."""
        point = self.point
        return float(point.threshold) if point.threshold is not None else self.calibration.threshold(point.alpha or 0)

    @cached_property
    def flagged(self) -> Bools:
        """Which rows are anomalies, ``(n,)``."""
        with np.errstate(invalid="ignore"):
            return self.judged & (self.score > self.threshold)

    @cached_property
    def digit_alpha(self) -> float:
        """The p-value at which a digit stops being plausible: the rule's, or the default's beside a discovery rate."""
        return self._alpha if self.rule.rate is None else OperatingPoint().alpha or 0.05

    @cached_property
    def _second(self) -> Floats | None:
        return second_opinions.read(self.store, len(self))

    def second_opinion(self, row: int) -> SecondOpinion | None:
        """How the model of all ten reads a row that a model of one digit has judged; None where it was not asked."""
        if self._second is None or not self.judged[row]:
            return None
        p_values = dict(zip(DIGITS, self._second[row].tolist(), strict=True))
        return second_opinion(p_values, bool(self.flagged[row]), self._second_alpha, self.normal[0])

    @property
    def _second_alpha(self) -> float | None:
        return self.rule.point.alpha if self.rule.rate is None else None

    @cached_property
    def _read(self) -> Bools | None:
        """Rows that the model of all ten reads as the digit of a model of one, ``(n,)``; None where not asked."""
        if self._second is None:
            return None
        return np.asarray(self._second[:, DIGITS.index(self.normal[0])] > (self._second_alpha or DEFAULT_ALPHA))

    @cached_property
    def doubted(self) -> Bools:
        """Which rows pass a model of one digit that the model of all ten does not read as it, ``(n,)``."""
        return np.zeros(len(self), bool) if self._read is None else self.judged & ~self.flagged & ~self._read

    @cached_property
    def labels(self) -> LabelCheck:
        """The labels that came along, against what the ink could be."""
        named = np.stack([self.judged & (self.label == name) for name in self.normal], axis=1)
        p_values = self.digits if self.digits.shape[1] else self.p_value[:, None]
        return LabelCheck(p_values, named, self.digit_alpha, self._read)

    @cached_property
    def summary(self) -> Summary:
        """The batch in figures."""
        judged, flagged, rate = int(self.judged.sum()), int(self.flagged.sum()), self.rule.rate
        kept = float(self.calibration.alpha(self.threshold)[0]) if np.isfinite(self.threshold) else 0.0
        expected = kept * judged if rate is None else rate * flagged
        return Summary(
            rows=len(self),
            judged=judged,
            refused=len(self) - judged,
            flagged=flagged,
            expected=round(expected, 6),
            labelled=int((~np.isnan(self.labels.p_value)).sum()),
            disagreeing=int(self.labels.disagreeing.sum()),
            mislabelled=int(self.labels.mislabelled.sum()),
            doubted=int(self.doubted.sum()),
        )

    def prediction_set(self, row: int) -> tuple[str, ...]:
        """Which digits a row could be, the most plausible first; empty for a model of one digit."""
        if not self.judged[row]:
            return ()
        digits = dict(zip(self.normal, self.digits[row].tolist(), strict=False))
        return prediction_set(digits, self._alpha, bool(self.flagged[row]))

    def order(self, shown: str = "all", label: str | None = None, text: str = "") -> NDArray[np.int64]:
        """Rows to show, oddest first by raw score (mislabelled ones by suspicion, refusals as they came).

        Args:
            shown: one of ``SHOWN``.
            label: only rows with this label; None for any.
            text: only rows whose source holds this, whatever the case.
        """
        kinds = {"flagged": self.flagged, "doubted": self.doubted, "mislabelled": self.labels.mislabelled}
        chosen = (kinds | {"refused": ~self.judged}).get(shown)
        kept = np.ones(len(self), bool) if chosen is None else chosen.copy()
        if label is not None:
            kept &= self.label == label
        if text:
            kept &= np.array([text.lower() in source.lower() for source in self.source])
        rows = np.flatnonzero(kept)
        if shown == "refused":
            return rows
        by_score = rows[np.argsort(-np.nan_to_num(self.score[rows], nan=-np.inf), kind="stable")]
        if shown == "mislabelled":
            return by_score[np.argsort(-self.labels.suspicion[by_score], kind="stable")]
        return by_score

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """All labels that came along, sorted."""
        return tuple(sorted({label for label in self.label if label is not None}))

    @property
    def _alpha(self) -> float:
        """The p-value at and below which a row is flagged."""
        return self.point.alpha if self.point.alpha is not None else float(self.calibration.alpha(self.threshold)[0])


def say_expected(review: Review) -> str:
    """What is to be thought of a batch's counts: how many normal digits are among what is flagged, and the like."""
    summary, rate = review.summary, review.rule.rate
    said = []
    if rate is None:
        likely = review.calibration.between(review.threshold)
        some = f"about {summary.expected:,.0f}" if summary.expected >= 0.5 else "hardly one"
        said.append(f"If all of it were normal, {some} would be flagged")
        if likely is not None:
            low, high = (summary.judged * likely[0]).round().astype(int)
            said[0] += f"; by {_people(review.calibration)}, most likely {low:,} to {high:,}"
    elif summary.flagged:
        said.append(f"At most about {max(1, np.ceil(summary.expected)):,.0f} of the flagged are normal")
    else:
        said.append(
            f"Nothing here is odd enough that at most {say_share(rate)} of the flagged would be normal; a higher share "
            "finds more, and so does a line by false alarms"
        )
    if (doubted := summary.doubted) > 0:
        said.append(
            f"A network that knows all ten digits reads {doubted:,} of those that passed as another, or as none"
        )
    if (right := FALSE_RATE * summary.mislabelled) >= 1:
        said.append(f"About {right:,.0f} of the labels called wrong {'is' if right < 1.5 else 'are'} right after all")
    return ". ".join(said) + "."


def say_rule(rule: Rule, calibration: Calibration) -> str:
    """What a rule promises, one sentence.

    >>> say_rule(Rule(OperatingPoint(alpha=0.05)), Calibration.fit(range(99)))
    'About 5 % of normal digits like those of the calibration are flagged; what is odd comes on top.'
    """
    if rule.rate is not None:
        return (
            f"Of the digits that are flagged, at most {say_share(rule.rate)} are expected to be normal ones: "
            "the line moves with the pile (Benjamini-Hochberg). That holds for people who "
            "write as those it was measured against; of another country or camera more are."
        )
    if rule.point.alpha is not None:
        if not (kept := calibration.kept(rule.point.alpha)):
            return no_threshold(calibration, rule.point.alpha)
        nearest = say_nearest(rule.point.alpha, kept)
        said = f"{say_share(kept)}{nearest and f' ({nearest})'} of normal digits{_whose(calibration, rule.point.alpha)}"
        return f"About {said} are flagged; what is odd comes on top."
    share = say_share(float(calibration.alpha(threshold := rule.point.threshold or 0.0)[0]))
    return f"Every digit with a score above {threshold:g} is flagged, as {share} of normal digits are."


def _whose(calibration: Calibration, alpha: float) -> str:
    """By whom normal digits are of which a share alpha is flagged, and where that share most likely lies."""
    likely = calibration.between(calibration.threshold(alpha))
    if likely is None:
        return " like those of the calibration"
    low, high = map(say_share, likely[0])
    return f" by {_people(calibration)}, most likely between {low} and {high},"


def _people(calibration: Calibration) -> str:
    return "that hand" if calibration.rates is not None else "people it never met"


def foresee(n: int, digits: int, rate: float, caution: float = 1.0) -> str:
    """What a false discovery rate can do for a batch, before it is judged; empty when nothing stands in its way.

    Args:
        n: calibration digits.
        digits: digits in the batch, about.
        rate: the false discovery rate.
        caution: of the calibration.

    >>> foresee(12_000, 500, 0.1)
    ''
    """
    needed = discoveries_needed(n, digits, rate / caution)
    if needed <= max(1, digits // 1000):
        return ""
    return (
        f"The least share of normal digits this model can tell is {say_share(1 / (n + 1))}, so unless at least "
        f"{needed:,} of the {digits:,} digits are as odd ({say_share(needed / digits)}), a rate of {say_share(rate)} "
        "flags none at all. Take a model calibrated on more digits (mnist-any: about 12,000), a higher rate, or plain "
        "false alarms."
    )
