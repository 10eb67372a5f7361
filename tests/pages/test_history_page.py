import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.calibration.conformal import Calibration
from core.calibration.few_digits import adapted
from core.datasets import load
from core.detector import Detector, registry
from core.history import History, Verdict
from core.operating_point import EVIDENCES, OperatingPoint
from tests.support.opened import as_read, checked, open_page, text
from tests.support.recorded import verdict

NOON = 1_600_000_000.0  # 13 September 2020, about noon in UTC


@pytest.fixture
def history() -> History:
    return History()


def one(number: int = 1) -> Verdict:
    """A normal verdict on an image of its own, drawn on the canvas a minute after the one before."""
    moment = NOON + 60 * number
    return verdict(number, source="canvas", source_kind="canvas", p_value=0.3, time=moment, last_seen=moment)


def fill(history: History, n: int = 3) -> list[int]:
    """Verdicts 1 .. n, each a minute after the one before; every third is an anomaly by mnist-8."""
    odd = {"model": "mnist-8", "class_id": 1, "p_value": 0.004}
    return history.record_all(
        replace(
            one(number),
            source="canvas" if number == 1 else f"upload: {number}.png",
            source_kind="canvas" if number == 1 else "upload",
            **(odd if number % 3 == 0 else {}),
        )
        for number in range(1, n + 1)
    )


def show(**query: str | list[str]) -> AppTest:
    return open_page("pages/4_History.py", **query)


def rows(page: AppTest) -> list[int]:
    keys = [str(button.key) for button in page.button]
    return [int(key.removeprefix("delete-")) for key in keys if key.removeprefix("delete-").isdigit()]


def test_an_empty_history_says_how_it_fills_and_where_it_lies_and_anothers_rows_leave_it_empty(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = show()
    assert str(history.path) in text(page)
    fill(history)
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")

    for empty in (page, show()):
        assert "Nothing here yet" in text(empty)
        assert rows(empty) == []


def test_verdicts_are_listed_newest_first_with_their_words_and_numbers(history: History) -> None:
    first, second, third = fill(history)

    page = show()

    assert rows(page) == [third, second, first]
    assert "In all 3, 1 anomaly" in text(page)
    assert "Anomaly]** · 0.4 % of" in text(page)
    assert "upload: 2.png" in text(page)
    assert page.image is not None


def test_what_passed_one_network_and_reads_otherwise_to_that_of_all_ten_is_called_so(history: History) -> None:
    history.record_all([replace(one(), model="mnist-5", second_opinion="6")])

    said = text(show())

    assert "Normal for a network that knows only 5s" in said
    assert "30 % of normal 5s look at least this odd. The network that knows all ten digits reads it as a 6." in said


def test_few_digits_of_ones_own_stand_for_as_many_as_where_they_were_judged(
    history: History, tiny_detector: Detector
) -> None:
    own, known = Calibration.fit(np.arange(24.0)), Calibration.fit(np.arange(600.0))
    few = replace(tiny_detector.state_, calibrations=dict.fromkeys(EVIDENCES, adapted(own, known)))
    registry.add(few, "few-fives", "")
    few_fives = {"model": "few-fives", "class_id": 1}
    history.record_all([replace(one(number), **few_fives, p_value=p) for number, p in ((1, 0.001), (2, 0.03))])

    said = text(show())

    assert "At most 0.1 % of normal 5s look at least this odd." in said
    assert "3 % of normal 5s look at least this odd." in said


def test_a_row_says_what_draw_said_at_a_threshold_of_ones_own_and_by_another_evidence(history: History) -> None:
    digits = {"8": 0.3, "3": 0.08, "9": 0.02}
    history.record_all([replace(one(1), model="mnist-any", alpha=None, threshold=1.4279500246, digits=digits)])
    history.record_all([replace(one(2), model="mnist-5", evidence="pixel", p_value=1 / 1085, class_id=1)])

    said = text(show())

    assert "Normal: reads as 8 or 3" in said
    assert "At most 0.092 % of normal 5s look at least this odd." in said


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"by_model": "mnist-8"}, [3], id="model"),
        pytest.param({"by_verdict": "normal"}, [2, 1], id="verdict"),
        pytest.param({"by_source": "drawing"}, [1], id="source"),
        pytest.param({"by_mark": "wrong"}, [2], id="mark"),
        pytest.param({"days": ["2020-09-15", "2020-09-20"]}, [], id="later days"),
        pytest.param({"days": ["2020-09-12", "2020-09-14"]}, [3, 2, 1], id="the days around it"),
    ],
)
def test_a_link_opens_the_history_filtered(
    history: History, query: dict[str, str | list[str]], expected: list[int]
) -> None:
    ids = fill(history)
    history.mark(ids[1], "wrong")

    page = show(**query)

    assert rows(page) == [ids[number - 1] for number in expected]
    assert ("No verdict matches" in text(page)) == (not expected)


