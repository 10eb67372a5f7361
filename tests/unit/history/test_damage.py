"""A damaged history: the row is named, what is whole is saved, and nothing is written over."""

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import HistoryError
from core.history import Damaged, Filter, History, database
from tests.support.disks import read_only
from tests.support.recorded import verdict


def damage_row(path: Path, table: str, column: str, value: object, row_id: int) -> None:
    """Change one value as a bad disk does: without the program, and so without its checksum."""
    with sqlite3.connect(path) as file:
        for trigger in ("changed_verdict", "changed_reading"):
            file.execute(f"DROP TRIGGER {trigger}")
        file.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, row_id))


def scribble_over(path: Path) -> None:
    path.write_bytes(b"this was never a database " * 400)


def damage_the_middle(path: Path) -> None:
    history = History(path)
    history.record_all(verdict(seed) for seed in range(80))
    whole = bytearray(path.read_bytes())
    for page in range(4096, len(whole), 4096):
        whole[page : page + 64] = os.urandom(64)
    path.write_bytes(whole)


@pytest.mark.parametrize("damage", [scribble_over, damage_the_middle])
def test_a_damaged_file_is_set_aside_whole_and_a_new_one_begins(
    history: History, damage: Callable[[Path], None]
) -> None:
    damage(history.path)
    damaged = history.path.read_bytes()

    with pytest.raises(HistoryError, match=r"set aside as .*damaged") as said:
        history.browse()

    aside = [path for path in history.path.parent.iterdir() if "damaged" in path.name and path.suffix == ".sqlite"]
    assert [path.read_bytes() for path in aside] == [damaged]
    assert str(aside[0]) in str(said.value)
    assert history.get(history.record(verdict(1))).source == "upload: 1.png"


def test_one_damaged_row_is_named_and_the_others_are_read(history: History) -> None:
    history.record_all([verdict(1), verdict(2)])
    damage_row(history.path, "readings", "image", b"\x00\x01", 2)

    with pytest.raises(HistoryError, match="Row 2 of the history is damaged"):
        history.get(2)

    assert history.get(1).source == "upload: 1.png"
    assert [row for row in history.browse() if isinstance(row, Damaged)] == [Damaged(2)]
    assert history.delete(Filter(ids=(2,))) == 1
    assert [row.id for row in history.browse()] == [1]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("verdicts", "p_value", 0.3000000001),
        ("verdicts", "class_id", 1),
        ("verdicts", "source", "upload: 3.png"),
        ("verdicts", "model", "mnist-7"),
        ("verdicts", "mark", "right"),
        ("verdicts", "last_seen", 1003.0),
        ("verdicts", "alpha", None),
        ("readings", "digits", '{"5": 0.9}'),
        ("readings", "checksum", b"\x00" * 8),
    ],
)
def test_a_row_in_which_anything_was_changed_on_the_disk_is_told_from_one_that_was_written(
    history: History, table: str, column: str, value: object
) -> None:
    history.record_all([verdict(1), verdict(2)])

    damage_row(history.path, table, column, value, 2)

    assert {row.id for row in history.each() if isinstance(row, Damaged)} == {2}


def test_every_change_that_the_program_makes_keeps_the_row_whole(history: History) -> None:
    first, again, drawn = history.record_all([verdict(1), verdict(1, last_seen=9e9), verdict(2, drawing="one")])
    history.mark(first, "wrong", "4")
    history.record(verdict(3, drawing="one"))
    history.delete(Filter(ids=(first, drawn)))
    history.undo_delete()

    assert first == again
    assert not [row for row in history.each() if isinstance(row, Damaged)]
    assert history.get(first).true_label == "4"


def test_a_file_from_before_there_were_checksums_and_second_opinions_gets_them(history: History) -> None:
    row = history.record(verdict(1))
    with sqlite3.connect(history.path) as file:
        for trigger in ("changed_verdict", "changed_reading"):
            file.execute(f"DROP TRIGGER {trigger}")
        file.execute("ALTER TABLE readings DROP COLUMN checksum")
        file.execute("ALTER TABLE verdicts DROP COLUMN second_opinion")
        file.execute("PRAGMA user_version = 1")

    assert history.get(row).source == "upload: 1.png"


def test_rows_of_a_damaged_file_that_are_whole_are_saved(history: History) -> None:
    history.record_all([verdict(number) for number in range(300)])
    with sqlite3.connect(history.path) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = file.execute("PRAGMA page_size").fetchone()[0]
    whole = bytearray(history.path.read_bytes())
    start = whole.index(json.dumps(verdict(150).scores).encode()) // page * page
    whole[start : start + page] = os.urandom(page)
    history.path.write_bytes(whole)
    database._CHECKED_FILES.clear()

    with pytest.raises(HistoryError, match=r"set aside as .*; 2\d\d rows of it were whole and stand in a new one"):
        history.browse()

    kept = {row.id: row for row in history.each()}
    assert 200 < len(kept) < 300
    assert all(row.source == f"upload: {number - 1}.png" for number, row in kept.items())


def test_a_damaged_history_that_cannot_be_set_aside_is_said_and_stays_as_it_is(tmp_path: Path) -> None:
    history = History(tmp_path / "state" / "history.sqlite")
    history.record(verdict(1))
    scribble_over(history.path)
    database._CHECKED_FILES.clear()
    before = history.path.read_bytes()

    with read_only(tmp_path / "state"), pytest.raises(HistoryError, match="is damaged, and cannot be set aside"):
        history.browse()

    assert history.path.read_bytes() == before
