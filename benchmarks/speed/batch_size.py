"""A hundred thousand digits with one command: how much memory it takes, and whether a killed run loses anything.

    python -m benchmarks.speed.batch_size [--model mnist-5] [--images 100000] [--no-history] [--write]

Makes a pile of MNIST's training digits, repeated with one pixel changed so that no two are the same, as an IDX file
with labels beside it; runs `python -m core batch` on it, kills it with SIGKILL when a third is judged, and starts the
same command again. Watches the memory of both processes from outside (what the first holds with its model loaded and
nothing of the pile read is the start), and compares the table with one that a pile of the first rows gives in one go.
Prints a Markdown table, which `--write` puts into benchmarks/results.md.
"""

import argparse
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.results import Report, table
from core import datasets, paths
from core.history import Filter, History

CHECKED = 2_000  # rows that a run of their own must give alike
PILE, LABELS = "pile-images-idx3-ubyte", "pile-labels-idx1-ubyte"
MUST = 1e9  # bytes above start
COMPARED = ("source", "label", "verdict", "p_value", "score", "error")


@dataclass(frozen=True)
class Run:
    """One process: bytes held at its start and at most, seconds, how it ended, what it said on standard error."""

    start: int
    largest: int
    seconds: float
    code: int
    said: str


def main() -> None:
    """Make the pile, kill the first run, let the second finish, and look at what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mnist-5")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--no-history", action="store_true", help="do not record the verdicts")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/results.md")
    options = parser.parse_args()
    report = Report(options.write)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pile(folder, options.images)
        command = [sys.executable, "-m", "core", "batch", "--model", options.model]
        command += ["--no-history"] * options.no_history
        whole = [*command, str(folder / PILE), "--output", str(folder / "found.csv")]
        killed = watch(whole, folder / "state", kill_after=options.images // 3)
        parts = len(list((folder / "state").glob("batches/*/part-*.parquet")))
        resumed = watch(whole, folder / "state")
        some = [*command, str(folder / "some" / PILE), "--output", str(folder / "some.csv")]
        watch(some, folder / "state-of-some")
        kept = [] if options.no_history else history(folder / "state" / "history.sqlite", options.images)
        lines, alike = check(folder / "found.csv", folder / "some.csv")
    above = max(killed.largest - killed.start, resumed.largest - killed.start)
    complete = [int(line["number"]) for line in lines] == list(range(1, options.images + 1))
    in_order = [line["source"].rsplit("#")[-1] for line in lines] == [str(i + 1) for i in range(options.images)]
    going_on = next((line.strip() for line in resumed.said.splitlines() if "Going on after" in line), "no word of it")
    rows = [
        ["rows in the table", f"{len(lines):,}", f"{options.images:,}", say(len(lines) == options.images)],
        ["every digit once, in the pile's order", say(complete and in_order), "yes", say(complete and in_order)],
        [f"first {min(CHECKED, options.images):,} rows as in a run of their own", say(alike), "yes", say(alike)],
        ["memory above start, killed run", size(killed.largest - killed.start), size(MUST), ""],
        ["memory above start, second run to the table", size(resumed.largest - killed.start), size(MUST), ""],
        ["memory above start", size(above), f"at most {size(MUST)}", say(above <= MUST)],
        ["the process in all", size(max(killed.largest, resumed.largest)), "", ""],
        ["killed after", f"{killed.seconds:,.0f} s, {parts:,} parts", "", ""],
        ["second run", f"{resumed.seconds:,.0f} s, exit {resumed.code}", "exit 0", say(resumed.code == 0)],
        *kept,
    ]
    title = f"{options.model}, {options.images:,} images in an IDX file. The second run said: {going_on}"
    report.publish("Batch size", f"{title}\n\n{table(['what', 'found', 'must', 'kept'], rows)}")


def write_pile(folder: Path, images: int) -> None:
    """The pile, and its first rows once more as a pile of their own, some thousand images in memory at a time."""
    train = datasets.load("mnist", "train")
    labels = np.asarray(train.labels).astype(np.uint8)
    (folder / "some").mkdir()
    for place, count in ((folder, images), (folder / "some", min(CHECKED, images))):
        (place / LABELS).write_bytes(b"\0\0\x08\x01" + count.to_bytes(4, "big") + np.resize(labels, count).tobytes())
        with (place / PILE).open("wb") as file:
            file.write(b"\0\0\x08\x03" + b"".join(side.to_bytes(4, "big") for side in (count, 28, 28)))
            for at in range(0, count, 1000):
                wanted = np.arange(at, min(at + 1000, count))
                pixels = np.rint(train.images[wanted % len(labels)] * 255).astype(np.uint8)
                # The n-th time around, the brightest pixel of a digit is n steps darker.
                brightest = pixels.reshape(len(wanted), -1).argmax(axis=1)
                pixels.reshape(len(wanted), -1)[np.arange(len(wanted)), brightest] -= (wanted // len(labels)).astype(
                    "u1"
                )
                file.write(pixels.tobytes())


def watch(command: list[str], state: Path, kill_after: int = 0) -> Run:
    """Run a command and look at its memory ten times a second.

    Args:
        command: what to run.
        state: its state folder.
        kill_after: rows in the state folder's batch after which it is killed; 0 lets it end.
    """
    environment = os.environ | {"ODD_DIGIT_STATE": str(state), "OMP_NUM_THREADS": "1"}
    start = largest = 0
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, cwd=paths.ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=said, text=True
        )
        while process.poll() is None:
            now = resident(process.pid)
            # The batch's folder is made when the model is loaded and nothing of the pile has been read.
            if not start and list(state.glob("batches/*/job.json")):
                start = now
            largest = max(largest, now)
            if kill_after and _rows(state) >= kill_after:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.1)
        said.seek(0)
        words = said.read()
    return Run(start, largest, time.perf_counter() - began, process.returncode, words)


def check(whole: Path, some: Path) -> tuple[list[dict[str, str]], bool]:
    """The table's lines, and whether the first of them are those of the small table."""
    with whole.open(newline="", encoding="utf-8") as file:
        lines = [{name: row[name] for name in ("number", *COMPARED)} for row in csv.DictReader(file)]
    with some.open(newline="", encoding="utf-8") as file:
        few = [{name: row[name] for name in ("number", *COMPARED)} for row in csv.DictReader(file)]
    for line in (*lines, *few):
        line["source"] = Path(line["source"]).name
    return lines, lines[: len(few)] == few


