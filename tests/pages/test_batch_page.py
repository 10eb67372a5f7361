"""The Batch page: see the odd ones first, move the threshold, correct labels, take the findings away."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st

from core import datasets
from core.batch import corrections, queue, second_opinions
from core.batch.findings import Review, Rule
from core.datasets.examples import sample_files
from core.detector import Detector, registry
from core.jobs.queue import State
from core.operating_point import OperatingPoint
from pages.ui.batch import watch
from pages.ui.text import plain
from tests.support import opened
from tests.support.batch_page import ME, RULE, finished, judged, show
from tests.support.opened import as_read, button, checked, text
from tests.support.pens import beside_a_faint_stroke, folded
from tests.support.piles import digits, png
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("judged_here")


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
