"""The Batch page: hand a pile in, see the odd ones first, move the threshold, take the findings away."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import datasets
from core.batch import corrections, queue, second_opinions
from core.batch.findings import Review, Rule
from core.batch.store import Store, stores
from core.datasets.examples import sample_files
from core.detector import Detector, registry
from core.history import History
from core.jobs.queue import State
from core.operating_point import OperatingPoint
from pages.ui import picker
from pages.ui.batch import watch
from pages.ui.text import plain
from tests.support import judging, opened
from tests.support.disks import read_only
from tests.support.opened import as_read, button, checked, text
from tests.support.pens import beside_a_faint_stroke, folded
from tests.support.piles import digits, png, sheet, zipped
from tests.support.waiting import wait_for

ME = "local"
RULE = Rule(OperatingPoint("tiny-any", "fused", 0.05))
FORM = png(sheet("0123456789", columns=5)[0])


@pytest.fixture(autouse=True)
def _models(tiny_shelf: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny models on the shelf, and no process to wait for."""
    monkeypatch.setattr("core.batch.queue.start", judging.by_name)


def show(**query: str) -> AppTest:
    return opened.open_page("pages/3_Batch.py", **({"model": "tiny-any"} | query))


def finished(server: queue.BatchQueue, store: Store) -> Store:
    wait_for(lambda: not server.standing(store).state.busy)
    return store


def judged(detector: Detector, uploads: list[queue.Upload], keep: bool = False) -> Store:
    """A pile that was judged before the page is opened."""
    server = queue.of_server()
    return finished(server, server.submit(uploads, detector, RULE, ME, keep=keep))


def test_the_examples_are_judged_at_a_click_and_shown_oddest_first() -> None:
    page = show()
    assert page.expander[0].proto.expanded
    assert "Nothing judged yet" in text(page)
    assert "the nearest to 5 % that keeps it) of normal digits" in text(page)
    assert "**tiny-any** is weak" in text(page)

    checked(button(page, "46 drawn examples").click().run())
    (store,) = stores(ME)
    finished(queue.of_server(), store)
    checked(page.run())

    said = text(page)
    assert not page.expander[0].proto.expanded, "the intake stands open above the answer"
    assert "45 digits" in said
    assert "1 refused" in said
    assert "probably mislabelled" in said
    assert History().count().judged == 45


def test_where_nothing_can_be_kept_the_examples_say_so_below_their_button(state_dir: Path) -> None:
    page = show()

    with read_only(state_dir):
        checked(button(page, "46 drawn examples").click().run())

    assert [one for one in page.error if "batches cannot be written" in one.value.replace("\\", "")]
    (beside, *_) = (column for column in page.columns if column.button and column.error)
    assert "46 drawn examples" in beside.button[0].label


def test_an_archive_says_what_it_holds_and_which_model_will_judge() -> None:
    page = show()
    scans = zipped((f"{i}.png", png(image)) for i, image in enumerate(digits(40)[0]))
    page.file_uploader[0].set_value([("scans.zip", scans, "application/zip")])

    checked(page.run())

    assert button(page, "Judge 1 file, about 40 pictures")
    assert "tiny-any** judges: only 0s, 5s and 8s are normal" in text(page)


def test_uploaded_files_become_rows_drawn_or_not_and_the_history_can_be_left_alone() -> None:
    page = show()
    uploads = [(f"{i}.png", png(image), "image/png") for i, image in enumerate(digits(5)[0])]
    page.file_uploader[0].set_value(uploads)
    checked(page.run())
    page.toggle(key="pile_keep").set_value(False)
    page.toggle(key="pile_full").set_value(True)

    checked(button(page, "Judge 5 files").click().run())
    (store,) = stores(ME)
    assert store.job.manner.full
    finished(queue.of_server(), store)
    checked(page.run())

    assert "5 digits" in text(page)
    assert History().count().judged == 0


