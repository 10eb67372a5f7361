"""The history's file: many who write at once, kills, other versions, disks that refuse."""

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from core import paths
from core.errors import HistoryError
from core.history import Filter, History, database
from core.history.database import MIGRATIONS
from core.history.verdict import checksum
from tests.support.disks import full, read_only
from tests.support.recorded import verdict


def test_ten_threads_write_at_once_and_nothing_is_lost(history: History) -> None:
    history = History(history.path, timeout=120)
    problems: list[BaseException] = []

    def browser(number: int) -> None:
        try:
            for stroke in range(12):
                history.record(verdict(100 * number + stroke, visitor=f"v{number}"))
                history.record(verdict(7777 + stroke, drawing=f"d{number}", visitor=f"v{number}"))
                history.browse(limit=5)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=browser, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert history.count().judged == 10 * (12 + 1)


WRITER = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from core.history import History
from tests.support.recorded import verdict
history = History(Path(sys.argv[1]), timeout=120)
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    print(history.record(verdict(number)), flush=True)
"""


def start_writer(path: Path, first: int, end: int) -> "subprocess.Popen[str]":
    code = WRITER.format(root=str(paths.ROOT))
    command = [sys.executable, "-c", code, str(path), str(first), str(end)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_both_find_no_file_lose_nothing(history: History) -> None:
    writers = [start_writer(history.path, first, first + 60) for first in (0, 100)]

    ids = [int(line) for writer in writers for line in writer.communicate(timeout=300)[0].splitlines()]

    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(set(ids)) == 120
    assert history.count().judged == 120


def test_a_writer_killed_in_the_middle_leaves_every_verdict_it_had_recorded(history: History) -> None:
    writer = start_writer(history.path, 0, 1_000_000)
    assert writer.stdout is not None
    said = [int(writer.stdout.readline()) for _ in range(random.Random(0).randint(20, 40))]

    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate(timeout=300)

    said += [int(line) for line in rest.splitlines()]
    assert {kept.id for kept in history.each()} >= set(said)
    history.record(verdict(5_000_000))


def test_a_file_of_an_older_version_is_brought_up_to_date(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    row = history.record(verdict(1))
    added = ("ALTER TABLE verdicts ADD COLUMN note TEXT NOT NULL DEFAULT 'none yet'",)
    monkeypatch.setattr(database, "MIGRATIONS", (*MIGRATIONS, added))

    stored = history.get(row)

    assert stored.source == "upload: 1.png"
    with sqlite3.connect(history.path) as file:
        assert file.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS) + 1
        assert file.execute("SELECT note FROM verdicts").fetchone()[0] == "none yet"


def test_an_upgrade_that_fails_leaves_the_older_file_whole(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    history.record(verdict(1))
    half = ("ALTER TABLE verdicts ADD COLUMN note TEXT", "ALTER TABLE nowhere ADD COLUMN note TEXT")
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*MIGRATIONS, half))
        with pytest.raises(HistoryError):
            history.count()

    assert history.count().judged == 1
    assert history.record(verdict(2)) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (f"PRAGMA user_version = {len(MIGRATIONS) + 1}", r"newer version.*update the program"),
        ("PRAGMA application_id = 0; PRAGMA user_version = 0", "another program's database"),
    ],
)
def test_a_file_of_a_newer_version_or_another_program_is_refused_and_left_alone(
    history: History, change: str, said: str
) -> None:
    history.record(verdict(1))
    with sqlite3.connect(history.path) as file:
        file.executescript(change)

    with pytest.raises(HistoryError, match=said):
        history.record(verdict(2))

    with sqlite3.connect(history.path) as file:
        assert file.execute("SELECT count(*) FROM verdicts").fetchone()[0] == 1


def test_a_clock_that_leaps_a_year_ahead_and_back_takes_no_deletion_with_it(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = history.record(verdict(1))
    history.delete(Filter(ids=(row,)))
    present = time.time()

    for leap in (365 * 86400, 0):
        monkeypatch.setattr("core.history.history.time.time", lambda leap=leap: present + leap)
        history.record(verdict(2 + leap))

    assert history.undo_delete() == 1


def test_a_file_held_by_another_program_is_said_and_readers_go_on(history: History) -> None:
    history.record(verdict(1))
    patient = History(history.path, timeout=0.2)
    holder = sqlite3.connect(history.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(HistoryError, match="held by another program"):
        patient.record(verdict(2))

    assert patient.count().judged == 1
    holder.close()
    assert patient.record(verdict(2)) == 2


def test_a_full_disk_is_said_and_what_was_there_stays(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    history.record(verdict(1))
    connect = sqlite3.connect

    def connect_with_no_room(*args: object, **options: object) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect_with_no_room)
        with pytest.raises(HistoryError, match="is full"):
            history.record_all(verdict(seed) for seed in range(10, 60))

    assert history.count().judged == 1


def test_an_empty_file_is_simply_filled_and_one_removed_while_the_program_runs_is_made_again(history: History) -> None:
    history.path.touch()
    assert history.record(verdict(1)) == 1
    for path in list(history.path.parent.iterdir()):
        path.unlink()

    assert history.record(verdict(2)) == 1


def test_twenty_thousand_rows_are_browsed_in_fifty_milliseconds_of_work(history: History) -> None:
    image = verdict(0).image
    many = [
        verdict(0, image=image + np.float32(number), last_seen=float(number), class_id=number % 20 == 0)
        for number in range(20)
    ]
    history.record_all(many)
    with sqlite3.connect(history.path) as file:
        columns = [row[1] for row in file.execute("PRAGMA table_info(verdicts)") if row[1] not in ("id", "identity")]
        names = ", ".join(columns)
        for _ in range(10):
            file.execute(
                f"INSERT INTO verdicts({names}, identity) SELECT {names}, randomblob(16) FROM verdicts WHERE deletion"
                " IS NULL"
            )
        file.execute(
            "INSERT INTO readings SELECT id, '{}', '{}', '{}', (SELECT image FROM readings WHERE id = 1), NULL"
            " FROM verdicts WHERE id > 20"
        )
        file.create_function("checksum", -1, checksum)
        file.execute(database.CHECK_ALL)

    def best(work: Callable[[], object]) -> float:
        times = []
        for _ in range(5):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
        return min(times)

    assert history.count().judged == 20_480
    pages = (lambda: history.browse(Filter(class_id=1), offset=900), lambda: history.browse(offset=20_000))
    for look in (history.browse, *pages, history.count, history.models):
        assert best(look) < 0.05


def test_reading_what_is_not_there_finds_nothing_and_makes_nothing(tmp_path: Path) -> None:
    history = History(tmp_path / "state" / "history.sqlite")

    assert history.count().judged == 0
    assert history.browse() == []
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("refusing", [read_only, full])
def test_a_history_on_a_disk_that_refuses_is_read_and_says_that_nothing_is_recorded(
    refusing: Callable[[Path], AbstractContextManager[None]], tmp_path: Path
) -> None:
    history = History(tmp_path / "state" / "history.sqlite")
    history.record(verdict(1, source="kept before"))

    with refusing(tmp_path / "state"):
        read = [one.source for one in history.browse()]
        with pytest.raises(HistoryError, match=r"nothing was recorded|cannot be used"):
            history.record(verdict(2))

    assert read == ["kept before"]


def test_a_history_whose_folder_is_a_file_is_empty_and_says_that_nothing_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    history = History(tmp_path / "state" / "history.sqlite")

    assert history.count().judged == 0
    with pytest.raises(HistoryError, match="ODD_DIGIT_STATE"):
        history.record(verdict(1))
