"""Results of benchmarks as a document: a section each in ``results.md``, its tables as CSV in ``tables/`` beside it."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from core.files import atomic

BENCHMARKS = Path(__file__).resolve().parent
FILE = BENCHMARKS / "results.md"
TABLES = "tables"  # the folder beside it


class Table(NamedTuple):
    """A markdown table: names of its columns, and its cells as they are written, a list a row."""

    columns: list[str]
    rows: list[list[str]]


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A markdown table; every column after the first is aligned right.

    >>> print(table(["digit", "AUROC"], [[5, 0.9951234]]))
    | digit | AUROC |
    |:--|--:|
    | 5 | 0.9951 |
    <BLANKLINE>
    """
    lines = [f"| {' | '.join(columns)} |", "|:--|" + "--:|" * (len(columns) - 1)]
    lines += [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def cell(value: object, digits: int = 4) -> str:
    """A value as it stands in a table."""
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def tables(text: str) -> list[Table]:
    r"""The markdown tables of a text.

    >>> tables("| digit | AUROC |\n|:--|--:|\n| 5 | 0.9951 |\n")
    [Table(columns=['digit', 'AUROC'], rows=[['5', '0.9951']])]
    """
    result = []
    for block in re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE):
        columns, _, *rows = [[word.strip() for word in line.strip()[1:-1].split("|")] for line in block.splitlines()]
        result.append(Table(columns, rows))
    return result


def sections(text: str) -> dict[str, str]:
    """What stands under each heading of a results file, by the heading."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def put(section: str, text: str, file: Path = FILE) -> None:
    """Put a section under its heading, in place of what stood there or at the end; contents and CSV follow."""
    parts = sections(file.read_text(encoding="utf-8")) if file.exists() else {}
    parts[section] = text.strip()
    whole = document(parts)
    atomic.write_whole(file, lambda part: part.write_text(whole, encoding="utf-8"))
    folder, kept = file.with_name(TABLES), csv_files(parts)
    folder.mkdir(exist_ok=True)
    for name, content in kept.items():
        (folder / name).write_text(content, encoding="utf-8")
    for other in {*folder.glob("*.csv")} - {folder / name for name in kept}:
        other.unlink()


def document(parts: Mapping[str, str]) -> str:
    """A results file: its contents, then every section under its heading."""
    contents = "\n".join(f"- [{name}](#{slug(name)})" for name in parts)
    return "\n\n".join(["# Results", contents, *(f"## {name}\n\n{body}" for name, body in parts.items())]) + "\n"


def csv_files(parts: Mapping[str, str]) -> dict[str, str]:
    """Name and content of the CSV file for every table of a results file; a section's second one ends in ``-2``."""
    files = {}
    for name, body in parts.items():
        for number, one in enumerate(tables(body), 1):
            buffer = io.StringIO()
            csv.writer(buffer, lineterminator="\n").writerows([one.columns, *one.rows])
            files[f"{slug(name)}{f'-{number}' if number > 1 else ''}.csv"] = buffer.getvalue()
    return files


def slug(heading: str) -> str:
    """The anchor a heading gets on a web page.

    >>> slug("One class, test")
    'one-class-test'
    """
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
