"""What benchmarks share: one thread, and rows that survive an interruption."""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.results import BENCHMARKS, cell, commit
from core import paths
from core.files.atomic import write_whole


def one_thread() -> None:
    """Hold this process, and every one started from here, to one thread."""
    import torch
    from threadpoolctl import threadpool_limits

    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    threadpool_limits(1)
    torch.set_num_threads(1)


def rows_of(name: str, columns: Sequence[str], key: Sequence[str], quick: bool) -> "Rows":
    """The rows of a benchmark that goes on where it was, such as ``detection/ablation``.

    They lie in the repository where they come from a commit; those of a tree with changes, and a smoke run's, which
    begins anew, lie in the state folder.
    """
    outside = paths.state_dir() / "benchmarks" / f"{'quick/' * quick}{name}.csv"
    if quick:
        outside.unlink(missing_ok=True)
    return Rows(outside if quick or commit().endswith("+") else BENCHMARKS / f"{name}.csv", columns, key)


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
