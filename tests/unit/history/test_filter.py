import sqlite3
import time
from dataclasses import replace

import numpy as np
import pytest

from core.errors import HistoryError
from core.history import EVERYTHING, Counts, Filter, History
from tests.support.recorded import verdict

DAY = 86400.0


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

    stored = history.browse(which)

    assert [kept.source for kept in stored] == [f"upload: {seed}.png" for seed in expected]
    assert history.count(which).judged == len(expected)


def test_pages_of_rows_follow_each_other(history: History) -> None:
    fill(history)

    pages = [history.browse(limit=2, offset=offset) for offset in (0, 2, 4, 6)]

    assert [[kept.last_seen / DAY for kept in page] for page in pages] == [[5, 4], [3, 2], [1], []]


def test_every_row_is_handed_out_once_for_an_export_though_rows_change_meanwhile(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.history.history.TOGETHER", 2)
    fill(history)

    seen = []
    for kept in history.each():
        history.record(replace(kept, last_seen=99 * DAY))
        seen.append(kept.id)

    assert seen == sorted(set(seen))
    assert len(seen) == 5


def test_counts_tell_anomalies_and_marks_apart_and_what_can_be_chosen_is_what_occurs(history: History) -> None:
    assert history.models() == []

    fill(history)

    assert history.count() == Counts(judged=5, anomalies=2, right=1, wrong=1)
    assert history.count(Filter(model="nobody")) == Counts(0, 0, 0, 0)
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


def test_a_mark_says_whether_the_digit_was_normal_and_can_be_taken_back(history: History) -> None:
    flagged = history.record(verdict(1, class_id=1))

    history.mark(flagged, "wrong", "5")
    marked = history.get(flagged)
    history.mark(flagged, None)

    assert (marked.mark, marked.true_label, marked.truly_normal) == ("wrong", "5", True)
    assert (history.get(flagged).mark, history.get(flagged).truly_normal) == (None, None)


def test_a_sample_is_the_same_for_a_seed_another_for_another_and_a_deletion_changes_but_that_row(
    history: History,
) -> None:
    history.record_all(verdict(seed) for seed in range(60))

    first, again, other = (history.draw_sample(20, seed) for seed in (1, 1, 2))

    assert first == again
    assert len(set(first)) == 20
    assert set(first) != set(other)
    assert len(history.draw_sample(1000, 1)) == 60
    assert history.draw_sample(0, 1) == ()
    history.delete(Filter(ids=(first[3],)))
    assert len(set(first) & set(history.draw_sample(20, 1))) == 19


def test_every_row_is_drawn_equally_often(history: History) -> None:
    history.record_all(verdict(seed) for seed in range(40))

    drawn = np.bincount([row for seed in range(300) for row in history.draw_sample(10, seed)], minlength=41)[1:]

    # 75 are expected with a standard deviation of 7.5.
    assert np.abs(drawn - 75).max() < 5 * 7.5


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
    monkeypatch.setattr("core.history.history.time.time", lambda: later)

    history.record(verdict(9))

    assert history.undo_delete() == 0
    assert history.count().judged == 1


def test_undo_keeps_what_was_judged_anew_meanwhile(history: History) -> None:
    history.record_all([verdict(1), verdict(2), verdict(3, drawing="d1")])
    history.delete(EVERYTHING)
    history.record_all([verdict(1, last_seen=9000.0), verdict(4, drawing="d1")])

    history.undo_delete()

    stored = history.browse()
    assert sorted(kept.source for kept in stored) == [f"upload: {seed}.png" for seed in (1, 2, 3, 4)]
    assert stored[0].last_seen == 9000.0
    assert history.get(stored[0].id).source == "upload: 1.png"
