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
        row = vars(verdict)
        if isinstance(verdict, Damaged):
            row = row | {"verdict": "damaged"}
        else:
            row = row | {"first_seen": _iso(verdict.time), "last_seen": _iso(verdict.last_seen)}
            row |= {"verdict": "anomaly" if verdict.class_id == ANOMALY else "normal"}
            row |= {"plausible_digits": " ".join(verdict.prediction_set)}
            for kind, values in (("score", verdict.scores), ("p_value", verdict.p_values)):
                row |= {f"{kind}_{name}": value for name, value in values.items()}
        yield [row.get(name) for name in COLUMNS]


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
