"""Harness: runs a benchmark from the command line, and keeps the sections that it yields in results.md where asked to.

A benchmark's ``main`` takes its own options and yields sections, a heading and its paragraphs each. :func:`run` adds
``--write``, which is refused on a tree with changes before anything is measured, and holds the process to one thread.
"""

import csv
import inspect
import os
import platform
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import __main__
from benchmarks.results import BENCHMARKS, cell, put, table
from core import paths

ALL_DIGITS = "0,1,2,3,4,5,6,7,8,9"
Digits = Annotated[str, typer.Option(help="Which digits are normal, one after the other, such as 5 or 0,1.")]
Seeds = Annotated[str, typer.Option(help="Seeds of training, such as 0,1,2.")]
Quick = Annotated[bool, typer.Option("--quick", help="A smoke run: few of everything.")]
Write = Annotated[bool, typer.Option("--write", help="Put the tables into benchmarks/results.md.")]
Sections = Iterator[tuple[str, ...]]  # a heading, then paragraphs and tables in markdown

TEST_LOG = BENCHMARKS / "test_log.md"
LIBRARIES = ("torch", "numpy", "scikit-learn", "streamlit")
# What benchmarks themselves write makes no figure of the next one doubtful.
_WRITTEN = (":(exclude,glob)benchmarks/**/*.csv", ":(exclude,glob)benchmarks/**/*.md")


def run(main: Callable[..., Iterable[tuple[str, ...]]], threads: int | None = 1) -> None:
    """Run a benchmark from the command line.

    Args:
        main: its options in, sections out; each is printed and kept as soon as it is yielded.
        threads: None leaves as many as there are, for what is measured in processes of its own.
    """
    typer.run(command(main, threads))


def command(main: Callable[..., Iterable[tuple[str, ...]]], threads: int | None = 1) -> Callable[..., None]:
    """What ``run`` runs: the benchmark with ``--write`` among its options."""

    def measure(write: bool = False, **options: object) -> None:
        at_commit = commit()
        if write and at_commit.endswith("+"):
            raise SystemExit("results.md takes no figure of a tree with changes: commit them, or leave out --write.")
        if threads == 1:
            one_thread()
        for section, *parts in main(**options):
            text = "\n\n".join([header(at_commit), *(part.strip() for part in parts)]) + "\n"
            sys.stdout.write(text)
            sys.stdout.flush()  # the next section may take minutes, or be stopped
            if write:
                put(section, text)

    asked = inspect.signature(main)
    keep = inspect.Parameter("write", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Write)
    measure.__signature__ = asked.replace(parameters=[*asked.parameters.values(), keep])  # type: ignore[attr-defined]
    measure.__annotations__ = {name: given.annotation for name, given in asked.parameters.items()} | {"write": Write}
    measure.__doc__ = main.__doc__
    return measure


def one_thread() -> None:
    """Hold this process, and every one started from here, to one thread."""
    import torch
    from threadpoolctl import threadpool_limits

    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    threadpool_limits(1)
    torch.set_num_threads(1)


def header(at_commit: str) -> str:
    """Command, date, commit, machine and versions, as the two lines above a section's tables."""
    module = getattr(__main__.__spec__, "name", None) or sys.argv[0]
    typed = shlex.join(["python", "-m", module, *sys.argv[1:]])
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.is_file() else []
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{(names or [platform.machine()])[0]}, {os.cpu_count()} cores, {memory:.0f} GiB"
    versions = ", ".join(f"{name} {installed(name)}" for name in LIBRARIES)
    return (
        f"`{typed}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {at_commit}\n\n"
        f"{machine}, load at the end {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, {versions}."
    )


def installed(package: str) -> str:
    """Version of a package, or "not installed"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """Short name of the commit checked out, with "+" when tracked files differ; "unknown" outside a repository."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=paths.ROOT, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", *_WRITTEN)
        return git("rev-parse", "--short", "HEAD") + "+" * bool(changed)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def look(file: Path = TEST_LOG) -> None:
    """Note that the test images are looked at: variants are chosen without them."""
    at, _, _ = header(commit()).partition("\n")
    typed, day, made = at.rsplit(", ", 2)
    with file.open("a") as out:
        out.write(f"| {day.removesuffix(' UTC')} | {made.removeprefix('commit ')} | {typed} |\n")


def say(text: str) -> None:
    """Progress, on standard error, so that standard output is the tables alone."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def auroc(normal: np.ndarray, odd: np.ndarray) -> float:
    """Area under the ROC curve of raw scores ``(n,)`` and ``(m,)``, anomalies above."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.r_[np.zeros(len(normal)), np.ones(len(odd))], np.r_[normal, odd]))


def busy(call: Callable[..., object], *given: object) -> float:
    """Seconds of processor time that a call takes: what else the machine does at the moment does not count."""
    started = time.process_time()
    call(*given)
    return time.process_time() - started


def percent(share: float, digits: int = 1) -> str:
    """A share as it stands in a table."""
    return f"{100 * share:.{digits}f} %"


def at_most(bound: float, value: float, unit: str = "") -> list[str]:
    """The two cells of what must be, and whether it is."""
    return [f"at most {bound:,g}{unit}", yes(value <= bound)]


def at_least(bound: float, value: float) -> list[str]:
    """Likewise, where more is better."""
    return [f"at least {bound:g}", yes(value >= bound)]


def yes(kept: bool) -> str:
    """Whether a promise was kept, in a word."""
    return "yes" if kept else "no"


def faults_of(
    section: str, columns: Sequence[str], counts: Mapping[str, Sequence[int]], faults: Mapping[str, list[str]]
) -> Sections:
    """What a search for faults came to: a row of counts a kind, their sums, and what was found, in words.

    Raises:
        typer.Exit: with 1 where there is a fault.
    """
    every = {kind: [*numbers, len(faults[kind])] for kind, numbers in counts.items()}
    every["all"] = [sum(numbers) for numbers in zip(*every.values(), strict=True)]
    words = [fault[:300] for kind in faults for fault in faults[kind]]
    rows = table([*columns, "faults"], [[kind, *numbers] for kind, numbers in every.items()])
    yield section, rows, f"Faults: {'; '.join(words[:20])}" if words else "No fault."
    if words:
        raise typer.Exit(1)


def rows_of(name: str, columns: Sequence[str], key: Sequence[str]) -> "Rows":
    """The rows of a benchmark that goes on where it was, such as ``generator/fresh``.

    They lie in the repository where they come from a commit; those of a tree with changes lie in the state folder.
    """
    folder = paths.state_dir() / "benchmarks" if commit().endswith("+") else BENCHMARKS
    return Rows(folder / f"{name}.csv", columns, key)


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
        text = self.file.read_text() if self.file.exists() else ""
        rows = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
        return list({tuple(row[name] for name in self.key): row for row in rows}.values())

    def find(self, **key: object) -> dict[str, str] | None:
        """The row with these values in its key columns, or None where it has not been measured."""
        wanted = {name: str(value) for name, value in key.items()}
        return next((row for row in self.read() if wanted.items() <= row.items()), None)

    def append(self, row: Mapping[str, object]) -> None:
        """Write one row to the end, in place of one that was cut short."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a+", newline="") as out:
            out.seek(0)
            whole = out.read().rpartition("\n")[0]
            out.truncate(len(f"{whole}\n".encode()) if whole else 0)
            writer = csv.DictWriter(out, self.columns, lineterminator="\n")
            if not whole:
                writer.writeheader()
            writer.writerow({name: cell(row[name], digits=6) for name in self.columns})