def test_a_sheet_is_split_and_its_digits_open_with_their_place_in_it(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(tiny_detector_any, [queue.Upload("form.png", FORM)])
    page = show()
    page.segmented_control(key="shown_kind").set_value("all")
    opened.press(monkeypatch, "gallery", 3)

    checked(page.run())

    assert "10 digits" in text(page)
    assert "Number 4 · form" in text(page)
    assert "put where they stood: the picture itself is not kept; press another to see it" in text(page)
    assert "look at least this odd" in text(page)
    (again,) = opened.components(page, "boxes")
    opened.press(monkeypatch, "gallery")  # nothing more: the reading stays open, however often the page is drawn
    assert [box["id"] for box in again["boxes"]] == list(range(10))


def test_the_next_pile_begins_empty_while_the_picture_of_the_last_is_still_at_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = show()
    page.file_uploader[0].set_value([("form.png", FORM, "image/png")])
    checked(page.run())
    page.toggle(key="pile_keep").set_value(False)
    checked(button(page, "Judge 1 file").click().run())
    (store,) = stores(ME)
    finished(queue.of_server(), store)

    checked(page.run())
    page.segmented_control(key="shown_kind").set_value("all")
    opened.press(monkeypatch, "gallery", 3)
    checked(page.run())

    assert not [one for one in page.button if "Judge" in one.label]
    assert "Number 4 · form" in text(page)
    assert "Where it stood in the picture; press another to see it" in text(page)
    (itself,) = opened.components(page, "boxes")
    assert [box["id"] for box in itself["boxes"]] == list(range(10))
    opened.press(monkeypatch, "gallery")
    page.file_uploader[0].set_value([("other.png", FORM, "image/png")])
    checked(page.run())
    assert button(page, "Judge 1 file")
    assert not page.toggle(key="pile_keep").value, "what was chosen for the pile before is forgotten"


def test_the_threshold_can_be_moved_after_the_pile_was_judged(tiny_detector_any: Detector) -> None:
    store = judged(tiny_detector_any, [queue.Upload(f"{i}.png", png(image)) for i, image in enumerate(digits(40)[0])])
    counts = {}
    for alpha in (0.05, 0.5):
        page = show(alpha=str(alpha))
        counts[alpha] = Review(store, Rule(OperatingPoint("tiny-any", "fused", alpha))).summary.flagged
        assert f"{counts[alpha]:,} flagged" in text(page)
    assert counts[0.05] < counts[0.5]


def test_what_passes_and_is_read_otherwise_by_the_network_of_all_ten_can_be_looked_through(
    tiny_detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, rule = queue.of_server(), Rule(OperatingPoint("tiny-5", "fused", 0.05))
    fives = datasets.load("digits", "test").of("5")[:3]
    uploads = [queue.Upload(f"{i}.png", png(np.rint(255 * image).astype(np.uint8))) for i, image in enumerate(fives)]
    store = finished(server, server.submit(uploads, tiny_detector, rule, ME, keep=False))
    sixes = np.zeros((3, 10))
    sixes[:, 6] = 0.9
    np.save(store.folder / second_opinions.FILE, sixes)

    opened.press(monkeypatch, "gallery", int(np.argmin(Review(store, rule).flagged)))
    page = show(model="tiny-5")
    page.segmented_control(key="shown_kind").set_value("doubted")
    said = text(checked(page.run()))

    passed = 3 - Review(store, rule).summary.flagged
    assert f"{passed} passed, but read otherwise" in said
    (gallery,) = opened.components(page, "tiles")
    assert [tile["lines"][0] for tile in gallery["tiles"]] == ["reads as 6"] * passed
    assert "Normal for a network that knows only 5s" in said


def test_a_false_discovery_rate_that_cannot_flag_says_so_beforehand() -> None:
    page = show()
    page.segmented_control(key="flag_by").set_value("false discoveries")
    uploads = [(f"{i}.png", png(image), "image/png") for i, image in enumerate(digits(30)[0])]
    page.file_uploader[0].set_value(uploads)

    checked(page.run())

    assert "at most 10 % are expected to be normal" in text(page)
    assert "flags none at all" in text(page)


def test_a_batch_is_looked_through_once_its_first_digits_are_judged_whatever_was_watched_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anew: list[str] = []
    standing = SimpleNamespace(state=State.RUNNING, progress=None)
    monkeypatch.setattr(queue, "of_server", lambda: SimpleNamespace(standing=lambda store: standing))
    monkeypatch.setattr(st, "session_state", {})
    for name in ("first", "second"):
        monkeypatch.setattr(st, "rerun", lambda name=name: anew.append(name))
        store: Any = SimpleNamespace(folder=Path(name), parts=["a part"], job=SimpleNamespace(title="", total=9))
        watch._watch(store)
        watch._watch(store)

    assert anew == ["first", "second"]


def test_table_and_charts_show_the_same_pile(tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    store = judged(tiny_detector_any, [queue.Upload(*file) for file in sample_files()])
    page = show()
    page.segmented_control(key="shown_kind").set_value("all")
    page.segmented_control(key="view").set_value("Table")
    checked(page.run())

    table = page.dataframe[0].value

    assert len(table) == 46
    assert {"number", "digit", "reconstruction", "verdict", "p-value", "reads as", "label", "source"} <= set(
        table.columns
    )
    labels = Review(store, RULE).labels
    for number, said in zip(table["number"], table["label fits"], strict=True):
        row = number - 1
        fits = None if np.isnan(labels.p_value[row]) else "no" if labels.disagreeing[row] else "yes"
        expected = f"{fits}: probably mislabelled" if labels.mislabelled[row] else fits
        assert (said if isinstance(said, str) else None) == expected
    assert table["verdict"].tolist()[-1] == "refused"
    scores = [score for score in table["score"] if score == score]
    assert scores == sorted(scores, reverse=True)
    for lines in ([1], []):  # chosen, and pressed once more after its reading was closed
        page.session_state["opened"] = None
        with monkeypatch.context() as browser:
            browser.setattr(st, "dataframe", partial(choose, lines))
            assert f"Number {table['number'][1]} ·" in text(checked(page.run()))
    page.segmented_control(key="view").set_value("Charts")
    checked(page.run())


def choose(lines: list[int], _: object, key: str = "", on_select: Callable[[], None] | None = None, **__: Any) -> None:
    """Lines of a table are chosen, as a browser does."""
    if on_select is not None:
        st.session_state[key] = {"selection": {"rows": lines}}
        on_select()


def test_what_was_unsure_in_pictures_is_said_of_the_batch_and_where_to_choose_otherwise(
    tiny_detector_any: Detector,
) -> None:
    pictures = {"a.png": beside_a_faint_stroke(), "b.png": beside_a_faint_stroke(), "c.png": folded()}
    judged(tiny_detector_any, [queue.Upload(name, png(picture)) for name, picture in pictures.items()])

    said = text(show())

    otherwise = "To choose otherwise for one, give it to Upload on the first page."
    assert f"Faint strokes were left out in 2 pictures. {otherwise}" in said
    assert f"Gaps that are cut straight, as by a fold, were closed in one picture. {otherwise}" in said


def test_refused_files_are_listed_with_their_reasons(tiny_detector_any: Detector) -> None:
    judged(tiny_detector_any, [queue.Upload("good.png", png(digits(1)[0][0])), queue.Upload("bad_$x$.png", b"none")])
    page = show()
    page.segmented_control(key="shown_kind").set_value("refused")

    checked(page.run())

    table = page.table[0].value
    assert table["source"].tolist() == [plain("bad_$x$.png")]
    assert as_read(table["why"].tolist()[0]).startswith("Is not a picture that can be read: give")


def test_a_pile_of_which_nothing_can_be_read_says_so_and_shows_why_at_once(tiny_detector_any: Detector) -> None:
    judged(tiny_detector_any, [queue.Upload("a.png", b"none"), queue.Upload("b.png", b"none")])

    page = show()

    assert "No digit could be read · 2 refused" in text(page)
    assert page.table[0].value["source"].tolist() == [plain("a.png"), plain("b.png")]
    assert "would be flagged" not in text(page)
    assert [one.proto.label for one in page.get("download_button")] == ["CSV", "Parquet"]


def test_before_the_first_pile_the_examples_are_judged_in_the_picture_and_open_at_a_press(
    monkeypatch: pytest.MonkeyPatch, tiny_detector_any: Detector
) -> None:
    monkeypatch.setattr(picker, "detector", lambda name: tiny_detector_any)
    page = show(model="mnist-any")

    assert "1 flagged" in text(show(model="mnist-any", alpha="0.002")), "the line above does not move in the examples"
    assert "45 digits · 3 flagged · 1 refused · 2 probably mislabelled" in text(page)
    odd, others = opened.components(page, "tiles")
    assert [tile["lines"][-1] for tile in odd["tiles"]][-2:] == ["reads as 7", "reads as 4"]
    assert {tile["kind"] for tile in odd["tiles"][:3]} == {"anomaly"}
    assert {tile["kind"] for tile in others["tiles"]} == {"normal"}
    assert len(odd["tiles"]) + len(others["tiles"]) == 45

    opened.press(monkeypatch, "examples-odd", 43)
    checked(page.run())

    assert "Number 44 · found/letter.png" in text(page)
    assert "label-pile-43" not in page.session_state, "labels of the examples cannot be set right"


def test_the_batch_that_was_handed_in_last_is_shown_and_another_once_chosen(tiny_detector_any: Detector) -> None:
    older = judged(tiny_detector_any, [queue.Upload("older.png", png(digits(1)[0][0]))])
    judged(tiny_detector_any, [queue.Upload("newer.png", png(digits(1)[0][0]))])
    page = show()
    chosen = next(one for one in page.selectbox if one.label == "Batch")
    assert "newer" in chosen.options[chosen.index or 0]

    chosen.set_value(older.folder.name).run()

    assert next(one for one in page.selectbox if one.label == "Batch").value == older.folder.name
    checked(button(page, "Delete it").click().run())
    assert "1 digit" in text(page)


def test_a_batch_keeps_its_model_when_another_is_chosen_and_is_deleted_with_everything_in_it(
    tiny_detector_any: Detector,
) -> None:
    store = judged(tiny_detector_any, [queue.Upload("a.png", png(digits(1)[0][0]))])
    page = show(model="tiny-5")
    assert "Judged by tiny-any" in text(page)

    checked(button(page, "Delete it").click().run())

    assert not store.folder.exists()
    assert "Nothing judged yet" in text(page)
    assert page.expander[0].proto.expanded


def test_a_batch_whose_model_is_gone_still_opens_as_it_was_recorded(
    tiny_detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = queue.of_server()
    uploads = [queue.Upload(f"5/{i}.png", png(image)) for i, image in enumerate(digits(30)[0])]
    rule = Rule(OperatingPoint("tiny-5", "fused", 0.05))
    store = finished(server, server.submit(uploads, tiny_detector, rule, ME, keep=False))
    read = np.zeros((30, 10))
    read[:, 5] = 0.9
    np.save(store.folder / second_opinions.FILE, read)
    assert Review(store, rule).labels.read is not None
    registry.delete("tiny-5", "")
    opened.press(monkeypatch, "gallery", int(np.argmax(Review(store, rule).flagged)))

    said = as_read(text(show()))

    assert "Judged by tiny-5, fused, which is no longer here: the line stays." in said
    assert "tiny-5 is no longer here: this is what it said." in said
    assert "normal 5s look at least this odd." in said
    assert "would still read it as a 5" in said


def test_an_interrupted_batch_can_be_gone_on_with(tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.batch.run.TOGETHER", 1)
    server = queue.of_server()
    uploads = [queue.Upload(f"{i}.png", png(image)) for i, image in enumerate(digits(60)[0])]
    store = server.submit(uploads, tiny_detector_any, RULE, ME, keep=False)
    wait_for(lambda: store.done[0] >= 2)
    server.stop(store)
    finished(server, store)
    page = show()
    assert "Stopped after" in text(page)

    checked(button(page, "Go on").click().run())
    finished(server, store)

    assert "60 digits" in text(checked(page.run()))


def test_labels_typed_in_the_gallery_are_kept_and_the_corrected_set_is_offered(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, _ = digits(3)
    store = judged(tiny_detector_any, [queue.Upload(f"8/{i}.png", png(image)) for i, image in enumerate(images)])
    opened.press(monkeypatch, "gallery", labels={0: "no digit", 1: "5", 2: "8"})
    page = show()

    page.segmented_control(key="shown_kind").set_value("all")
    checked(page.run())
    checked(page.run())

    assert corrections.read(store) == {0: "no digit", 1: "5", 2: "8"}
    assert "2 labels corrected, 1 found right" in text(page).replace("*", "")


@pytest.mark.parametrize(("label", "said"), [("5", "it is a 5"), ("no digit", "it is no digit")])
def test_a_label_is_set_right_in_the_full_reading(
    tiny_detector_any: Detector, monkeypatch: pytest.MonkeyPatch, label: str, said: str
) -> None:
    store = judged(tiny_detector_any, [queue.Upload("8/a.png", png(digits(1)[0][0]))])
    opened.press(monkeypatch, "gallery", 0)
    page = show()
    page.segmented_control(key="shown_kind").set_value("all")
    checked(page.run())

    right = next(one for one in page.get("button_group") if one.key and one.key.startswith("label-"))
    checked(right.set_value(label).run())

    assert corrections.read(store) == {0: label}
    assert f"Labelled 8, set right: {said}." in text(page)
    assert "Probably mislabelled." not in text(page)


def test_above_an_answer_what_chose_its_line_folds_and_says_what_it_is(tiny_detector_any: Detector) -> None:
    judged(tiny_detector_any, [queue.Upload("8/a.png", png(digits(1)[0][0]))])
    page = checked(show())
    line = page.button(key="unfold")
    assert (line.label, line.icon) == ("tiny\\-any, line at 5 % false alarms", ":material/expand_more:")

    page.segmented_control(key="flag_by").set_value("false discoveries")
    checked(line.click().run())

    line = page.button(key="unfold")
    assert (line.label, line.icon) == ("tiny\\-any, few normal among the flagged", ":material/expand_less:")
