"""Tables of README.md, copied from benchmarks/results.md so that no figure is ever written by hand.

    python -m scripts.quote             copy them anew
    python -m scripts.quote --check     change nothing; exit code 1 where they differ

A quotation stands between two comments. The first says what to quote: the section of results.md, which of its tables
(from 0), and which columns and rows, rows by their first cell; what is left out means the first table, all of it.

    <!-- quote {"section": "speed", "table": 0, "columns": ["what", "ours"], "rows": ["one image, mnist-any"]} -->
    <!-- end of quote -->
"""

import json
import re
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from benchmarks import common
from core import paths
from core.errors import OddDigitError
from core.files.atomic import write_whole

README = paths.ROOT / "README.md"
_QUOTE = re.compile(r"(<!-- quote (?P<asked>\{.*?\}) -->\n).*?(<!-- end of quote -->)", re.DOTALL)


@dataclass(frozen=True)
class Table:
    """A markdown table.

    Attributes:
        columns: names of the columns.
        rows: cells as they are written, a list a row.
    """

    columns: list[str]
    rows: list[list[str]]


def main(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit with 1 where a table differs.")] = False,
) -> None:
    """Copy the quoted tables from benchmarks/results.md into README.md."""
    old = README.read_text(encoding="utf-8")
    try:
        new = requoted(old, common.RESULTS.read_text(encoding="utf-8"))
    except OddDigitError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error
    if new == old:
        sys.stdout.write("README.md says what results.md says.\n")
    elif check:
        sys.stderr.write("README.md differs from results.md: run python -m scripts.quote.\n")
        raise typer.Exit(1)
    else:
        write_whole(README, lambda part: part.write_text(new, encoding="utf-8"))
        sys.stdout.write("README.md is up to date now.\n")


def requoted(text: str, results: str) -> str:
    """A document with every quotation made anew.

    Args:
        text: the document.
        results: the text of results.md.

    Raises:
        OddDigitError: a quotation asks for a section, table, column or row that is not there.
    """
    return _QUOTE.sub(lambda found: f"{found[1]}{quotation(found['asked'], results)}{found[3]}", text)


def quotation(asked: str, results: str) -> str:
    """The table that is asked for, and the command that printed it."""
    try:
        wanted: dict[str, Any] = json.loads(asked)
        section = wanted["section"]
    except (ValueError, LookupError) as error:
        raise OddDigitError(f"quote {asked}: it must be JSON with a section.") from error
    body = _section(section, results)
    every = tables(body)
    number = wanted.get("table", 0)
    if not 0 <= number < len(every):
        raise OddDigitError(f"quote {asked}: section {section!r} has {len(every)} tables, numbered from 0.")
    found = every[number]
    columns = _places(wanted.get("columns", found.columns), found.columns, f"quote {asked}: no column")
    rows = _places(wanted.get("rows"), [row[0] for row in found.rows], f"quote {asked}: no row")
    picked = [[found.rows[row][column] for column in columns] for row in rows]
    command = re.search(r"^`(.+?)`, (\d{4}-\d\d-\d\d)", body, re.MULTILINE)
    printed = f"\n(`{command[1]}`, {command[2]})\n" if command else ""
    return common.table([found.columns[column] for column in columns], picked) + printed


def tables(text: str) -> list[Table]:
    r"""The markdown tables of a text.

    >>> tables("| digit | AUROC |\n|:--|--:|\n| 5 | 0.9951 |\n")
    [Table(columns=['digit', 'AUROC'], rows=[['5', '0.9951']])]
    """
    blocks = re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE)
    cut = [[_cells(line) for line in block.splitlines()] for block in blocks]
    return [Table(lines[0], lines[2:]) for lines in cut]


def _section(name: str, results: str) -> str:
    _, found, rest = results.partition(f"<!-- {name} -->")
    body, end, _ = rest.partition(f"<!-- end of {name} -->")
    if not found or not end:
        known = ", ".join(repr(other) for other in re.findall(r"<!-- end of (.+?) -->", results))
        raise OddDigitError(f"results.md has no section {name!r}; it has {known}.")
    return body


def _places(wanted: list[str] | None, there: list[str], missing: str) -> list[int]:
    for name in wanted or ():
        if name not in there:
            raise OddDigitError(f"{missing} {name!r}; there are {', '.join(map(repr, there))}.")
    return [there.index(name) for name in wanted] if wanted is not None else list(range(len(there)))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


if __name__ == "__main__":
    typer.run(main)
