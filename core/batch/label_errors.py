"""Labels against the ink: which are not among the digits that it could be, and which of those are probably wrong."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.calibration.discoveries import discoveries
from core.words import one_of, say_share

FALSE_RATE = 0.1  # of those called probably mislabelled, how many may be right after all
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelCheck:
    """Labels of m digits beside the p-values of the k digits that a model knows.

    Attributes:
        p_values: conformal p-value of each row as each digit, ``(m, k)``; NaN for rows that were not judged.
        named: which digit the label names, ``(m, k)``; no digit in a row without a label that the model knows.
        alpha: p-values at or below it make a digit implausible.
        read: rows that the model of all ten reads as their label, where it was asked beside a model of one, ``(m,)``.

    >>> check = LabelCheck(np.array([[0.01, 0.6], [0.01, 0.02]]), np.array([[True, False], [True, False]]), 0.05)
    >>> check.mislabelled.tolist(), check.suspicion.round(1).tolist()
    ([True, True], [1.8, 0.3])
    >>> odd_sevens, read = np.array([[0.01], [0.01]]), np.array([False, True])
    >>> LabelCheck(odd_sevens, np.array([[True], [True]]), 0.05, read).mislabelled.tolist()
    [True, False]
    """

    p_values: Floats
    named: NDArray[np.bool_]
    alpha: float
    read: NDArray[np.bool_] | None = None

    @cached_property
    def p_value(self) -> Floats:
        """p-value as the digit that the label names, ``(m,)``; NaN without a known label."""
        p_value = np.where(self.named, self.p_values, -np.inf).max(axis=1, initial=-np.inf)
        return np.where(np.isfinite(p_value), p_value, np.nan)

    @cached_property
    def disagreeing(self) -> NDArray[np.bool_]:
        """Rows whose label is none of their plausible digits, ``(m,)``."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.p_value <= self.alpha)

    @cached_property
    def suspicion(self) -> Floats:
        """How much better another digit explains the ink than the label does, ``(m,)``; NaN without a known label.

        The logarithm (base 10) of the best other digit's p-value over the label's. An odd digit that is like no digit
        at all ranks low, one that is a plain other digit ranks high. A model of one digit knows no other: there it is
        how odd the ink is as its label.
        """
        if self.p_values.shape[1] == 1:
            return -np.log10(self.p_value)
        return np.log10(np.where(np.isnan(self.p_value), np.nan, self._best_other)) - np.log10(self.p_value)

    @cached_property
    def mislabelled(self) -> NDArray[np.bool_]:
        """Rows that are probably mislabelled, ``(m,)``: the label is not plausible, and another digit is more so.

        A model of one digit knows no other: an odd 7 that the model of all ten still reads as a 7 is odd, not misfiled.
        Plausible or not itself: an odd 3 that is labelled 5 is one, too. Of all that are named, at most ``FALSE_RATE``
        are expected to be right after all (Benjamini and Hochberg 1995, over all labels of the batch).
        """
        known = ~np.isnan(self.p_value)
        named = np.zeros(len(self.p_value), bool)
        named[known] = discoveries(self.p_value[known], FALSE_RATE)
        with np.errstate(invalid="ignore"):
            suspected = named & self.disagreeing & (self.suspicion > 0)
        return suspected if self.read is None else suspected & ~self.read

    def explain(self, row: int, label: str, normal: tuple[str, ...]) -> str:
        """Why a label is doubted: where the ink would stand as the label and as the best other digit, one sentence.

        Args:
            row: a row with a known label.
            label: it.
            normal: labels of the model's digits, in the order of ``p_values``.
        """
        as_label = f"as {one_of(label)} it is {say_place(float(self.p_value[row]))}"
        if self.p_values.shape[1] == 1:
            return f"Labelled {label}: {as_label}."
        other = normal[int(np.where(self.named[row], -np.inf, self.p_values[row]).argmax())]
        place = say_place(float(self._best_other[row]))
        return f"Labelled {label}: {as_label}, as {one_of(other)} {place}."

    @cached_property
    def _best_other(self) -> Floats:
        return np.where(self.named, -np.inf, self.p_values).max(axis=1, initial=-np.inf)


def say_place(p_value: float) -> str:
    """Where an image stands among the normal digits of one kind.

    >>> say_place(0.7), say_place(0.08), say_place(0.0018)
    ('among the most ordinary', 'odder than 92 %', 'among the oddest 0.18 %')
    """
    if p_value > 0.5:
        return "among the most ordinary"
    if p_value > 0.01:
        return f"odder than {say_share(1 - p_value)}"
    return f"among the oddest {say_share(p_value)}"
