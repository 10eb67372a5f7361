"""The same scoring on Ray Data: actors judge units of the batch anywhere, one a core, and write their rows as Parquet.

A unit's file appears whole or not at all, under a name that the unit alone has. An actor that dies costs the time of
its unit and nothing else: Ray gives the unit to another, and nothing can be lost or doubled.
"""

import json
import logging
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import fs

from core import paths
from core.batch.findings import Rule
from core.batch.notes import Note, left_out, of_rows
from core.batch.orientation import LOOK, Image, say_better
from core.batch.ray_partitions import Unit, is_address, items, places, units
from core.batch.run import Progress, begin, key
from core.batch.score import SCHEMA, judge
from core.batch.store import HOW_WRITTEN, Job, Store, batches_dir
from core.calibration.discoveries import discoveries
from core.detector import Detector, registry
from core.detector.file import read_measured
from core.errors import BatchError
from core.files.atomic import write_whole
from core.ink import storage
from core.readers import pool, sources
from core.readers.items import Manner, Place

_NOTES = b"odd-digit.notes"
_FILE = re.compile(r"unit-(\d{9})\.parquet")


def run(
    inputs: Sequence[str], rule: Rule, manner: Manner, workers: int | None, apart: Path | None = None
) -> Iterator[Progress | Store]:
    """Judge a batch with Ray and put the rows in order into a store like any other batch's.

    Interrupted, the same call judges only the units that are missing.

    Args:
        inputs: paths, or addresses such as ``s3://bucket/folder``.
        rule: what decides.
        manner: how pictures are read.
        workers: actors, one core each; None takes every core there is.
        apart: where results will be written, which is none of the inputs.

    Yields:
        progress after every unit, and at last the store.

    Raises:
        BatchError: Ray is not installed, or an input cannot be read.
    """
    left: list[Path] = []
    batch = [place for name in inputs for place in places(name, apart, left.append)]
    detector = Detector.load(rule.point.model)
    folder = batches_dir() / f"ray-{key(batch, detector.fingerprint, rule.point.evidence, manner)}"
    cut = units(batch)
    yield from score(cut, rule, manner, workers, str(folder / "rows"))
    store = _gather(folder, cut, detector, rule, manner, ", ".join(inputs)[:200])
    if said := left_out(left):
        store.note(said)
    for note in remarks(str(folder / "rows"), detector):
        store.note(note)
    yield store


def score(cut: Sequence[Unit], rule: Rule, manner: Manner, workers: int | None, rows: str) -> Iterator[Progress]:
    """Judge units into Parquet files in the columns of ``SCHEMA``, one file a unit; those that are there are left.

    ``RAY_ADDRESS`` names a cluster; without it Ray starts on this machine.

    Args:
        cut: units, as ``ray_partitions.units`` makes them.
        rule: model and evidence; rows hold no verdict.
        manner: how pictures are read.
        workers: actors; None takes every core there is.
        rows: folder that every worker reaches, or address.

    Yields:
        progress after every unit.

    Raises:
        BatchError: Ray is not installed, or gave up on a unit.
    """
    ray = _ray()
    there = written(rows)
    missing = [unit for unit in cut if unit.order not in there]
    done, judged, refused, began = len(cut) - len(missing), 0, 0, time.monotonic()
    if not missing:
        return
    started_here = _start(ray, workers)
    try:
        size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        model = registry.find(rule.point.model, "").path
        described = [{"unit": unit} for unit in missing]
        scored = ray.data.from_items(described, override_num_blocks=len(described)).map_batches(
            Actor,
            fn_constructor_args=(model.name, model.read_bytes(), rule.point.evidence, manner, rows),
            batch_size=1,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=size),
        )
        for counts in scored.iter_rows():
            done, judged, refused = done + 1, judged + int(counts["rows"]), refused + int(counts["refused"])
            seconds = time.monotonic() - began
            left = seconds * (len(cut) - done) / (done - len(cut) + len(missing))
            yield Progress(done, len(cut), judged, refused, seconds, left)
    except ray.exceptions.RayError as error:
        # Ray wraps what happened on a worker several times over; the innermost cause is what a person can act on.
        cause = error.cause if isinstance(getattr(error, "cause", None), Exception) else error
        raise BatchError(f"Ray gave up ({cause}). Start the same command again: finished units stay.") from error
    finally:
        if started_here:
            ray.shutdown()


