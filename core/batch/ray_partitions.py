"""A batch cut into units that any machine can judge: listed from disk or an object store."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
from pyarrow import fs

from core.errors import BatchError
from core.files.leftovers import is_leftover
from core.readers import parquet, sources
from core.readers.items import Item, Opener, Place, label_of

UNIT_ROWS, UNIT_PICTURES = 1024, 256


@dataclass(frozen=True)
class Unit:
    """What one actor judges at a time: some pictures, or a stretch of one file.

    Attributes:
        order: position of the unit in the batch, from 0.
        files: the pictures, or the one file.
        labels: the file of IDX labels beside it.
        start: first item of the stretch.
        stop: one past its last; None reads to the end.
    """

    order: int
    files: tuple[Place, ...]
    labels: Place | None = None
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class RemoteOpener:
    """Opens one file of an object store or any other file system that pyarrow knows, by its address."""

    uri: str

    def __call__(self) -> BinaryIO:
        """The file, open for reading; seekable."""
        system, path = fs.FileSystem.from_uri(self.uri)
        return cast(BinaryIO, system.open_input_file(path))


def is_address(name: str) -> bool:
    """Whether a name is an address such as ``s3://bucket/folder`` rather than a path."""
    return "://" in name


def places(name: str, apart: Path | None = None, left_out: Callable[[Path], object] = id) -> list[Place]:
    """The files under a path or an address, in order.

    Args:
        name: path or address.
        apart: where results will be written, which is none of the inputs.
        left_out: called with each file of a folder that is passed over.

    Raises:
        BatchError: there is nothing, or it cannot be listed.
    """
    if not is_address(name):
        return sources.places([Path(name)], apart, left_out)
    try:
        system, path = fs.FileSystem.from_uri(name)
        info = system.get_file_info(path)
        files = [info] if info.is_file else system.get_file_info(fs.FileSelector(path, recursive=True))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BatchError(f"{name}: cannot be listed ({error}). Check the address and the access to it.") from error
    scheme = name.split("://", 1)[0]
    files_under = []
    for file in sorted((file for file in files if file.is_file), key=lambda file: file.path):
        if not file.base_name.startswith("_") and not is_leftover(file.path.removeprefix(path).strip("/").split("/")):
            uri = f"{scheme}://{file.path}"
            inside = file.path.removeprefix(path.rstrip("/").rpartition("/")[0]).strip("/")
            stamp, label = file.mtime_ns or 0, label_of(inside.split("/"))
            files_under.append(Place(uri, RemoteOpener(uri), file.size or 0, stamp, label))
    if not files_under:
        raise BatchError(f"{name}: there is no file under this address.")
    return files_under


def units(batch: Sequence[Place]) -> list[Unit]:
    """The batch in order as stretches of one file, or some hundred pictures each."""
    cut: list[Unit] = []
    pictures: list[Place] = []

    def flush() -> None:
        if pictures:
            cut.append(Unit(len(cut), tuple(pictures)))
            pictures.clear()

    for place, labels in sources.paired(batch):
        if sources.kind_of(place) == "picture":
            pictures.append(_anywhere(place))
            if len(pictures) == UNIT_PICTURES:
                flush()
            continue
        flush()
        rows = sources.count([place])
        whole, beside = _anywhere(place), labels and _anywhere(labels)
        for start in range(0, rows, UNIT_ROWS):
            # What counting missed belongs to the last stretch.
            stop = start + UNIT_ROWS if start + UNIT_ROWS < rows else None
            cut.append(Unit(len(cut), (whole,), beside, start, stop))
    flush()
    return cut


def items(unit: Unit) -> Iterator[Item]:
    """The items of a unit, read on whichever machine has it."""
    if len(unit.files) > 1:
        for file in unit.files:
            yield from sources.read_one(file)
        return
    (place,) = unit.files
    try:
        if sources.kind_of(place) == "parquet":
            yield from parquet.read_parquet(place, unit.start, unit.stop)
        else:
            yield from islice(sources.read_one(place, unit.labels), unit.start, unit.stop)
    except BatchError as error:
        yield Item(place.name, None, error=str(error))


def _anywhere(place: Place) -> Place:
    """A place that opens wherever a worker was started."""
    return replace(place, open=Opener(place.open.path.resolve())) if isinstance(place.open, Opener) else place
