"""What every benchmark shares: the machine it ran on, markdown tables, and rows that survive an interruption."""

import csv
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core import paths
from core.files.atomic import write_whole

BENCHMARKS = Path(__file__).resolve().parent
RESULTS = BENCHMARKS / "results.md"


def one_thread() -> None:
    """Hold this process, and every one started from here, to one thread."""
    import torch
    from threadpoolctl import threadpool_limits

    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    threadpool_limits(1)
    torch.set_num_threads(1)


def header(command: str) -> str:
    """Command, date, commit, machine and versions, as the two lines above a table of results."""
    libraries = ("torch", "numpy", "scikit-learn", "streamlit")
    found = [f"Python {platform.python_version()}"] + [f"{name} {installed(name)}" for name in libraries]
    day = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return f"`{command}`, {day}, commit {commit()}\n\n{machine()}; {', '.join(found)}.\n"


def installed(package: str) -> str:
    """Version of a package, or "not installed"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def machine() -> str:
    """Processor, cores and memory, in words."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    busy = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, load at the end {busy:.1f}"


def commit() -> str:
    """Short name of the commit checked out, with "+" when files differ from it; "unknown" outside a repository."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        return name + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
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
    lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def write_section(name: str, text: str, file: Path = RESULTS) -> None:
    """Put a benchmark's text into the results file between its own markers, replacing what it said before."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    old = file.read_text() if file.exists() else "# Results\n"
    section = f"{start}\n{text.strip()}\n{end}"
    if start in old and end in old:
        before, _, rest = old.partition(start)
        new = before + section + rest.partition(end)[2]
    else:
        new = f"{old.rstrip()}\n\n{section}\n"
    write_whole(file, lambda part: part.write_text(new))


class Rows:
    """Rows in a CSV file, each written as soon as it is measured, so that an interrupted run goes on.

    Args:
        file: the CSV; it is made with the first row.
        columns: all columns.
        key: those columns that say what a row measures; measuring it again replaces it.
    """

    def __init__(self, file: Path, columns: Sequence[str], key: Sequence[str]) -> None:
        self.file, self.columns, self.key = file, tuple(columns), tuple(key)

    def read(self) -> list[dict[str, str]]:
        """All whole rows, the last of equal keys; a row that a crash cut short is left out."""
        if not self.file.exists():
            return []
        text = self.file.read_text()
        whole = text[: text.rfind("\n") + 1]
        kept: dict[tuple[str, ...], dict[str, str]] = {}
        for row in csv.DictReader(whole.splitlines()):
            if set(self.columns) <= set(row) and None not in row.values():
                kept[tuple(row[name] for name in self.key)] = row
        return list(kept.values())

    def find(self, **key: object) -> dict[str, str] | None:
        """The row with these values in its key columns, or None where it has not been measured."""
        wanted = {name: str(value) for name, value in key.items()}
        return next((row for row in self.read() if wanted.items() <= row.items()), None)

    def append(self, row: Mapping[str, object]) -> None:
        """Write one row to the end, and onto the disk."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        old = self.file.read_text() if self.file.exists() else ""
        if not old.endswith("\n") and old:
            write_whole(self.file, lambda part: part.write_text(old[: old.rfind("\n") + 1]))
            old = self.file.read_text()
        with self.file.open("a", newline="") as out:
            writer = csv.DictWriter(out, self.columns, lineterminator="\n")
            if not old:
                writer.writeheader()
            writer.writerow({name: _cell(row[name], digits=6) for name in self.columns})
            out.flush()
            os.fsync(out.fileno())


def _cell(value: object, digits: int = 4) -> str:
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=paths.ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()
