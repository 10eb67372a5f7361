"""A pool of readers gives what one reader gives, in order; what harms a reader is one refused row."""

import os
import struct
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.ink import apart
from core.readers import pool, sources
from core.readers.items import AS_FOUND, Item, Manner
from core.readers.rows import Row, read_item
from tests.support.piles import digits, folder_of, png, zipped
from tests.support.waiting import wait_for


def harmful(position: int, item: Item, manner: Manner = AS_FOUND) -> Iterator[Row]:
    """As ``rows.read_item``, and does to this process what the item's name says."""
    while item.picture is not None and "spin" in item.source:
        time.process_time()
    yield from read_item(position, item, manner)
    if item.picture is not None and "kill" in item.source:
        os._exit(9)


def reader(position: int, item: Item, manner: Manner) -> Iterator[Row]:
    """A row that says which process this is.

    In the folder that the label names: waits for what was taken ahead, and works for ever on the second portion.
    """
    yield Row(position, str(os.getpid()), None)
    if item.label is not None:
        wait_for(Path(item.label, "ahead").exists)
    while position >= pool.PICTURES and item.label is not None:
        Path(item.label, "at work").touch()


@pytest.fixture
def mixture(tmp_path: Path) -> list[Path]:
    """A table of pictures, a folder, a zip, a file that is none, and a stack."""
    images, labels = digits(30)
    folder = folder_of(tmp_path / "scans", images[:9])
    (folder / "0004.png").write_bytes(b"no picture")
    (tmp_path / "more.zip").write_bytes(zipped((f"{i:02d}.png", png(image)) for i, image in enumerate(images[9:20])))
    np.savez(tmp_path / "stack.npz", images=255 - images[20:], labels=labels[20:])
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 nothing")
    pictures = [{"bytes": png(image), "path": None} for image in images[:3]]
    pq.write_table(pa.table({"image": pictures, "label": labels[:3]}), tmp_path / "set.parquet")
    return [tmp_path / "set.parquet", folder, *(tmp_path / name for name in ("more.zip", "broken.npz", "stack.npz"))]


def test_what_decoders_print_of_a_damaged_picture_is_not_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tags = [(256, 20), (257, 20), (258, 8), (259, 8), (262, 1), (273, 200), (277, 1), (278, 20), (279, 400)]
    packed = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    tiff = b"II*\0" + struct.pack("<IH", 8, len(tags)) + packed + bytes(4)
    (tmp_path / "no-zip.tif").write_bytes(tiff + bytes(1_000))

    ((_, (row,), _),) = pool.read(sources.places([tmp_path / "no-zip.tif"]), 0, AS_FOUND, 1)

    assert "damaged or incomplete" in row.error
    assert capfd.readouterr().err == ""


def test_many_processes_read_what_one_reads_in_the_same_order(mixture: list[Path]) -> None:
    places = sources.places(mixture)
    alone = list(pool.read(places, 0, AS_FOUND, 0))

    together = list(pool.read(places, 0, AS_FOUND, 2))

    assert said(together) == said(alone)
    assert len(alone) == 9 + 11 + 1 + 10 + 3
    assert sum(bool(row.error) for _, rows, _ in together for row in rows) == 2
    assert said(list(pool.read(places, 15, AS_FOUND, 2))) == said(alone[15:])


def test_what_harms_its_reader_is_one_refused_row_between_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, _ = digits(6)
    for name, image in zip(("a", "b-kill", "c", "d-spin", "e", "f"), images, strict=True):
        (tmp_path / f"{name}.png").write_bytes(png(image))
    monkeypatch.setattr(pool, "read_item", harmful)
    monkeypatch.setattr(apart, "SECONDS", 0.5)

    readings = list(pool.read(sources.places([tmp_path]), 0, AS_FOUND, 1))

    errors = [reading.rows[-1].error for reading in readings]
    assert [bool(error) for error in errors] == [False, True, False, True, False, False]
    assert [len(reading.rows) for reading in readings] == [1, 2, 1, 1, 1, 1], "what came before has come"
    assert errors[3].endswith(
        "d-spin.png cannot be read within 1 GB of memory and 0.5 seconds of work: "
        "save it as a plain PNG, or take a part of it."
    )


def test_a_file_that_claims_more_memory_than_a_reader_has_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    rows = 300_000
    head = str({"descr": "<f8", "fortran_order": True, "shape": (rows, 28, 28)}).encode()
    head += b" " * (117 - len(head)) + b"\n"
    with (tmp_path / "a.npy").open("wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
        file.truncate(128 + rows * 784 * 8)
    (tmp_path / "b.png").write_bytes(png(digits(1)[0][0]))

    first, second = pool.read(sources.places([tmp_path]), 0, AS_FOUND, 1)

    assert "column by column" in first.rows[0].error
    assert second.rows[0].image is not None


def test_what_needs_no_reading_is_done_here_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "read_item", reader)
    items = [Item("a", np.zeros((28, 28), np.uint8), ready=i < 100) for i in range(200)]

    readings = list(pool.read_items(items, AS_FOUND, 2))

    here = [reading.rows[0].source == str(os.getpid()) for reading in readings]
    assert here == [i < pool.IN_ORDER for i in range(200)], "what lies among pictures goes along with them"


def test_items_are_taken_a_few_portions_ahead_and_who_stops_asking_ends_the_readers_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "read_item", reader)
    taken = count()

    def items() -> Iterator[Item]:
        for i in taken:
            if i == 2 * pool.PICTURES:
                (tmp_path / "ahead").touch()
            yield Item("a", b"", str(tmp_path))

    readings = pool.read_items(items(), AS_FOUND, 1)
    process = Path("/proc", next(readings).rows[0].source)
    wait_for((tmp_path / "at work").exists)

    readings.close()

    wait_for(lambda: not process.exists())
    assert next(taken) <= (pool.AHEAD + 2) * pool.PICTURES


def said(readings: list[pool.Reading]) -> list[tuple[object, ...]]:
    return [
        (at, row.item, row.source, row.label, row.error, row.box, None if row.image is None else row.image.tobytes())
        for at, rows, _ in readings
        for row in rows
    ]
