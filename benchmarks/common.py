"""What benchmarks share: their options, one thread, a few figures, and rows that survive an interruption."""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.results import BENCHMARKS, Report, cell, commit, table
from core import paths
from core.files.atomic import write_whole

ALL_DIGITS = "0,1,2,3,4,5,6,7,8,9"
Digits = Annotated[str, typer.Option(help="Which digits are normal, one after the other, such as 5 or 0,1.")]
Quick = Annotated[bool, typer.Option("--quick", help="A smoke run: few of everything.")]
Write = Annotated[bool, typer.Option("--write", help="Put the tables into benchmarks/results.md.")]


def begin(write: bool) -> Report:
    """Hold the process to one thread and begin a report; see there."""
    report = Report(write)
    one_thread()
    return report


def one_thread() -> None:
    """Hold this process, and every one started from here, to one thread."""
    import torch
    from threadpoolctl import threadpool_limits

    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    threadpool_limits(1)
    torch.set_num_threads(1)


def auroc(normal: np.ndarray, odd: np.ndarray) -> float:
    """Area under the ROC curve of raw scores ``(n,)`` and ``(m,)``, anomalies above."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.r_[np.zeros(len(normal)), np.ones(len(odd))], np.r_[normal, odd]))


def yes(kept: bool) -> str:
    """Whether a promise was kept, in a word."""
    return "yes" if kept else "no"


def report_faults(
    report: Report, section: str, columns: list[str], counts: Mapping[str, list[int]], faults: Mapping[str, list[str]]
) -> None:
    """Publish what a search for faults came to: a row of counts a kind, their sums, and what was found, in words.

    Raises:
        typer.Exit: with 1 where there is a fault.
    """
    every = {kind: [*numbers, len(faults[kind])] for kind, numbers in counts.items()}
    every["all"] = [sum(numbers) for numbers in zip(*every.values(), strict=True)]
    words = [fault[:300] for kind in faults for fault in faults[kind]]
    text = table([*columns, "faults"], [[kind, *numbers] for kind, numbers in every.items()])
    report.publish(section, f"{text}\n" + (f"Faults: {'; '.join(words[:20])}" if words else "No fault."))
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
            writer.writerow({name: cell(row[name], digits=6) for name in self.columns})
            out.flush()
            os.fsync(out.fileno())
