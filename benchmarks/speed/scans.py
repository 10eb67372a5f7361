"""A pile of scans: what turning pictures into ink costs, against decoding them, and what a pool of readers adds to it.

    python -m benchmarks.speed.scans [--pictures 400] [--memory 100000] [--write]

All in processor time, of all processes together, so that what else the machine does is not in it: one picture at a
time, in turns with Pillow decoding the same bytes; then piles, read in one process, by pools of one and of two, and
judged. A pool's start is left out: the first quarter of a pile is not timed. With `--memory` only this is measured: how
much all processes together grow while a zip of so many pictures of 28 px is read, judged and written.
"""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.harness import Sections, at_least, at_most, busy, run
from benchmarks.results import table
from benchmarks.samples import decoded, scan, twelve_megapixels, zipped
from benchmarks.speed.batch_speed import largest
from core import datasets, ink
from core.batch import run as batch
from core.batch.store import Job, Store
from core.detector import Detector
from core.ink import apart
from core.operating_point import OperatingPoint
from core.readers import pool, sources
from core.readers.items import AS_FOUND, Place

MODEL = "mnist-5"
SIDES = (28, 64, 224, 448)
MUST = {64: 6.0, 224: 10.0, 448: 20.0}  # milliseconds of processor time
MUST_SHARE = 0.85  # of linear
MUST_MEMORY = 1_000  # megabytes above the start
PILES = (("zip", "PNG", 64), ("folder", "JPEG", 224))


def main(
    pictures: Annotated[int, typer.Option(help="In a pile; a tenth of it one at a time.")] = 400,
    memory: Annotated[int, typer.Option(help="Pictures in a zip whose memory is measured instead.")] = 0,
) -> Sections:
    """Time pictures one at a time, then piles of them."""
    detector = Detector.load(MODEL)
    if memory:
        yield "Memory of a pile", memory_of(memory, detector)
        return
    digits = np.rint(datasets.load("mnist", "test").images[:pictures] * 255).astype(np.uint8)
    few = digits[: max(4, pictures // 10)]
    rows = [
        row(f"{kind} of {side} px", [scan(digit, side, kind) for digit in few], MUST.get(side))
        for side in SIDES
        for kind in ("PNG", "JPEG")
    ]
    rows.append(row("JPEG of 12 megapixels", [twelve_megapixels()] * 4))
    yield "Scans", table(["picture", "to ink, ms", "decoding it, ms", "ratio", "must", "kept"], rows)
    yield "Piles of scans", *piles(digits, detector)


def row(name: str, blobs: list[bytes], must: float | None = None) -> list[str]:
    """Median over pictures, each read and decoded in turns, of the better of two times."""
    ink.read(blobs[0])
    times = [[min(busy(call, blob) for _ in range(2)) for call in (ink.read, decoded)] for blob in blobs]
    ours, decoding = (1000 * float(value) for value in np.median(times, axis=0))
    limit = ["", ""] if must is None else at_most(must, ours, " ms")
    return [name, f"{ours:.1f}", f"{decoding:.2f}", f"{ours / decoding:.1f}", *limit]


def piles(digits: NDArray[np.uint8], detector: Detector) -> tuple[str, str]:
    """Piles read alone and by pools of readers, and judged."""
    rows = []
    before = largest()
    for holder, kind, side in PILES:
        with TemporaryDirectory() as name:
            folder = Path(name)
            places = sources.places([_pile(folder, holder, [scan(digit, side, kind) for digit in digits], kind)])
            alone, one, two = (_reading(places, workers, len(digits)) for workers in (0, 1, 2))
            store = _store(folder / "batch", detector, len(digits))
            judged = busy(lambda all_of=places, to=store: list(batch.run(to, all_of, detector))) / len(digits)
        cells = [f"{1000 * seconds:.1f}" for seconds in (alone, one, two)]
        limit = at_least(MUST_SHARE, alone / two)
        rows.append([f"{holder} of {kind}, {side} px", *cells, f"{alone / two:.2f}", *limit, f"{1 / judged:.0f}"])
    columns = ["pile", "read alone, ms", "by one, ms", "by two, ms", "of linear", "must", "kept"]
    columns += ["judged a second and core"]
    grown = f"{(largest() - before) / 1e6:.0f} MB"
    return f"{len(digits)} pictures a pile, {MODEL}; memory above start: {grown}.", table(columns, rows)


def memory_of(count: int, detector: Detector) -> str:
    """Memory of a pile, megabytes that belong to this process and all below it, shared ones counted once."""
    digits = np.rint(datasets.load("mnist", "test").images[:100] * 255).astype(np.uint8)
    blobs = [scan(255 - digit, 28, "PNG") for digit in digits]
    with TemporaryDirectory() as name:
        folder = Path(name)
        places = sources.places([_pile(folder, "zip", [blobs[i % len(blobs)] for i in range(count)], "PNG")])
        store = _store(folder / "batch", detector, count)
        start = most = _held()
        for _ in batch.run(store, places, detector, workers=apart.cores()):
            most = max(most, _held())
    grown = (most - start) / 1e6
    columns = ["pictures", "at the start, MB", "at most, MB", "above the start, MB", "must", "kept"]
    sizes = [f"{value:,.0f}" for value in (count, start / 1e6, most / 1e6, grown)]
    return table(columns, [[*sizes, *at_most(MUST_MEMORY, grown, " MB")]])


def _pile(folder: Path, holder: str, blobs: list[bytes], kind: str) -> Path:
    files = {f"{i:05d}.{kind.lower()}": blob for i, blob in enumerate(blobs)}
    if holder == "zip":
        (folder / "pile.zip").write_bytes(zipped(files))
        return folder / "pile.zip"
    (folder / "pile").mkdir()
    for name, blob in files.items():
        (folder / "pile" / name).write_bytes(blob)
    return folder / "pile"


def _reading(places: list[Place], workers: int, count: int) -> float:
    """Seconds of all processes' processor time that a picture takes to be read, after the first quarter."""
    first, begun = count // 4, 0.0
    for at, _ in enumerate(pool.read(places, 0, AS_FOUND, workers), 1):
        if at == first:
            begun = sum(_seconds().values())
        elif at == count:
            return (sum(_seconds().values()) - begun) / (count - first)
    raise SystemExit(f"{count} pictures were to be read, and there were fewer.")


def _store(folder: Path, detector: Detector, count: int) -> Store:
    return batch.begin(folder, Job("pile", OperatingPoint(MODEL), total=count), detector)


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
    parents, seconds = dict[int, int](), dict[int, float]()
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
    run(main)