def test_a_verdict_is_marked_wrong_and_given_its_true_label(history: History) -> None:
    _, second, _ = fill(history)
    page = show()

    checked(page.segmented_control(key=f"mark-{second}").set_value("wrong").run())
    checked(page.selectbox(key=f"label-{second}").select("3").run())

    assert (history.get(second).mark, history.get(second).true_label) == ("wrong", "3")
    assert "1 marked, 1 of them wrong" in text(page)
    assert page.segmented_control(key=f"mark-{second}").value == "wrong"


def test_one_row_is_deleted_and_brought_back(history: History) -> None:
    first, second, third = fill(history)
    page = show()

    checked(page.button(key=f"delete-{second}").click().run())
    assert rows(page) == [third, first]
    assert page.button(key="undo").label == "Undo: bring back 1"
    checked(page.button(key="undo").click().run())

    assert rows(page) == [third, second, first]
    assert not [button for button in page.button if button.key == "undo"]


def test_what_the_filter_shows_is_deleted_or_everything_and_brought_back(history: History) -> None:
    fill(history)
    checked(show(by_verdict="normal").button(key="delete-shown").click().run())
    assert [kept.class_id for kept in history.browse()] == [1]
    page = show()

    checked(page.button(key="delete-all").click().run())
    assert "Nothing here yet" in text(page)
    checked(page.button(key="undo").click().run())

    assert rows(page) == [3]


def test_many_rows_come_page_by_page_and_a_chosen_verdict_narrows_them(history: History) -> None:
    fill(history, 45)

    page = show()

    assert rows(page) == list(range(45, 25, -1))
    assert page.session_state["page-of-3"] == 1
    page.session_state["last_digit"] = np.zeros((28, 28), np.float32)  # as of a visitor who has just drawn one
    checked(page.selectbox(key="by_verdict").select("anomaly").run())
    assert rows(page) == list(range(45, 0, -3))


def test_the_rate_of_anomalies_is_drawn_once_it_is_unfolded(history: History) -> None:
    fill(history, 9)
    page = show()
    assert len(page.get("plotly_chart")) == 0

    page.session_state["rate_open"] = True
    checked(page.run())

    assert len(page.get("plotly_chart")) == 1
    assert "By hour" in text(page)


def test_a_damaged_history_is_said_once_and_the_page_goes_on(history: History) -> None:
    history.path.parent.mkdir(parents=True, exist_ok=True)
    history.path.write_bytes(b"this was never a database " * 400)

    page = show()

    assert [error.value for error in page.error if "set aside" in as_read(error.value)]
    checked(page.run())
    assert [error.value for error in page.error] == []
    assert "Nothing here yet" in text(page)


def test_a_damaged_row_says_so_can_be_deleted_and_takes_no_other_with_it(history: History) -> None:
    fill(history)
    with sqlite3.connect(history.path) as file:
        file.execute("DROP TRIGGER changed_reading")
        file.execute("UPDATE readings SET scores = '' WHERE id = 2")

    page = show()
    assert "Row 2 was damaged on the disk" in text(page)
    assert rows(page) == [3, 2, 1]
    page.button(key="delete-2").click()

    assert rows(checked(page.run())) == [3, 1]


