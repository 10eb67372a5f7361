"""The Batch page before there is an answer: drawn examples to look at, and the ways to hand a pile in."""

from pathlib import Path

import pytest

from core.batch import queue
from core.batch.store import stores
from core.detector import Detector
from core.history import History
from pages.ui import picker
from tests.support import opened
from tests.support.batch_page import ME, finished, judged, show
from tests.support.disks import read_only
from tests.support.opened import button, checked, text
from tests.support.piles import digits, png, sheet, zipped

pytestmark = pytest.mark.usefixtures("judged_here")
FORM = png(sheet("0123456789", columns=5)[0])


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


def test_a_false_discovery_rate_that_cannot_flag_says_so_beforehand() -> None:
    page = show()
    page.segmented_control(key="flag_by").set_value("false discoveries")
    uploads = [(f"{i}.png", png(image), "image/png") for i, image in enumerate(digits(30)[0])]
    page.file_uploader[0].set_value(uploads)

    checked(page.run())

    assert "at most 10 % are expected to be normal" in text(page)
    assert "flags none at all" in text(page)


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