def claim(rows: str, batch: Sequence[Place], rule: Rule, manner: Manner) -> None:
    """Make sure that an output folder holds this batch's rows by this model or nothing, before it is added to.

    Raises:
        BatchError: it holds another's, or cannot be written.
    """
    own = key(batch, Detector.load(rule.point.model).fingerprint, rule.point.evidence, manner)
    system, folder = _system(rows)
    note = f"{folder}/_batch.json"
    try:
        if system.get_file_info(note).is_file:
            with system.open_input_file(note) as file:
                holder = json.loads(file.read(10_000))
            if holder != {"key": own}:
                raise BatchError(f"{rows}: holds another batch's rows. Choose another output, or empty it first.")
            return
        if written(rows):
            raise BatchError(f"{rows}: holds rows of unknown origin. Choose another output, or empty it first.")
        system.create_dir(folder, recursive=True)
        with system.open_output_stream(note) as stream:
            stream.write(json.dumps({"key": own}).encode())
    except (pa.ArrowException, OSError, json.JSONDecodeError) as error:
        raise BatchError(f"{rows}: cannot be used ({error}). Check the address and the access to it.") from error


class Actor:
    """Holds a detector and judges units; one on each core.

    Args:
        name: file name of the model.
        model: the bytes of its file, so that no machine needs to have it.
        evidence: which evidence's digit p-values are kept.
        manner: how pictures are read.
        rows: where each unit's file goes.
        readers: processes that read for it, with the limits that ``pool`` sets them.
    """

    def __init__(self, name: str, model: bytes, evidence: str, manner: Manner, rows: str, readers: int = 1) -> None:
        import torch

        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(model)
            self.detector = Detector.load(path)
        self.evidence, self.manner, self.rows = evidence, manner, rows
        self.readers = readers

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.int64]]:
        """Units in; how many rows and refusals each gave out."""
        counts = [self._judge(unit) for unit in batch["unit"]]
        rows, refused = zip(*counts, strict=True)
        return {"rows": np.array(rows), "refused": np.array(refused)}

    def _judge(self, unit: Unit) -> tuple[int, int]:
        if all(map(sources.is_named_picture, unit.files)):
            listed = items(unit)
        else:
            listed = pool.listed(unit.files[0], items, unit)
        readings = list(pool.read_items(listed, self.manner, self.readers))
        rows = [row for reading in readings for row in reading.rows]
        said = [*(Note(text=reading.note) for reading in readings if reading.note), *of_rows(rows)]
        table = judge(rows, self.detector, self.evidence, self.manner.full)
        table = table.replace_schema_metadata({_NOTES: json.dumps([note._asdict() for note in said])})
        name = f"unit-{unit.order:09d}.parquet"
        if is_address(self.rows):
            system, folder = fs.FileSystem.from_uri(self.rows)
            # An object appears when its stream is closed, so it too is there whole or not at all.
            with system.open_output_stream(f"{folder}/{name}") as stream:
                pq.write_table(table, stream, **HOW_WRITTEN)
        else:
            write_whole(Path(self.rows) / name, lambda part: pq.write_table(table, part, **HOW_WRITTEN))
        return len(rows), sum(bool(row.error) for row in rows)


def written(rows: str) -> set[int]:
    """Which units have their file.

    Raises:
        BatchError: the folder or address cannot be listed.
    """
    system, folder = _system(rows)
    try:
        listed = system.get_file_info(fs.FileSelector(folder, allow_not_found=True))
    except (pa.ArrowException, OSError) as error:
        raise BatchError(f"{rows}: cannot be listed ({error}). Check the address and the access to it.") from error
    return {int(match[1]) for file in listed if (match := _FILE.fullmatch(file.base_name))}


def remarks(rows: str, detector: Detector) -> Iterator[Note]:
    """What is to be said about the batch whose units are in a folder or at an address, as of one judged locally."""
    looked_at: list[Image] = []
    for part in _parts(rows):
        for note in json.loads((part.schema_arrow.metadata or {}).get(_NOTES, b"[]")):
            yield Note(**note)
        if more := LOOK - len(looked_at):
            images = part.read(columns=["image"])["image"].drop_null().slice(0, more)
            looked_at += [storage.from_bytes(image) for image in images.to_pylist()]
    if said := say_better(looked_at, detector):
        yield Note(text=said)


