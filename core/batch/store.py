"""A batch on disk: what was asked for, and its rows in parts that are each written whole, so that a kill loses little.

A folder holds ``job.json``, ``calibration.npy`` and ``part-<first row>-<checksum>.parquet`` files. The next part to
write follows from those that are there: that is all there is to resuming. What comes back is what was written, or
refused.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core import paths
from core.batch.notes import Note, added_up
from core.calibration.conformal import Calibration
from core.errors import BatchError
from core.files.atomic import alone, write_whole
from core.files.folder import folders, trash
from core.files.npy import write_array
from core.ink import storage
from core.ink.geometry import SIDE
from core.operating_point import OperatingPoint
from core.readers.items import AS_FOUND, Manner

FORMAT = 1
# Pictures hardly repeat: looking for repeats among them, or for the least of them, costs more than all the rest.
HOW_WRITTEN: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": ["source", "label", "error"],
    "write_statistics": False,
    "write_page_checksum": True,
}
# Parts of before there was a checksum bear none.
_PART = re.compile(r"part-(\d{12})(?:-([0-9a-f]{32}))?\.parquet")
_ITEMS, _ROWS = b"items", b"rows"


@dataclass(frozen=True)
class Job:
    """What a batch was asked to do.

    Attributes:
        title: what the batch is called, for people.
        point: model, evidence and threshold.
        rate: false discovery rate that decides instead of the threshold; None for the threshold.
        normal: the model's normal digits, in the order of ``digit_p_values``.
        model_hash: which build of the model.
        manner: how pictures are read.
        total: about how many items the batch has.
        keep: whether verdicts go into the history.
        visitor: whose batch it is; empty on the command line.
        created: UTC seconds since 1970.
        names: the uploaded files' names, in order; empty where files are read from where they lie.
        calibration: checksum of the calibration scores; empty in batches of before there was one.
    """

    title: str
    point: OperatingPoint
    rate: float | None = None
    normal: tuple[str, ...] = ()
    model_hash: str = ""
    manner: Manner = AS_FOUND
    total: int = 0
    keep: bool = True
    visitor: str = ""
    created: float = 0.0
    names: tuple[str, ...] = field(default=())
    calibration: str = ""

    def to_json(self) -> str:
        """The job as text; ``from_json`` reads it back to an equal one."""
        data = {"format": FORMAT} | asdict(self)
        return json.dumps(data | {"checksum": _of_data(data)})

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """Read a job.

        Raises:
            BatchError: damaged, or of another version.
        """
        try:
            data = json.loads(text)
            if data.pop("checksum", None) not in (None, _of_data(data)):
                raise ValueError("its checksum differs")
            if data.pop("format") != FORMAT:
                raise ValueError("it was begun by another version")
            data["point"] = OperatingPoint(**data["point"])
            data.pop("kind", None)  # which was "batch" always
            together = data.pop("whole", False)  # as it was called at first
            # Batches of before there was a choice drew every digit.
            data["manner"] = Manner(**{"full": True} | data.get("manner", {"together": together}))
            data["normal"], data["names"] = tuple(data["normal"]), tuple(data["names"])
            return cls(**data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BatchError(f"the batch's description cannot be used ({error}): begin it anew.") from error


class Store:
    """The folder of one batch.

    Args:
        folder: where it lies; must hold a batch that ``create`` made.

    Raises:
        BatchError: there is none, or it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.job = Job.from_json((folder / "job.json").read_text())
        except OSError as error:
            raise BatchError(f"there is no batch in {folder}: it was deleted.") from error

    @classmethod
    def create(cls, folder: Path, job: Job, calibration: Calibration) -> "Store":
        """Begin a batch in a new folder.

        Raises:
            WriteError: the folder cannot be written.
        """
        array = _as_array(calibration)
        job = replace(job, calibration=_checksum(array.tobytes()))
        write_array(folder / "calibration.npy", array)
        write_whole(folder / "job.json", lambda part: part.write_text(job.to_json()))
        return cls(folder)

    @cached_property
    def calibration(self) -> Calibration:
        """The scores of normal digits that the batch's evidence was calibrated on."""
        try:
            array = np.load(self.folder / "calibration.npy", allow_pickle=False)
            if self.job.calibration not in ("", _checksum(array.tobytes())):
                raise ValueError("the checksum of its calibration differs")
            return _from_array(array)
        except (OSError, ValueError) as error:
            raise BatchError(f"the batch in {self.folder} is damaged ({error}): begin it anew.") from error

    @property
    def parts(self) -> list[Path]:
        """The parts written so far, in order."""
        return sorted(path for path in self.folder.glob("part-*.parquet") if _PART.fullmatch(path.name))

    def check(self) -> None:
        """Make sure that no part is missing, and none damaged.

        Raises:
            BatchError: there is a gap, or a damaged part.
        """
        for _ in self.tables(["item"]):
            pass

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is to be said about the batch as a whole, in the order in which it came up, each thing once."""
        with suppress(OSError):
            return added_up(map(Note.of, (self.folder / "notes.txt").read_text("utf-8").splitlines()))
        return ()

    def note(self, note: Note | str) -> None:
        """Add something to be said about the batch."""
        note = Note(text=note) if isinstance(note, str) else note
        line = json.dumps(note._replace(text=" ".join(note.text.split()))._asdict())
        with suppress(OSError), (self.folder / "notes.txt").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    @property
    def done(self) -> tuple[int, int]:
        """How many items of the batch are finished, and how many rows they gave."""
        parts = self.parts
        if not parts:
            return 0, 0
        metadata = _read(parts[-1], ["item"]).schema.metadata or {}
        try:
            return int(metadata[_ITEMS]), int(metadata[_ROWS])
        except (KeyError, ValueError) as error:
            raise BatchError(f"{parts[-1]} is damaged: delete it and go on.") from error

    @property
    def finished(self) -> bool:
        """Whether the batch was judged to its end."""
        return (self.folder / "finished").exists()

    def finish(self) -> None:
        """Say that the batch was judged to its end, and let the uploaded files go."""
        write_whole(self.folder / "finished", lambda part: part.write_text(""))
        shutil.rmtree(self.input, ignore_errors=True)

    @property
    def input(self) -> Path:
        """Where uploaded files lie while they are judged."""
        return self.folder / "input"

    def append(self, rows: pa.Table, items: int, first: int) -> None:
        """Add judged rows.

        Args:
            rows: in the columns of ``SCHEMA``.
            items: how many items of the batch are finished with them.
            first: how many rows were added before.

        Raises:
            WriteError: the disk is full or the folder not writable; everything before stays.
        """
        tagged = rows.replace_schema_metadata({_ITEMS: str(items), _ROWS: str(first + len(rows))})
        sink = pa.BufferOutputStream()
        pq.write_table(tagged, sink, **HOW_WRITTEN)
        content = sink.getvalue()
        if not self.folder.is_dir():
            raise BatchError(f"{self.job.title}: this batch was deleted.")
        path = self.folder / f"part-{first:012d}-{_checksum(content)}.parquet"
        write_whole(path, lambda part: part.write_bytes(content))

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows part by part, so that no more than one part is in memory.

        Raises:
            BatchError: as ``check``.
        """
        expected = 0
        for path in self.parts:
            if int(path.stem.split("-")[1]) != expected:
                raise BatchError(f"{self.folder}: rows after {expected:,} are missing: begin it anew.")
            table = _read(path, columns)
            expected += len(table)
            yield table

    def pictures(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """Ink images of some rows (positions from 0), float32 ``(n, 28, 28)``, 0 .. 1.

        Refused rows come as empty paper.
        """
        images = np.zeros((len(rows), SIDE, SIDE), np.float32)
        parts = self.parts
        starts = np.array([int(path.stem.split("-")[1]) for path in parts])
        where = np.searchsorted(starts, rows, side="right") - 1
        for part in np.unique(where).tolist():
            table = _read(parts[part], ["image"])
            for i in np.flatnonzero(where == part).tolist():
                row = int(rows[i] - starts[part])
                if (data := table["image"][row].as_py()) is not None:
                    images[i] = storage.from_bytes(data)
        return images

    def alone(self) -> AbstractContextManager[None]:
        """Hold the batch for oneself; released by the system when the process dies.

        Raises:
            BatchError: another process works on it, or it is gone.
        """
        if not self.folder.is_dir():
            raise BatchError(f"{self.job.title}: this batch was deleted.")
        return alone(
            self.folder / ".lock", BatchError(f"{self.job.title}: this batch is being worked on already; wait for it.")
        )

    def delete(self) -> None:
        """Remove everything of the batch."""
        trash(self.folder)


def batches_dir() -> Path:
    """Where batches lie."""
    return paths.state_dir() / "batches"


def stores(visitor: str) -> list[Store]:
    """The batches of a visitor, the newest first; damaged ones are left out."""
    listed = []
    for folder in folders(batches_dir()):
        with suppress(BatchError):
            store = Store(folder)
            if store.job.visitor == visitor and store.job.names:
                listed.append(store)
    return sorted(listed, key=lambda store: -store.job.created)


def _as_array(calibration: Calibration) -> NDArray[np.float64]:
    """Scores ``(n,)``; of strangers with their stretches ``(2, n)``, of few digits with their rates ``(3, n)``."""
    if calibration.stretches is not None:
        return np.stack([calibration.scores, calibration.stretches])
    return calibration.scores if calibration.rates is None else np.stack([calibration.scores, *calibration.rates.T])


def _from_array(array: NDArray[np.float64]) -> Calibration:
    """What ``_as_array`` wrote, and the scores alone that stores of before hold."""
    if array.ndim == 1:
        return Calibration.fit(array)
    scores, *more = array
    if len(more) == 1:
        return Calibration(scores, stretches=more[0].astype(np.int64))
    return Calibration(scores, rates=np.stack(more, axis=1))


def _read(path: Path, columns: Sequence[str] | None) -> pa.Table:
    """Some columns of a part, whose bytes are read whole since it is small, if it is what was written."""
    try:
        content = path.read_bytes()
        name = _PART.fullmatch(path.name)
        if name is None or name[2] not in (None, _checksum(content)):
            raise OSError("its checksum differs")
        file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
        return file.read(columns=None if columns is None else list(columns), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise BatchError(f"{path} is damaged ({error}): delete it and begin that batch anew.") from error


def _of_data(data: dict[str, Any]) -> str:
    return _checksum(json.dumps(data, sort_keys=True).encode())


def _checksum(content: bytes | pa.Buffer) -> str:
    """Half of SHA-256: what stands in a file's name should be readable."""
    return hashlib.sha256(content).hexdigest()[:32]
