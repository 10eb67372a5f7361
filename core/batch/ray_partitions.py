"""A pile cut into units that any machine can judge: listed from disk or an object store, described as plain data."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
from pyarrow import fs

from core.batch import sources, tables
from core.batch.items import Item, Opener, Place
from core.errors import BatchError

UNIT_ROWS, UNIT_PICTURES = 1024, 256
Unit = dict[str, Any]


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


def places(name: str) -> list[Place]:
    """The files under a path or an address, in order.

    Raises:
        BatchError: there is nothing, or it cannot be listed.
    """
    if not is_address(name):
        return sources.places([Path(name)])
    try:
        system, path = fs.FileSystem.from_uri(name)
        info = system.get_file_info(path)
        files = [info] if info.is_file else system.get_file_info(fs.FileSelector(path, recursive=True))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BatchError(f"{name}: cannot be listed ({error}). Check the address and the access to it.") from error
    scheme = name.split("://", 1)[0]
    found = []
    for file in sorted((file for file in files if file.is_file), key=lambda file: file.path):
        if not file.base_name.startswith((".", "_")):
            uri = f"{scheme}://{file.path}"
            stamp, label = file.mtime_ns or 0, sources.label_of(file.path.split("/"))
            found.append(Place(uri, RemoteOpener(uri), file.size or 0, stamp, label))
    if not found:
        raise BatchError(f"{name}: there is no file under this address.")
    return found


def units(pile: Sequence[Place]) -> list[Unit]:
    """The pile in order as stretches of one file, or some hundred pictures each; plain data, fit for JSON."""
    cut: list[Unit] = []
    pictures: list[dict[str, Any]] = []

    def flush() -> None:
        if pictures:
            cut.append({"order": len(cut), "places": [*pictures]})
            pictures.clear()

    for place, labels in sources.paired(pile):
        found = _describe(place)
        if sources.kind_of(place) == "picture":
            pictures.append(found)
            if len(pictures) == UNIT_PICTURES:
                flush()
            continue
        flush()
        rows = sources.count([place])
        beside = None if labels is None else _describe(labels)
        for start in range(0, rows, UNIT_ROWS):
            # What counting missed belongs to the last stretch.
            stop = start + UNIT_ROWS if start + UNIT_ROWS < rows else None
            cut.append({"order": len(cut), "places": [found], "labels": beside, "start": start, "stop": stop})
    flush()
    return cut


def items(unit: Unit) -> Iterator[Item]:
    """The items of a unit, read on whichever machine has it."""
    pile = [_restore(found) for found in unit["places"]]
    if "start" not in unit:
        for place in pile:
            yield from sources.read_one(place)
        return
    place, start, stop = pile[0], unit["start"], unit["stop"]
    labels = None if unit["labels"] is None else _restore(unit["labels"])
    try:
        if sources.kind_of(place) == "parquet":
            yield from tables.read_parquet(place, start, stop)
        else:
            yield from islice(sources.read_one(place, labels), start, stop)
    except BatchError as error:
        yield Item(place.name, None, error=str(error))


def _describe(place: Place) -> dict[str, Any]:
    address = place.open.uri if isinstance(place.open, RemoteOpener) else str(cast(Opener, place.open).path.resolve())
    return {"name": place.name, "address": address, "label": place.label, "size": place.size}


def _restore(found: dict[str, Any]) -> Place:
    address = found["address"]
    opener: Callable[[], BinaryIO] = RemoteOpener(address) if is_address(address) else Opener(Path(address))
    return Place(found["name"], opener, found["size"], label=found["label"])
