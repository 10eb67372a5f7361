"""A pile of scans: what turning pictures into ink costs, against decoding them, and what a pool of readers adds to it.

    python -m benchmarks.speed.scans [--pictures 400] [--model mnist-5] [--memory 100000] [--write]

All in processor time, of all processes together, so that what else the machine does is not in it: one picture at a
time, in turns with Pillow decoding the same bytes; then piles, read in one process, by pools of one and of two, and
judged. A pool's start is left out: the first quarter of a pile is not timed. With `--memory` only this is measured: how
much all processes together grow while a zip of so many pictures of 28 px is read, judged and written.
"""

import io
import os
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image

from benchmarks.common import Write, begin, yes
from benchmarks.results import table
from benchmarks.speed.batch_speed import largest
from benchmarks.speed.targets import timed, twelve_megapixels
from core import datasets, ink
from core.batch.run import begin as begin_batch
from core.batch.run import run
from core.batch.store import Job, Store
from core.detector import Detector
from core.ink import apart
from core.operating_point import OperatingPoint
from core.readers import pool, sources
from core.readers.items import AS_FOUND, Place

SIDES = (28, 64, 224, 448)
MUST = {64: 6.0, 224: 10.0, 448: 20.0}  # milliseconds of processor time
MUST_SHARE = 0.85  # of linear
MUST_MEMORY = 1_000  # megabytes above the start
PILES = (("zip", "PNG", 64), ("folder", "JPEG", 224))


