import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import history_file
from core.calibration import Calibration
from core.errors import HistoryError
from core.history import EVERYTHING, Counts, Filter, History, Verdict
from core.history_file import MIGRATIONS
from core.operating import EVIDENCES, OperatingPoint
from core.readings import Readings

DAY = 86400.0
ROOT = Path(__file__).resolve().parents[2]


def verdict(seed: int = 0, **changes: object) -> Verdict:
    """A verdict on an ink image of its own."""
    rng = np.random.default_rng(seed)
    image = np.zeros((28, 28), np.float32)
    image[4:24, 4:24] = rng.random((20, 20), dtype=np.float32)
    kept = Verdict(
        source=f"upload: {seed}.png",
        source_kind="upload",
        model="mnist-5",
        evidence="fused",
        alpha=0.05,
        threshold=1.25,
        scores={name: float(rng.random()) for name in EVIDENCES},
        p_values={name: float(rng.random()) for name in EVIDENCES},
        p_value=0.3,
        class_id=0,
        image=image,
        time=1000.0 + seed,
        last_seen=1000.0 + seed,
    )
    return replace(kept, **changes)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history.sqlite")


def fields(kept: Verdict) -> dict[str, object]:
    return {name: value for name, value in vars(kept).items() if name not in ("image", "id")}


# What is kept


def test_a_verdict_is_read_back_exactly_as_it_was_recorded(history: History) -> None:
    recorded = verdict(1, digits={"4": 0.2, "9": None}, model_hash="ab12", true_label="4", mark="wrong", visitor="ann")

    found = history.get(history.record(recorded))

    assert fields(found) == fields(recorded)
    assert found.image.dtype == np.float32
    np.testing.assert_array_equal(found.image, recorded.image)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.arange(784, dtype=np.uint8).reshape(28, 28) / np.float32(255), id="whole grey levels"),
        pytest.param(np.random.default_rng(0).random((28, 28), dtype=np.float32), id="any float"),
        pytest.param(np.full((28, 28), -0.25, np.float32), id="below zero"),
        pytest.param(np.zeros((28, 28), np.float32), id="blank"),
        pytest.param(np.random.default_rng(1).random((28, 28), dtype=np.float32).T, id="not contiguous"),
    ],
)
def test_an_image_comes_back_bit_for_bit(history: History, image: np.ndarray) -> None:
    found = history.get(history.record(verdict(image=image))).image

    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, image)


def test_a_row_of_readings_becomes_a_verdict_with_its_line_and_its_digits() -> None:
    scores = np.array([0.5, 9.0])
    calibration = Calibration.fit(np.linspace(0, 1, 200))
    readings = Readings(
        model="mnist-any",
        normal=("4", "9"),
        images=np.zeros((2, 28, 28), np.float32),
        reconstruction=np.zeros((2, 28, 28), np.float32),
        heat_map=np.zeros((2, 28, 28), np.float32),
        realism=np.zeros(2),
        reconstruction_realism=np.zeros(2),
        scores=dict.fromkeys(EVIDENCES, scores),
        p_values={name: calibration.p_values(scores) for name in EVIDENCES},
        digit_p_values={"fused": {"4": np.array([0.6, 0.01]), "9": np.array([0.2, 0.005])}},
        calibrations=dict.fromkeys(EVIDENCES, calibration),
    )
    point = OperatingPoint("mnist-any", "fused", 0.05)

    kept = Verdict.of(readings, 1, point, source="canvas", source_kind="canvas", visitor="ann")

    assert (kept.model, kept.class_id, kept.visitor) == ("mnist-any", 1, "ann")
    assert kept.p_value == pytest.approx(1 / 201)
    assert kept.threshold == pytest.approx(readings.threshold(point))
    assert kept.digits == {"4": 0.01, "9": 0.005}
    assert kept.point == point


def test_a_line_that_never_flags_is_kept_as_no_threshold(history: History) -> None:
    found = history.get(history.record(verdict(alpha=1e-6, threshold=None)))

    assert found.threshold is None
    assert found.point.alpha == 1e-6


