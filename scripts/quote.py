"""Tables in documents, copied from benchmarks/results.md so that no figure is ever written by hand.

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
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from benchmarks import results
from core import paths
from core.errors import OddDigitError
from core.files.atomic import write_whole

DOCUMENTS = ("README.md", "benchmarks/speed/scale.md")
_QUOTE = re.compile(r"(<!-- quote (?P<asked>\{.*?\}) -->\n).*?(<!-- end of quote -->)", re.DOTALL)


def main(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit with 1 where a table differs.")] = False,
) -> None:
    """Copy the quoted tables from benchmarks/results.md into the documents."""
    measured = results.FILE.read_text(encoding="utf-8")
    for name in DOCUMENTS:
        file = paths.ROOT / name
        old = file.read_text(encoding="utf-8")
        try:
            new = requoted(old, measured)
        except OddDigitError as error:
            raise SystemExit(f"{name}: {error}") from error
        if new == old:
            sys.stdout.write(f"{name} says what results.md says.\n")
        elif check:
            raise SystemExit(f"{name} differs from results.md: run python -m scripts.quote.")
        else:
            write_whole(file, lambda part, new=new: part.write_text(new, encoding="utf-8"))  # type: ignore[misc]
            sys.stdout.write(f"{name} is up to date now.\n")


def requoted(text: str, measured: str) -> str:
    """A document with every quotation made anew.

    Args:
        text: the document.
        measured: the text of results.md.

    Raises:
        OddDigitError: a quotation asks for a section, table, column or row that is not there.
    """
    sections = results.sections(measured)
    return _QUOTE.sub(lambda match: f"{match[1]}{quotation(match['asked'], sections)}{match[3]}", text)


def quotation(asked: str, sections: Mapping[str, str]) -> str:
    """The table that is asked for, and the command that printed it."""
    try:
        wanted: dict[str, Any] = json.loads(asked)
        section = wanted["section"]
    except (ValueError, LookupError) as error:
        raise OddDigitError(f"quote {asked}: it must be JSON with a section.") from error
    if section not in sections:
        known = ", ".join(map(repr, sections))
        raise OddDigitError(f"results.md has no section {section!r}; it has {known}.")
    tables, number = results.tables(sections[section]), wanted.get("table", 0)
    if not 0 <= number < len(tables):
        raise OddDigitError(f"quote {asked}: section {section!r} has {len(tables)} tables, numbered from 0.")
    table = tables[number]
    columns = _places(wanted.get("columns"), table.columns, f"quote {asked}: no column")
    rows = _places(wanted.get("rows"), [row[0] for row in table.rows], f"quote {asked}: no row")
    picked = [[table.rows[row][column] for column in columns] for row in rows]
    command = re.search(r"^`(.+?)`, (\d{4}-\d\d-\d\d)", sections[section], re.MULTILINE)
    printed = f"\n(`{command[1]}`, {command[2]})\n" if command else ""
    return results.table([table.columns[column] for column in columns], picked) + printed


def _places(wanted: list[str] | None, there: list[str], missing: str) -> list[int]:
    for name in wanted or ():
        if name not in there:
            raise OddDigitError(f"{missing} {name!r}; there are {', '.join(map(repr, there))}.")
    return [there.index(name) for name in wanted] if wanted is not None else list(range(len(there)))


if __name__ == "__main__":
    typer.run(main)
