"""Recorded verdicts as files: a table for a spreadsheet, and reviewed digits for a calibration."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, TextIO

from core.detector.readings import ANOMALY
from core.files.csv import write_csv
from core.history.verdict import Damaged, Verdict
from core.operating_point import EVIDENCES

COLUMNS = (
    *("id", "first_seen", "last_seen", "source", "model", "evidence", "alpha", "threshold", "verdict", "p_value"),
    *(f"score_{name}" for name in EVIDENCES),
    *(f"p_value_{name}" for name in EVIDENCES),
    *("plausible_digits", "mark", "true_label", "second_opinion"),
)


def export_csv(verdicts: Iterable[Verdict | Damaged], file: TextIO) -> None:
    """Write one line a verdict under ``COLUMNS``; times are UTC, ISO 8601; text never opens as a formula.

    A damaged row is a line that says so and no more.

    Args:
        verdicts: for example ``History.each``; never held all at once.
        file: opened with ``newline=""``.
    """
    write_csv(file, COLUMNS, _lines(verdicts))


def _lines(verdicts: Iterable[Verdict | Damaged]) -> Iterator[list[Any]]:
    for verdict in verdicts:
        if isinstance(verdict, Damaged):
            yield ["damaged" if name == "verdict" else verdict.id if name == "id" else None for name in COLUMNS]
            continue
        yield [
            verdict.id,
            _iso(verdict.time),
            _iso(verdict.last_seen),
            verdict.source,
            verdict.model,
            verdict.evidence,
            verdict.alpha,
            verdict.threshold,
            "anomaly" if verdict.class_id == ANOMALY else "normal",
            verdict.p_value,
            *(verdict.scores.get(name) for name in EVIDENCES),
            *(verdict.p_values.get(name) for name in EVIDENCES),
            " ".join(verdict.prediction_set),
            verdict.mark,
            verdict.true_label,
            verdict.second_opinion,
        ]


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
