"""Results of benchmarks: a section each in ``results.md``, its tables as CSV in ``tables/``, written by one helper.

A figure that is kept comes from a commit: with changes in the tree, writing is refused before anything is measured.
"""

import csv
import io
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import __main__
from core import paths
from core.files import atomic

BENCHMARKS = Path(__file__).resolve().parent
FILE = BENCHMARKS / "results.md"
TABLES = "tables"  # the folder beside it
LIBRARIES = ("torch", "numpy", "scikit-learn", "streamlit")
# What benchmarks themselves write makes no figure of the next one doubtful.
_WRITTEN = (":(exclude,glob)benchmarks/**/*.csv", ":(exclude,glob)benchmarks/**/*.md")


class Report:
    """Where a benchmark's text goes: to standard output, and into results.md as well where it is to be kept.

    Args:
        write: keep it. Make the report before measuring, so that a refusal costs nothing.

    Raises:
        SystemExit: it is to be kept, and tracked files differ from the commit.
    """

    def __init__(self, write: bool) -> None:
        self._write, self._commit = write, commit()
        if write and self._commit.endswith("+"):
            raise SystemExit(
                "results.md takes no figure of a tree with changes: commit them first, or leave out --write."
            )

    def publish(self, section: str, text: str) -> None:
        """Print a section, below the line that says how it was made, and keep it where asked to."""
        whole = f"{header(self._commit)}\n{text.strip()}\n"
        sys.stdout.write(whole)
        sys.stdout.flush()  # the next section may take minutes, or be stopped
        if self._write:
            put(section, whole)


@dataclass(frozen=True)
class Table:
    """A markdown table.

    Attributes:
        columns: names of the columns.
        rows: cells as they are written, a list a row.
    """

    columns: list[str]
    rows: list[list[str]]

    def csv(self) -> str:
        """The same cells as comma-separated values."""
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([self.columns, *self.rows])
        return buffer.getvalue()


def command() -> str:
    """The command line of this process as one would type it, ``python -m benchmarks.speed.scale --workers 1 2``."""
    module = getattr(__main__.__spec__, "name", None) or sys.argv[0]
    return shlex.join(["python", "-m", module.removesuffix(".__main__"), *sys.argv[1:]])


def header(at_commit: str) -> str:
    """Command, date, commit, machine and versions, as the two lines above a section's tables."""
    versions = [f"Python {platform.python_version()}"] + [f"{name} {installed(name)}" for name in LIBRARIES]
    day = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return f"`{command()}`, {day}, commit {at_commit}\n\n{machine()}; {', '.join(versions)}.\n"


def installed(package: str) -> str:
    """Version of a package, or "not installed"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def machine() -> str:
    """Processor, cores and memory, in words."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.is_file() else []
    model = names[0] if names else platform.processor() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, load at the end {os.getloadavg()[0]:.1f}"


def commit() -> str:
    """Short name of the commit checked out, with "+" when tracked files differ; "unknown" outside a repository."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        return name + ("+" if _git("status", "--porcelain", "--untracked-files=no", "--", ".", *_WRITTEN) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


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
    blocks = re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE)
    result = []
    for block in blocks:
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
    folder = file.with_name(TABLES)
    folder.mkdir(exist_ok=True)
    kept = csv_files(parts)
    for name, content in kept.items():
        (folder / name).write_text(content, encoding="utf-8")
    for other in folder.glob("*.csv"):
        if other.name not in kept:
            other.unlink()


def document(parts: Mapping[str, str]) -> str:
    """A results file: its contents, then every section under its heading."""
    contents = "\n".join(f"- [{name}](#{slug(name)})" for name in parts)
    return "\n\n".join(["# Results", contents, *(f"## {name}\n\n{body}" for name, body in parts.items())]) + "\n"


def csv_files(parts: Mapping[str, str]) -> dict[str, str]:
    """Name and content of the CSV file for every table of a results file; a section's second one ends in ``-2``."""
    return {
        f"{slug(name)}{f'-{number}' if number > 1 else ''}.csv": one.csv()
        for name, body in parts.items()
        for number, one in enumerate(tables(body), 1)
    }


def slug(heading: str) -> str:
    """The anchor a heading gets on a web page.

    >>> slug("One class, test")
    'one-class-test'
    """
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=paths.ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()
