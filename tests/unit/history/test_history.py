from pathlib import Path

import numpy as np
import pytest

from core import settings
from core.errors import HistoryError
from core.history import EVERYTHING, Filter, History, Verdict
from core.operating_point import OperatingPoint
from tests.support.recorded import verdict
from tests.support.stand_in import readings


def fields(kept: Verdict) -> dict[str, object]:
    return {name: value for name, value in vars(kept).items() if name not in ("image", "id")}


@pytest.mark.parametrize(
    "changes",
    [
        {"digits": {"4": 0.2, "9": None}, "model_hash": "ab12", "true_label": "4", "mark": "wrong", "visitor": "ann"},
        {"alpha": 1e-6, "threshold": None},
    ],
    ids=["all of it", "a threshold that never flags"],
)
def test_a_verdict_is_read_back_exactly_as_it_was_recorded(history: History, changes: dict[str, object]) -> None:
    recorded = verdict(1, **changes)

    stored = history.get(history.record(recorded))

    assert fields(stored) == fields(recorded)
    assert stored.point == recorded.point
    assert stored.image.dtype == np.float32
    np.testing.assert_array_equal(stored.image, recorded.image)


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
    stored = history.get(history.record(verdict(image=image))).image

    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, image)


def test_a_row_of_readings_becomes_a_verdict_with_its_threshold_and_its_digits() -> None:
    read, point = readings(50, 99.5, normal=("4", "9")), OperatingPoint("stand-in", "fused", 0.05)

    kept = Verdict.of(read, 1, point, source="canvas", source_kind="canvas", visitor="ann")

    assert (kept.model, kept.class_id, kept.visitor, kept.point) == ("stand-in", 1, "ann", point)
    assert kept.p_value == 0.01
    assert kept.threshold == read.threshold(point)
    assert kept.digits == {"4": 0.01, "9": 0.005}


def test_names_with_broken_characters_or_of_enormous_length_are_recorded(history: History) -> None:
    broken = history.get(history.record(verdict(1, source="upload: \udc80\x00five.png")))
    long = history.get(history.record(verdict(2, source="x" * 100_000)))

    assert broken.source == "upload: ��five.png"
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


def test_the_same_image_model_and_threshold_are_one_row_that_was_last_seen_later(history: History) -> None:
    first = history.record(verdict(1, time=100.0, last_seen=100.0))

    again = history.record(verdict(1, time=900.0, last_seen=900.0, source="camera", source_kind="camera"))

    assert again == first
    stored = history.get(first)
    assert (stored.time, stored.last_seen, stored.source) == (100.0, 900.0, "upload: 1.png")
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


@pytest.mark.parametrize("drawing", ["", "d1"], ids=["a pile", "a drawing among them"])
def test_digits_that_are_the_same_within_one_pile_share_a_row(history: History, drawing: str) -> None:
    pile = [verdict(1), verdict(2), verdict(1, last_seen=9e9), verdict(3, drawing=drawing)]

    first, second, again, other = history.record_all(pile)

    assert first == again
    assert len({first, second, other}) == history.count().judged == 3
    assert history.get(first).last_seen == 9e9
    np.testing.assert_array_equal(history.get(other).image, pile[3].image)


def test_a_drawing_is_one_row_that_follows_its_strokes_whatever_others_call_theirs(
    shared_server: None, history: History
) -> None:
    history = History(history.path, visitor="ann")
    History(history.path).record(verdict(1, drawing="d1", visitor="bob"))
    first = history.record(verdict(1, drawing="d1", visitor="ann", last_seen=100.0, time=100.0))

    second = history.record(verdict(2, drawing="d1", visitor="ann", last_seen=200.0, time=200.0, class_id=1))

    (stored,) = history.browse()
    assert (stored.id, stored.id) == (first, second)
    assert (stored.time, stored.last_seen, stored.class_id) == (100.0, 200.0, 1)
    np.testing.assert_array_equal(stored.image, verdict(2).image)


def test_a_stroke_taken_back_to_a_digit_judged_before_leaves_one_row(history: History) -> None:
    example = history.record(verdict(1))
    history.record(verdict(2, drawing="d1"))

    back = history.record(verdict(1, drawing="d1", last_seen=5000.0))

    assert back == example
    assert [kept.id for kept in history.browse()] == [example]


def test_a_marked_drawing_stays_as_it_was_marked_when_the_person_draws_on(history: History) -> None:
    marked = history.record(verdict(1, drawing="d1"))
    history.mark(marked, "wrong", "5")

    later = history.record(verdict(2, drawing="d1"))

    assert later != marked
    np.testing.assert_array_equal(history.get(marked).image, verdict(1).image)
    assert history.get(marked).mark == "wrong"
    assert history.record(verdict(3, drawing="d1")) == later


def test_on_a_shared_server_each_visitor_sees_marks_and_deletes_only_their_own(
    tmp_path: Path, shared_server: None
) -> None:
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
    with pytest.raises(HistoryError, match="visitor id is missing"):
        History(tmp_path / "h.sqlite").browse()


def test_on_ones_own_machine_all_rows_are_seen_from_every_browser(history: History) -> None:
    history.record_all([verdict(1, visitor="ann"), verdict(2, visitor="")])

    assert History(history.path, visitor="bob").count().judged == 2


def test_a_visitor_keeps_so_many_rows_and_more_are_refused_until_some_are_deleted(
    tmp_path: Path, shared_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ROWS", 2)
    annas, bens = (History(tmp_path / "history.sqlite", visitor=who) for who in ("anna", "ben"))
    kept = annas.record_all([verdict(1, visitor="anna"), verdict(2, visitor="anna")])

    with pytest.raises(HistoryError, match=r"would have 3 verdicts, and a visitor keeps 2 here: delete some"):
        annas.record(verdict(3, visitor="anna"))
    assert annas.count().judged == 2
    assert annas.record(verdict(2, visitor="anna")) == kept[1], "what is there already is seen again"
    assert bens.record(verdict(3, visitor="ben")), "another visitor has as much room as before"
    annas.delete(Filter(ids=(kept[0],)))
    assert annas.record(verdict(3, visitor="anna"))