def tally(rows: str, rule: Rule) -> dict[str, float | int | str | None]:
    """What any number of rows comes to, a unit in memory at a time; a false discovery rate takes 8 bytes a row.

    Args:
        rows: where ``score`` wrote.
        rule: what decides.

    Returns:
        plain data for JSON: model, evidence, how many rows were judged, refused and flagged, and ``flagged_at``, the
        p-value at and below which a row is an anomaly (None where none is).
    """
    column = f"p_value_{rule.point.evidence}"
    counts: Counter[float] = Counter()
    refused = 0
    for part in _parts(rows):
        p_values = part.read(columns=[column])[0]
        refused += p_values.null_count
        counts.update(dict(zip(*np.unique(p_values.drop_null().to_numpy(), return_counts=True), strict=True)))
    values = np.array(sorted(counts))
    times = np.array([counts[value] for value in values], dtype=np.int64)
    judged = int(times.sum())
    if rule.rate is None:
        flagged = values <= rule.point.alpha
    else:
        model = read_measured(registry.find(rule.point.model, "").path)
        caution = model.calibrations[rule.point.evidence].caution
        flagged = discoveries(np.repeat(values, times), rule.rate, caution)[np.cumsum(times) - 1]
    return {
        "model": rule.point.model,
        "evidence": rule.point.evidence,
        "alpha": rule.point.alpha if rule.rate is None else None,
        "fdr": rule.rate,
        "rows": judged + refused,
        "judged": judged,
        "refused": refused,
        "flagged": int(times[flagged].sum()),
        "flagged_at": float(values[flagged][-1]) if flagged.any() else None,
    }


def _gather(folder: Path, cut: Sequence[Unit], detector: Detector, rule: Rule, manner: Manner, title: str) -> Store:
    if lost := len(cut) - len(written(str(folder / "rows"))):
        raise BatchError(f"{lost:,} of {len(cut):,} units were not judged: start the same command again.")
    store = begin(folder, Job(title, rule.point, rule.rate, manner=manner), detector)
    for half_gathered in store.parts:
        half_gathered.unlink()
    done = first = 0
    for part in _parts(str(folder / "rows")):
        if len(table := part.read()):
            within = table["item"].to_numpy()
            table = table.set_column(0, SCHEMA.field("item"), pa.array(within + done, pa.int64()))
            done += int(within[-1]) + 1
            store.append(table, done, first)
            first += len(table)
    store.finish()
    return store


def _parts(rows: str) -> Iterator[pq.ParquetFile]:
    """What is written of each unit, in their order."""
    system, folder = _system(rows)
    for order in sorted(written(rows)):
        with system.open_input_file(f"{folder}/unit-{order:09d}.parquet") as file:
            yield pq.ParquetFile(file)


def _system(rows: str) -> tuple[fs.FileSystem, str]:
    return fs.FileSystem.from_uri(rows) if is_address(rows) else (fs.LocalFileSystem(), str(Path(rows).resolve()))


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise BatchError("the Ray engine is not installed: pip install -r requirements-ray.txt") from error
    return ray


def _start(ray: Any, workers: int | None) -> bool:
    """Start or join Ray; returns whether this call did."""
    if ray.is_initialized():
        return False
    environment: dict[str, Any] = {"env_vars": {"OMP_NUM_THREADS": "1"}}
    if os.environ.get("RAY_ADDRESS"):
        # The code of a checkout travels to the cluster; data, models and tests stay. An installed copy is there.
        excluded = [f"/{name}/" for name in ("data", "checkpoints", "tests", ".git", ".venv", "benchmarks")]
        code = {} if paths.INSTALLED else {"working_dir": str(paths.ROOT), "excludes": excluded}
        ray.init(runtime_env=environment | code, log_to_driver=False)
    else:
        ray.init(
            num_cpus=workers or os.cpu_count(), include_dashboard=False, log_to_driver=False, runtime_env=environment
        )
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return True
