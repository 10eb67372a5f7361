"""The evaluation digits that say most about a threshold: nearest on either side, worst misses, worst false alarms."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core import datasets
from core.calibration.conformal import Calibration
from core.calibration.evaluation import Evaluation
from core.datasets import Dataset
from core.detector.readings import Readings
from core.errors import DatasetError
from core.files.csv import safe_cell

COUNT = 5


@dataclass(frozen=True)
class Group:
    """Digits that belong together.

    Attributes:
        title: what they are.
        rows: which rows of the evaluation, most telling first.
        empty: what to say when there are none.
    """

    title: str
    rows: tuple[int, ...]
    empty: str


def groups(evaluation: Evaluation, evidence: str, threshold: float, count: int = COUNT) -> tuple[Group, ...]:
    """The four groups at a threshold, each of at most ``count`` digits."""
    inside, outside = evaluation.nearest(evidence, threshold, count)
    misses = evaluation.worst_misses(evidence, threshold, count)
    alarms = evaluation.worst_false_alarms(evidence, threshold, count)

    def rows(indices: NDArray[np.int64]) -> tuple[int, ...]:
        return tuple(int(row) for row in indices)

    return (
        Group("Just inside the line", rows(inside), "Nothing lies inside."),
        Group("Just outside the line", rows(outside), "Nothing lies outside."),
        Group("Worst misses: anomalies called normal", rows(misses), "No anomaly slips through."),
        Group("Worst false alarms: normal digits flagged", rows(alarms), "No normal digit is flagged."),
    )


def images_of(
    evaluation: Evaluation, rows: tuple[int, ...], load: Callable[[str, str], Dataset]
) -> dict[int, NDArray[np.float32]]:
    """The pictures of evaluation digits, float32 ``(28, 28)`` by row; those not on this machine are left out.

    Args:
        evaluation: it knows each digit's data set and place there, not its picture.
        rows: which digits.
        load: gives a data set by name and part, or raises DatasetError; ``datasets.load`` without downloads, cached.
    """
    images_by_row: dict[int, NDArray[np.float32]] = {}
    for index in {int(evaluation.source[row]) for row in rows}:
        name, _, part = evaluation.sources[index].rpartition(":")
        try:
            images = load(name, part).images
        except DatasetError:
            continue
        here = [row for row in rows if evaluation.source[row] == index and evaluation.position[row] < len(images)]
        images_by_row |= {row: images[evaluation.position[row]] for row in here}
    return images_by_row


def as_evaluated(evaluation: Evaluation, rows: tuple[int, ...], readings: Readings) -> tuple[int, ...]:
    """Which of the readings, of ``rows``, are of the very digits that were evaluated: a set may have changed since."""
    named = [name for name in readings.scores if name in evaluation.scores]
    same = [np.isclose(readings.scores[name], evaluation.scores[name][list(rows)], rtol=1e-3) for name in named]
    return tuple(np.flatnonzero(np.all(same, axis=0)).tolist())


def not_here(evaluation: Evaluation) -> tuple[str, ...]:
    """Data sets of the evaluation that are not on this machine and could be downloaded."""
    names = {source.rpartition(":")[0] for source in evaluation.sources}
    return tuple(name for name in datasets.NAMES if name in names and not datasets.available(name))


def table(
    evaluation: Evaluation, calibration: Calibration, evidence: str, threshold: float
) -> dict[str, NDArray[np.generic]]:
    """Every evaluation digit as columns of a table, ``(n,)`` each, the oddest first; text is safe for spreadsheets."""
    scores = evaluation.scores[evidence]
    order = np.argsort(-scores, kind="stable")
    names = np.array([safe_cell(name) for name in evaluation.label_names], dtype=object)
    ids = [f"{evaluation.sources[s]}:{p}" for s, p in zip(evaluation.source, evaluation.position, strict=True)]
    words = np.array(["normal", "anomaly"], dtype=object)
    return {
        "image": np.array([safe_cell(name) for name in ids], dtype=object)[order],
        "true label": names[evaluation.label][order],
        "class": words[evaluation.anomaly.astype(int)][order],
        "called": words[(scores > threshold).astype(int)][order],
        "score": scores[order],
        "p-value": calibration.p_values(scores)[order],
    }
