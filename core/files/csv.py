"""Tables for spreadsheets: CSV that opens as data and never as a formula."""

import csv
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from core.words import visible

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_cell(value: Any) -> Any:
    """A cell as a spreadsheet may open it: text that would begin a formula gets an apostrophe, numbers stay numbers.

    >>> safe_cell("=HYPERLINK(1)"), safe_cell("five.png"), safe_cell("-"), safe_cell(-0.5), safe_cell(None)
    ("'=HYPERLINK(1)", 'five.png', '-', -0.5, '')
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    risky = value.startswith(RISKY) and value != "-"  # standard input's name
    shown = visible(value, keep="\t\r\n")
    return f"'{shown}" if risky else shown


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a head line and the rows, every cell safe; the file is opened by the caller with ``newline=""``."""
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([safe_cell(value) for value in row] for row in rows)