def test_names_with_broken_characters_or_of_enormous_length_are_recorded(history: History) -> None:
    broken = history.get(history.record(verdict(1, source="upload: \udc80\x00five.png")))
    long = history.get(history.record(verdict(2, source="x" * 100_000)))

    assert broken.source == "upload: ?five.png"
    assert len(long.source) == 500


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"image": np.zeros((8, 8), np.float32)}, r"\(28, 28\)", id="another size"),
        pytest.param({"class_id": 7}, "class id 7", id="no class"),
        pytest.param({"mark": "perhaps"}, "'perhaps'", id="no mark"),
    ],
)
def test_what_is_no_verdict_is_refused_and_nothing_is_recorded(
    history: History, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(HistoryError, match=said):
        history.record_all([verdict(1), verdict(2, **changes)])

    assert history.count().judged == 0


# One row


def test_the_same_image_model_and_line_are_one_row_that_was_last_seen_later(history: History) -> None:
    first = history.record(verdict(1, time=100.0, last_seen=100.0))

    again = history.record(verdict(1, time=900.0, last_seen=900.0, source="camera", source_kind="camera"))

    assert again == first
    found = history.get(first)
    assert (found.time, found.last_seen, found.source) == (100.0, 900.0, "upload: 1.png")
    assert history.count().judged == 1


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"model": "mnist-6"}, id="another model"),
        pytest.param({"model_hash": "retrained"}, id="the model retrained"),
        pytest.param({"evidence": "pixel"}, id="another evidence"),
        pytest.param({"alpha": 0.01}, id="another alpha"),
        pytest.param({"alpha": None}, id="a fixed threshold"),
        pytest.param({"visitor": "bob"}, id="another visitor"),
        pytest.param({"image": verdict(2).image}, id="another image"),
    ],
)
def test_another_judgement_of_the_same_digit_is_a_row_of_its_own(history: History, changes: dict[str, object]) -> None:
    first = history.record(verdict(1))

    second = history.record(verdict(1, **changes))

    assert first != second
    assert history.count().judged == 2


def test_a_drawing_is_one_row_that_follows_its_strokes(history: History) -> None:
    first = history.record(verdict(1, drawing="d1", last_seen=100.0, time=100.0))

    second = history.record(verdict(2, drawing="d1", last_seen=200.0, time=200.0, class_id=1))

    assert second == first
    found = history.browse()
    assert len(found) == 1
    assert (found[0].time, found[0].last_seen, found[0].class_id) == (100.0, 200.0, 1)
    np.testing.assert_array_equal(found[0].image, verdict(2).image)


def test_a_stroke_taken_back_to_a_digit_judged_before_leaves_one_row(history: History) -> None:
    example = history.record(verdict(1))
    history.record(verdict(2, drawing="d1"))

    back = history.record(verdict(1, drawing="d1", last_seen=5000.0))

    assert back == example
    assert [kept.id for kept in history.browse()] == [example]


def test_two_visitors_may_use_the_same_drawing_id(history: History) -> None:
    history.record(verdict(1, drawing="d1", visitor="ann"))
    history.record(verdict(2, drawing="d1", visitor="bob"))

    assert history.count().judged == 2


def test_a_marked_drawing_stays_as_it_was_marked_when_the_person_draws_on(history: History) -> None:
    marked = history.record(verdict(1, drawing="d1"))
    history.mark(marked, "wrong", "5")

    later = history.record(verdict(2, drawing="d1"))

    assert later != marked
    np.testing.assert_array_equal(history.get(marked).image, verdict(1).image)
    assert history.get(marked).mark == "wrong"
    assert history.record(verdict(3, drawing="d1")) == later


# Finding again


def fill(history: History) -> None:
    history.record_all(
        [
            verdict(1, model="mnist-1", class_id=0, source_kind="canvas", last_seen=1 * DAY),
            verdict(2, model="mnist-1", class_id=1, source_kind="upload", last_seen=2 * DAY),
            verdict(3, model="mnist-any", class_id=1, source_kind="upload", last_seen=3 * DAY),
            verdict(4, model="mnist-any", class_id=0, source_kind="batch", last_seen=4 * DAY, mark="right"),
            verdict(5, model="mnist-any", class_id=0, source_kind="batch", last_seen=5 * DAY, mark="wrong"),
        ]
    )


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        pytest.param(Filter(), [5, 4, 3, 2, 1], id="everything"),
        pytest.param(Filter(model="mnist-1"), [2, 1], id="model"),
        pytest.param(Filter(class_id=1), [3, 2], id="anomalies"),
        pytest.param(Filter(class_id=0), [5, 4, 1], id="normals"),
        pytest.param(Filter(source_kind="upload"), [3, 2], id="source"),
        pytest.param(Filter(since=2 * DAY, until=4 * DAY), [3, 2], id="dates, the end left out"),
        pytest.param(Filter(mark="wrong"), [5], id="marked wrong"),
        pytest.param(Filter(mark="none"), [3, 2, 1], id="unmarked"),
        pytest.param(Filter(model="mnist-any", class_id=0, mark="right"), [4], id="several at once"),
        pytest.param(Filter(model="mnist-7"), [], id="none"),
    ],
)
def test_a_filter_finds_its_rows_newest_first_and_counts_as_many(
    history: History, which: Filter, expected: list[int]
) -> None:
    fill(history)

    found = history.browse(which)

    assert [kept.source for kept in found] == [f"upload: {seed}.png" for seed in expected]
    assert history.count(which).judged == len(expected)