@pytest.mark.parametrize("changed", [False, True])
def test_a_row_is_opened_again_and_what_was_recorded_stands_beside_it_where_its_model_has_changed(
    changed: bool, history: History, tiny_shelf: tuple[str, str]
) -> None:
    readings = Detector.load(tiny_shelf[0]).inspect(one().image[None])
    about = {"source": "canvas", "source_kind": "canvas", "model_hash": "an older build" if changed else ""}
    row = history.record(Verdict.of(readings, 0, OperatingPoint(tiny_shelf[0]), **about))
    page = show()

    checked(page.button(key=f"open-{row}").click().run())

    assert "The discriminator's response" in text(page)
    assert ("As recorded: " in text(page)) is changed
    assert ["has changed since" in warning.value for warning in page.warning] == [True] * changed


def test_a_row_whose_model_is_gone_still_shows_what_was_recorded(history: History) -> None:
    (row,) = history.record_all([replace(one(), model="long-gone", class_id=1, second_opinion="9")])
    page = show()

    checked(page.button(key=f"open-{row}").click().run())

    assert list(page.error) == []
    said = as_read(text(page))
    assert "long-gone is no longer here" in said
    assert "As recorded: " in said
    assert said.count("reads it as a 9") == 2, "the second opinion went with the model"


@pytest.mark.parametrize("goes", [registry.delete, lambda name, visitor: registry.rename(name, "another", visitor)])
def test_what_a_model_said_keeps_its_words_when_the_model_goes(
    goes: Callable[[str, str], None], history: History, tiny_detector_file: Path
) -> None:
    registry.import_model(tiny_detector_file.read_bytes(), "local", "mine")
    history.record(replace(one(), model="mine", p_value=1e-6, class_id=1))
    before = next(line for line in text(show()).splitlines() if "at least this odd" in line)
    assert "At most 0.0001 % of normal 5s" in before

    goes("mine", "local")

    assert before in text(show())


def test_a_sample_needs_a_model_and_is_drawn_whatever_the_verdicts_are(
    history: History, tiny_shelf: tuple[str, str]
) -> None:
    digits = [replace(one(number), model=tiny_shelf[0], class_id=number % 2) for number in range(1, 61)]
    history.mark(history.record_all(digits)[0], "right")

    unnamed = show(review="true")
    page = show(review="true", by_model=tiny_shelf[0], by_verdict="anomaly", sample="30")

    assert "choose the model above" in text(unnamed)
    assert {history.get(row).class_id for row in rows(page)} == {0, 1}
    assert "Export 30 as CSV" in " ".join(button.label for button in page.get("download_button"))
    assert "Calibrate on" not in " ".join(button.label for button in page.button)


def test_a_sample_reviewed_to_its_end_makes_a_model_calibrated_on_its_normal_digits(
    history: History, tiny_shelf: tuple[str, str]
) -> None:
    model = tiny_shelf[0]
    fives = load("digits", "test")
    images = fives.images[fives.labels == 5][:24]
    ids = history.record_all(replace(one(number), model=model, image=image) for number, image in enumerate(images))
    for row in ids[:-1]:
        history.mark(row, "right")
    page = show(review="true", by_model=model)
    assert not [button for button in page.button if button.key == "calibrate"]

    history.mark(ids[-1], "wrong")
    checked(page.run())
    assert "With 23 digits" in text(page)
    checked(page.text_input(key="calibrated_name").set_value("our-fives").run())
    checked(page.button(key="calibrate").click().run())

    assert [said.value for said in page.success if "our-fives is ready" in as_read(said.value)]
    made = registry.card("our-fives", "")
    assert made.recalibrated
    assert made.counts["5"][2] == 23