def main(
    pictures: Annotated[int, typer.Option(help="In a pile; a tenth of it one at a time.")] = 400,
    model: Annotated[str, typer.Option(help="What judges.")] = "mnist-5",
    memory: Annotated[int, typer.Option(help="Pictures in a zip whose memory is measured instead.")] = 0,
    write: Write = False,
) -> None:
    """Time pictures one at a time, then piles of them."""
    report = begin(write)
    if memory:
        report.publish("Memory of a pile", memory_of(memory, Detector.load(model)))
        return
    digits = np.rint(datasets.load("mnist", "test").images[:pictures] * 255).astype(np.uint8)
    report.publish("Scans", one_at_a_time(digits[: max(4, pictures // 10)]))
    report.publish("Piles of scans", piles(digits, Detector.load(model)))


def one_at_a_time(digits: NDArray[np.uint8]) -> str:
    """The table of single pictures."""
    rows = []
    for side in SIDES:
        for kind in ("PNG", "JPEG"):
            rows.append(_row(f"{kind} of {side} px", [scan(digit, side, kind) for digit in digits], MUST.get(side)))
    rows.append(_row("JPEG of 12 megapixels", [twelve_megapixels()] * 4, None))
    return table(["picture", "to ink, ms", "decoding it, ms", "ratio", "must", "kept"], rows)


def piles(digits: NDArray[np.uint8], detector: Detector) -> str:
    """The table of piles."""
    rows = []
    before = largest()
    for holder, kind, side in PILES:
        with TemporaryDirectory() as name:
            folder = Path(name)
            places = sources.places([_pile(folder, holder, [scan(digit, side, kind) for digit in digits], kind)])
            alone, one, two = (_reading(places, workers, len(digits)) for workers in (0, 1, 2))
            judged = _judging(folder / "batch", places, detector, len(digits))
        cells = [f"{1000 * seconds:.1f}" for seconds, _ in (alone, one, two)]
        share, by_clock = alone[0] / two[0], one[1] / (2 * two[1])
        limit = f"at least {MUST_SHARE:g}", yes(share >= MUST_SHARE)
        rows.append(
            [f"{holder} of {kind}, {side} px", *cells, f"{share:.2f}", *limit, f"{by_clock:.2f}", f"{1 / judged:.0f}"]
        )
    columns = [
        "pile",
        "read alone, ms",
        "by one, ms",
        "by two, ms",
        "of linear",
        "must",
        "kept",
        "two of twice one, by the clock",
        "judged a second and core",
    ]
    grown = f"{len(digits)} pictures a pile, {detector.card_.name}; memory above start"
    return f"{grown}: {(largest() - before) / 1e6:.0f} MB.\n\n{table(columns, rows)}"


def memory_of(count: int, detector: Detector) -> str:
    """The table of memory, megabytes that belong to this process and all below it, shared ones counted once."""
    digits = np.rint(datasets.load("mnist", "test").images[:100] * 255).astype(np.uint8)
    blobs = [scan(255 - digit, 28, "PNG") for digit in digits]
    with TemporaryDirectory() as name:
        folder = Path(name)
        places = sources.places([_pile(folder, "zip", [blobs[i % len(blobs)] for i in range(count)], "PNG")])
        store = _store(folder / "batch", detector, count)
        start = most = _held()
        for _ in run(store, places, detector, workers=apart.cores()):
            most = max(most, _held())
    grown = (most - start) / 1e6
    limit = f"at most {MUST_MEMORY:,} MB", yes(grown <= MUST_MEMORY)
    columns = ["pictures", "at the start, MB", "at most, MB", "above the start, MB", "must", "kept"]
    return table(columns, [[f"{count:,}", f"{start / 1e6:,.0f}", f"{most / 1e6:,.0f}", f"{grown:,.0f}", *limit]])


def scan(digit: NDArray[np.uint8], side: int, kind: str) -> bytes:
    """A digit as a scanner would give it: dark on white, so many pixels high."""
    file = io.BytesIO()
    Image.fromarray(255 - digit).resize((side, side), Image.Resampling.BICUBIC).save(file, kind, quality=90)
    return file.getvalue()


def _row(name: str, blobs: list[bytes], must: float | None) -> list[object]:
    """Median over pictures, each read and decoded in turns, of the better of two times."""
    calls: tuple[Callable[[bytes], object], ...] = (ink.read, lambda blob: np.asarray(Image.open(io.BytesIO(blob))))
    ink.read(blobs[0])
    times = [[min(timed(call, blob) for _ in range(2)) for call in calls] for blob in blobs]
    ours, decoding = (1000 * float(value) for value in np.median(times, axis=0))
    limit = ("", "") if must is None else (f"at most {must:g} ms", yes(ours <= must))
    return [name, f"{ours:.1f}", f"{decoding:.2f}", f"{ours / decoding:.1f}", *limit]


def _pile(folder: Path, holder: str, blobs: list[bytes], kind: str) -> Path:
    names = [f"{i:05d}.{kind.lower()}" for i in range(len(blobs))]
    place = folder / ("pile.zip" if holder == "zip" else "pile")
    if holder == "zip":
        with zipfile.ZipFile(place, "w") as archive:
            for name, blob in zip(names, blobs, strict=True):
                archive.writestr(name, blob)
        return place
    place.mkdir()
    for name, blob in zip(names, blobs, strict=True):
        (place / name).write_bytes(blob)
    return place


def _reading(places: list[Place], workers: int, count: int) -> tuple[float, float]:
    """Seconds a picture takes to be read, after the first quarter: all processes' processor time, and the clock's."""
    first, begun = count // 4, np.zeros(2)
    for at, _ in enumerate(pool.read(places, 0, AS_FOUND, workers), 1):
        if at in (first, count):
            now = np.array([sum(_seconds().values()), time.perf_counter()])
            if at == count:
                processor, clock = ((now - begun) / (count - first)).tolist()
                return processor, clock
            begun = now
    raise SystemExit(f"{count} pictures were to be read, and there were fewer.")


def _judging(folder: Path, places: list[Place], detector: Detector, count: int) -> float:
    """Seconds of processor time that a picture takes to be read, judged and written, in one process."""
    store = _store(folder, detector, count)
    return timed(lambda batch: list(run(store, batch, detector)), places) / count


def _store(folder: Path, detector: Detector, count: int) -> Store:
    return begin_batch(folder, Job("pile", OperatingPoint(detector.card_.name), total=count), detector)


def _held() -> int:
    """Bytes of memory of this process and all below it, by the share that is each one's own (Linux)."""
    held = 0
    for number in _seconds():
        with suppress(OSError):
            rollup = Path(f"/proc/{number}/smaps_rollup").read_text()
            held += 1024 * int(rollup.partition("\nPss:")[2].split()[0])
    return held


def _seconds() -> dict[int, float]:
    """Processor time so far of this process and of all below it, by number, where the system tells (Linux)."""
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = file.read_text().rpartition(") ")[2].split()
            number = int(file.parent.name)
            parents[number] = int(fields[1])
            seconds[number] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    below = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in below} - below:
        below |= more
    return {number: seconds[number] for number in below}


if __name__ == "__main__":
    typer.run(main)