def test_pages_of_rows_follow_each_other(history: History) -> None:
    fill(history)

    pages = [history.browse(limit=2, offset=offset) for offset in (0, 2, 4, 6)]

    assert [[kept.last_seen / DAY for kept in page] for page in pages] == [[5, 4], [3, 2], [1], []]


def test_every_row_is_handed_out_once_for_an_export_though_rows_change_meanwhile(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.history.TOGETHER", 2)
    fill(history)

    seen = []
    for kept in history.each():
        history.record(replace(kept, last_seen=99 * DAY))
        seen.append(kept.id)

    assert seen == sorted(set(seen))
    assert len(seen) == 5


def test_counts_tell_anomalies_and_marks_apart(history: History) -> None:
    fill(history)

    assert history.count() == Counts(judged=5, anomalies=2, right=1, wrong=1)
    assert history.count(Filter(model="nobody")) == Counts(0, 0, 0, 0)


def test_models_and_sources_to_choose_from_are_those_that_occur(history: History) -> None:
    assert history.models() == []

    fill(history)

    assert history.models() == ["mnist-1", "mnist-any"]
    assert history.source_kinds() == ["batch", "canvas", "upload"]


def test_anomalies_are_counted_by_the_readers_own_days(history: History) -> None:
    before_midnight, after_midnight = 10 * DAY - 3600, 10 * DAY + 3600
    history.record(verdict(1, last_seen=before_midnight, class_id=1))
    history.record(verdict(2, last_seen=after_midnight))
    history.record(verdict(3, last_seen=after_midnight + 60, class_id=1))

    in_utc = history.anomalies_over_time()
    two_hours_east = history.anomalies_over_time(seconds_east=7200.0)

    assert [(p.start, p.judged, p.anomalies) for p in in_utc] == [(9 * DAY, 1, 1), (10 * DAY, 2, 1)]
    assert [(p.start, p.judged, p.anomalies) for p in two_hours_east] == [(10 * DAY - 7200, 3, 2)]


def test_a_row_that_is_not_there_is_said(history: History) -> None:
    with pytest.raises(HistoryError, match="no row 17"):
        history.get(17)
    with pytest.raises(HistoryError, match="Row 17 cannot be marked"):
        history.mark(17, "right")


# Marks and samples


def test_a_mark_says_whether_the_digit_was_normal_and_can_be_taken_back(history: History) -> None:
    flagged = history.record(verdict(1, class_id=1))

    history.mark(flagged, "wrong", "5")
    marked = history.get(flagged)
    history.mark(flagged, None)

    assert (marked.mark, marked.true_label, marked.truly_normal) == ("wrong", "5", True)
    assert (history.get(flagged).mark, history.get(flagged).truly_normal) == (None, None)


def test_a_sample_is_the_same_for_a_seed_and_another_for_another(history: History) -> None:
    history.record_all(verdict(seed) for seed in range(60))

    first, again, other = (history.draw_sample(20, seed) for seed in (1, 1, 2))

    assert first == again
    assert len(set(first)) == 20
    assert set(first) != set(other)
    assert len(history.draw_sample(1000, 1)) == 60
    assert history.draw_sample(0, 1) == ()


def test_every_row_is_drawn_equally_often(history: History) -> None:
    history.record_all(verdict(seed) for seed in range(40))

    drawn = np.bincount([row for seed in range(1000) for row in history.draw_sample(10, seed)], minlength=41)[1:]

    # 250 are expected with a standard deviation of 13.7.
    assert drawn.min() > 250 - 5 * 13.7
    assert drawn.max() < 250 + 5 * 13.7


def test_deleting_a_row_changes_at_most_that_row_of_a_sample(history: History) -> None:
    history.record_all(verdict(seed) for seed in range(60))
    before = history.draw_sample(20, 7)

    history.delete(Filter(ids=(before[3],)))

    assert len(set(before) & set(history.draw_sample(20, 7))) == 19


# Deleting


def test_one_some_and_all_are_deleted_and_the_last_deletion_is_undone(history: History) -> None:
    fill(history)

    assert history.delete(Filter(ids=(1,))) == 1
    assert history.delete(Filter(class_id=1)) == 2
    assert history.count().judged == 2
    assert history.can_undo() == 2
    assert history.undo_delete() == 2
    assert history.count().judged == 4
    assert history.undo_delete() == 0
    assert history.delete(EVERYTHING) == 4
    assert history.browse() == []
    assert history.undo_delete() == 4


def test_a_deletion_before_the_last_is_gone_from_the_file(history: History) -> None:
    fill(history)
    history.delete(Filter(ids=(1, 2)))

    history.delete(Filter(ids=(3,)))

    with sqlite3.connect(history.path) as file:
        assert [row[0] for row in file.execute("SELECT id FROM verdicts ORDER BY id")] == [3, 4, 5]
        assert [row[0] for row in file.execute("SELECT id FROM readings ORDER BY id")] == [3, 4, 5]


def test_what_was_deleted_a_day_ago_is_gone_with_the_next_verdict(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(history)
    history.delete(EVERYTHING)
    later = time.time() + 25 * 3600
    monkeypatch.setattr("core.history.time.time", lambda: later)

    history.record(verdict(9))

    assert history.undo_delete() == 0
    assert history.count().judged == 1


def test_undo_keeps_what_was_judged_anew_meanwhile(history: History) -> None:
    history.record_all([verdict(1), verdict(2), verdict(3, drawing="d1")])
    history.delete(EVERYTHING)
    history.record_all([verdict(1, last_seen=9000.0), verdict(4, drawing="d1")])

    history.undo_delete()

    found = history.browse()
    assert sorted(kept.source for kept in found) == [f"upload: {seed}.png" for seed in (1, 2, 3, 4)]
    assert found[0].last_seen == 9000.0
    assert history.get(found[0].id).source == "upload: 1.png"


# Visitors


def test_on_a_shared_server_each_visitor_sees_marks_and_deletes_only_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    ann, bob = (History(tmp_path / "h.sqlite", visitor=name) for name in ("ann", "bob"))
    ann.record_all([verdict(1, visitor="ann", model="mnist-1"), verdict(2, visitor="ann")])
    bobs = bob.record(verdict(3, visitor="bob", model="mnist-3", source_kind="batch"))

    assert [kept.source for kept in ann.browse()] == ["upload: 2.png", "upload: 1.png"]
    assert ann.count().judged == len(list(ann.each())) == len(ann.draw_sample(9, 0)) == 2
    assert (ann.models(), ann.source_kinds()) == (["mnist-1", "mnist-5"], ["upload"])
    assert sum(period.judged for period in ann.anomalies_over_time()) == 2
    with pytest.raises(HistoryError, match="another visitor"):
        ann.get(bobs)
    with pytest.raises(HistoryError, match="another visitor"):
        ann.mark(bobs, "right")
    assert ann.delete(Filter(ids=(bobs,))) == 0
    assert ann.delete(EVERYTHING) == 2
    assert bob.undo_delete() == 0
    assert bob.count().judged == 1
    assert ann.undo_delete() == 2


def test_on_a_shared_server_nobody_in_particular_sees_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")

    with pytest.raises(HistoryError, match="visitor id is missing"):
        History(tmp_path / "h.sqlite").browse()


def test_on_ones_own_machine_all_rows_are_seen_from_every_browser(history: History) -> None:
    history.record_all([verdict(1, visitor="ann"), verdict(2, visitor="")])

    assert History(history.path, visitor="bob").count().judged == 2


# Many at once, and a file that is not as it should be


def test_ten_threads_write_at_once_and_nothing_is_lost(history: History) -> None:
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
sys.path[:0] = [{root!r}, {tests!r}]
from pathlib import Path
from core.history import History
from test_history import verdict
history = History(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    print(history.record(verdict(number)), flush=True)
"""


def start_writer(path: Path, first: int, end: int) -> "subprocess.Popen[str]":
    code = WRITER.format(root=str(ROOT), tests=str(Path(__file__).parent))
    command = [sys.executable, "-c", code, str(path), str(first), str(end)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_both_find_no_file_lose_nothing(history: History) -> None:
    writers = [start_writer(history.path, first, first + 60) for first in (0, 100)]

    ids = [int(line) for writer in writers for line in writer.communicate(timeout=60)[0].splitlines()]

    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(set(ids)) == 120
    assert history.count().judged == 120


def test_a_writer_killed_in_the_middle_leaves_every_verdict_it_had_recorded(history: History) -> None:
    writer = start_writer(history.path, 0, 1_000_000)
    assert writer.stdout is not None
    said = [int(writer.stdout.readline()) for _ in range(random.Random(0).randint(20, 40))]

    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate(timeout=30)

    said += [int(line) for line in rest.splitlines()]
    assert {kept.id for kept in history.each()} >= set(said)
    history.record(verdict(5_000_000))


def test_a_file_of_an_older_version_is_brought_up_to_date(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    row = history.record(verdict(1))
    added = ("ALTER TABLE verdicts ADD COLUMN note TEXT NOT NULL DEFAULT 'none yet'",)
    monkeypatch.setattr(history_file, "MIGRATIONS", (*MIGRATIONS, added))

    found = history.get(row)

    assert found.source == "upload: 1.png"
    with sqlite3.connect(history.path) as file:
        assert file.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS) + 1
        assert file.execute("SELECT note FROM verdicts").fetchone()[0] == "none yet"


def test_an_upgrade_that_fails_leaves_the_older_file_whole(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    history.record(verdict(1))
    half = ("ALTER TABLE verdicts ADD COLUMN note TEXT", "ALTER TABLE nowhere ADD COLUMN note TEXT")
    with monkeypatch.context() as patch:
        patch.setattr(history_file, "MIGRATIONS", (*MIGRATIONS, half))
        with pytest.raises(HistoryError):
            history.count()

    assert history.count().judged == 1
    assert history.record(verdict(2)) == 2


def test_a_file_of_a_newer_version_is_refused_and_left_alone(history: History) -> None:
    history.record(verdict(1))
    with sqlite3.connect(history.path) as file:
        file.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")

    with pytest.raises(HistoryError, match=r"newer version.*update the program"):
        history.record(verdict(2))

    with sqlite3.connect(history.path) as file:
        assert file.execute("SELECT count(*) FROM verdicts").fetchone()[0] == 1


def test_another_programs_database_is_refused_and_left_alone(history: History) -> None:
    with sqlite3.connect(history.path) as file:
        file.execute("CREATE TABLE accounts(name TEXT)")
    before = history.path.read_bytes()

    with pytest.raises(HistoryError, match="another program's database"):
        history.record(verdict(1))

    with sqlite3.connect(history.path) as file:
        assert [row[0] for row in file.execute("SELECT name FROM sqlite_schema")] == ["accounts"]
    assert len(history.path.read_bytes()) == len(before)


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


def test_an_empty_file_is_simply_filled(history: History) -> None:
    history.path.touch()

    assert history.record(verdict(1)) == 1


def test_one_damaged_row_is_named_and_the_others_are_read(history: History) -> None:
    history.record_all([verdict(1), verdict(2)])
    with sqlite3.connect(history.path) as file:
        file.execute("UPDATE readings SET image = ? WHERE id = 2", (b"\x00\x01",))

    with pytest.raises(HistoryError, match="Row 2 of the history is damaged"):
        history.get(2)

    assert history.get(1).source == "upload: 1.png"
    assert history.delete(Filter(ids=(2,))) == 1


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


def test_a_state_folder_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("ODD_DIGIT_STATE", str(tmp_path / "file" / "state"))

    with pytest.raises(HistoryError, match="ODD_DIGIT_STATE"):
        History()
    with pytest.raises(HistoryError, match="cannot be opened"):
        History(tmp_path / "file" / "history.sqlite").record(verdict(1))


def test_a_file_removed_while_the_program_runs_is_made_again(history: History) -> None:
    history.record(verdict(1))
    for path in list(history.path.parent.iterdir()):
        path.unlink()

    assert history.record(verdict(2)) == 1


# Size


def test_twenty_thousand_rows_are_browsed_within_fifty_milliseconds(history: History) -> None:
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
            "INSERT INTO readings SELECT id, '{}', '{}', '{}', (SELECT image FROM readings WHERE id = 1) FROM verdicts"
            " WHERE id > 20"
        )

    def best(work: Callable[[], object]) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return min(times)

    assert history.count().judged == 20_480
    assert best(history.browse) < 0.05
    assert best(lambda: history.browse(Filter(class_id=1), offset=900)) < 0.05
    assert best(lambda: history.browse(offset=20_000)) < 0.05
    assert best(history.count) < 0.05
    assert best(history.models) < 0.05