def history(path: Path, images: int) -> list[list[str]]:
    """Rows of the table for the history that the pile has left: whether all is there, and how long a look takes."""
    record = History(path)
    kept = record.count().judged
    anomalies = Filter(class_id=1)
    looks: dict[str, Callable[[], object]] = {
        "count": record.count,
        "a page, the newest first": lambda: record.browse(limit=20),
        "a page of anomalies from the middle": lambda: record.browse(anomalies, limit=20, offset=images // 100),
        "rate by day": record.anomalies_over_time,
        "names of models and sources": lambda: (record.models(), record.source_kinds()),
    }
    rows = [["verdicts in the history", f"{kept:,}", f"{images:,}", say(kept == images)]]
    for words, look in looks.items():
        began = time.perf_counter()
        look()
        rows.append([f"history: {words}", f"{1000 * (time.perf_counter() - began):,.0f} ms", "", ""])
    return rows


def resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 where it has just ended."""
    try:
        parts = Path(f"/proc/{pid}/status").read_text().split("VmRSS:")
    except OSError:
        return 0
    return int(parts[1].split()[0]) * 1024 if len(parts) > 1 else 0


def size(count: float) -> str:
    """Bytes in words."""
    return f"{count / 1e6:,.0f} MB"


def say(kept: bool) -> str:
    """Yes or no."""
    return "yes" if kept else "no"


def _rows(state: Path) -> int:
    """Rows in all finished parts but the last, read off their names."""
    return max((int(path.name.split("-")[1][:12]) for path in state.glob("batches/*/part-*.parquet")), default=0)


if __name__ == "__main__":
    main()
