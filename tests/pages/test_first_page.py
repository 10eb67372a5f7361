"""The first page as Streamlit runs it, without a browser: what is shown, and that nothing raises."""

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import paths
from core.datasets.examples import for_normal
from core.detector import registry
from core.detector.loading import Arriving
from core.history import EVERYTHING, History
from core.views import second_opinion
from pages.ui import picker, verdict
from tests.support import opened
from tests.support.opened import put_on_canvas, text
from tests.support.pens import example

pytestmark = pytest.mark.usefixtures("decoded_before")
TWO = [{"type": "Path"}] * 2  # strokes


def open_page(**query: str) -> AppTest:
    return opened.open_page("dashboard.py", **query)


def test_before_the_first_stroke_an_example_is_judged_and_called_one() -> None:
    page = open_page(model="mnist-5")
    assert "a 5: **:blue[" in text(page)  # the line beside the empty canvas as well

    assert not page.exception
    assert "An example, a 5." in text(page)
    assert "Normal" in text(page)
    assert History().count().judged == 0


def test_a_link_to_another_model_leaves_the_threshold_where_it_was_or_says_why_not() -> None:
    page = open_page(model="mnist-5", evidence="pixel", alpha="0.1")
    page.query_params.clear()
    page.query_params["model"] = "mnist-3"
    page.run()
    assert (page.query_params["alpha"], page.query_params["evidence"]) == ("0.1", "pixel")

    page.query_params.clear()
    page.query_params.update({"model": "mnist-3", "threshold": "2.5"})
    page.run()
    page.query_params.clear()
    page.query_params["model"] = "mnist-5"
    before = list(page.main.children)

    assert "The line at score 2.5 belongs to mnist-3. It stands at 5 % now." in text(page.run())
    assert list(page.main.children) == before, "what has the keyboard's focus is another element than before"
    assert page.query_params["alpha"] == "0.05"

    said = text(open_page(model="long-gone", threshold="2.5"))
    assert "There is no model 'long-gone' here; showing mnist-any instead." in said
    assert "The line at score 2.5 belongs to long-gone. It stands at 5 % now." in said


def test_a_link_that_is_wrong_in_part_keeps_its_model_and_what_was_wrong_is_said_until_something_is_chosen() -> None:
    below = len(open_page(model="mnist-5").main.children)
    page = open_page(model="mnist-5", alpha="7")

    for _ in range(2):
        assert len(page.main.children) == below  # or the canvas would begin anew, without what is drawn on it
        assert (page.query_params["model"], page.query_params["alpha"]) == ("mnist-5", "0.05")
        assert "The link was not understood: alpha is 7.0: give a false-alarm rate between 0 and 1" in text(page)
        page.run()

    page.switch_page("pages/1_Threshold.py").run()  # so soon that nobody has read it
    assert "not understood" in text(page)
    page.button_group(key="digit_choice Where do you draw the line?").set_value("3").run()
    assert "not understood" not in text(page)


def test_a_model_that_is_deleted_while_one_draws_gives_way_to_another_which_judges_and_says_so(
    tiny_shelf: tuple[str, str],
) -> None:
    page = put_on_canvas(open_page(model=tiny_shelf[0]), example("a 5"))

    registry.find(tiny_shelf[0], "").path.unlink()
    put_on_canvas(page, example("a 5"), TWO)

    assert "There is no model 'tiny-5' here; showing mnist-any instead." in text(page)
    assert "Normal: reads as 5" in text(page)


def test_a_drawn_five_is_normal_and_a_broken_one_is_not() -> None:
    page = open_page(model="mnist-5")

    assert "[:material/check_circle: Normal]" in text(put_on_canvas(page, example("a 5")))
    assert "[:material/warning: Anomaly]" in text(put_on_canvas(page, example("a broken 5")))
    assert not page.exception


def test_a_drawing_is_one_row_of_the_history_however_many_strokes_it_has() -> None:
    page = open_page(model="mnist-5")

    put_on_canvas(page, example("a broken 5"))
    put_on_canvas(page, example("a 5"), TWO)
    page.run()

    rows = History().browse()
    assert [(row.source_kind, row.class_id) for row in rows] == [("canvas", 0)]


def elsewhere_and_back(page: AppTest) -> AppTest:
    """Another way in is shown, which takes the canvas out of the page, and then the canvas again."""
    page.session_state["way_in"] = "Upload"
    page.run()
    assert "canvas" not in page.session_state
    page.session_state["way_in"] = "Draw"
    return page.run()


def test_a_drawing_is_on_the_canvas_and_judged_as_before_when_the_canvas_comes_back() -> None:
    page = put_on_canvas(open_page(model="mnist-5"), example("a broken 5"))

    elsewhere_and_back(page)

    assert page.session_state["canvas_start"]["objects"] == [{"type": "Path"}]
    assert "What is on the canvas" in text(page)
    assert "[:material/warning: Anomaly]" in text(page)
    assert len(History().browse()) == 1

    put_on_canvas(page, Image.new("L", (280, 280), 255), [])
    elsewhere_and_back(page)

    assert not page.session_state["canvas_start"]["objects"]
    assert "An example, a 5." in text(page)


def test_an_example_stays_one_when_the_canvas_tells_of_it_and_when_the_canvas_comes_back() -> None:
    page = open_page(model="mnist-5")
    page.button(key="example-a broken 5").click().run()
    begun = page.session_state["canvas_start"]

    put_on_canvas(page, example("a broken 5"), objects=[*begun["objects"], {"path": []}])
    assert "What is on the canvas" in text(page)
    History().delete(EVERYTHING)
    put_on_canvas(page, example("a 5"), objects=begun["objects"])  # what was added is undone
    elsewhere_and_back(page)

    assert page.session_state["canvas_start"]["objects"] == begun["objects"]
    assert "An example, a broken 5." in text(page)
    assert "[:material/warning: Anomaly]" in text(page)
    assert History().count().judged == 0
    page.button(key="example-a broken 5").click().run()
    assert page.session_state["canvas_start"] != begun, "drawn on, the canvas would go on showing what was drawn"


def test_clearing_the_canvas_begins_another_drawing() -> None:
    page = open_page(model="mnist-5")

    put_on_canvas(page, example("a 5"))
    put_on_canvas(page, Image.new("L", (280, 280), 255), [])
    assert "An example" in text(page)
    put_on_canvas(page, example("a 3"))

    assert sorted(row.class_id for row in History().browse()) == [0, 1]


def test_any_digit_is_read_as_what_it_could_be() -> None:
    page = put_on_canvas(open_page(model="mnist-any"), example("a 3"))

    assert "Normal: reads as 3" in text(page)


def test_choosing_another_normal_digit_changes_the_verdict_and_the_link() -> None:
    page = put_on_canvas(open_page(model="mnist-5"), example("a 3"))
    assert "Anomaly" in text(page)

    page.button_group(key="digit_choice Odd Digit Out").set_value("3").run()

    assert "Normal" in text(page)
    assert page.query_params["model"] == "mnist-3"
    assert not page.exception


def test_a_press_that_still_comes_with_the_link_of_before_does_not_undo_the_choice() -> None:
    page = open_page(model="mnist-5")
    before = {key: page.query_params[key] for key in page.query_params}
    page.button_group(key="digit_choice Odd Digit Out").set_value("3").run()

    page.query_params.update(before)
    page.button_group(key="alpha_choice Odd Digit Out").set_value(0.1).run()

    assert (page.query_params["model"], page.query_params["alpha"]) == ("mnist-3", "0.1")


def test_a_strange_link_is_answered_with_a_sentence_and_the_page_goes_on() -> None:
    page = open_page(model="../../etc", evidence="nonsense", alpha="2")

    assert not page.exception
    assert "The link was not understood" in text(page)
    assert "look at least this odd" in text(page)


def test_a_six_that_passes_as_a_five_is_not_simply_normal_and_another_model_adds_a_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(second_opinion, "MODEL", "mnist-any")
    six = for_normal(("6",))[0].picture()
    page = open_page(model="mnist-5")

    put_on_canvas(page, six)

    assert "Normal for a network that knows only 5s" in text(page)
    assert "The network that knows all ten digits reads it as a 6." in text(page)
    assert [(row.model, row.second_opinion) for row in History().browse()] == [("mnist-5", "6")]

    page.query_params["model"] = "mnist-any"
    page.run()

    assert {row.model for row in History().browse()} == {"mnist-5", "mnist-any"}


def test_while_the_model_of_all_digits_wakes_those_that_are_awake_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    class Waking(Arriving):
        asked = 0

        def wait(self, seconds: float) -> bool:
            self.asked += 1
            return super().wait(60) and self.asked > 4

    waking = Waking(paths.CHECKPOINTS / "mnist-any.safetensors")
    said: list[str] = []
    pictures = verdict.pictures
    monkeypatch.setattr(verdict, "pictures", lambda *given: said.append(given[2]) or pictures(*given))
    monkeypatch.setattr(picker, "_arriving", lambda path, stamp: waking)
    monkeypatch.setattr(picker, "if_awake", lambda name: None)

    page = open_page(model="mnist-any")

    assert said == ["by-10", ""]
    assert "Normal: reads as 5" in text(page)
    for meanwhile in ("That stands", "its verdict comes here", "which it could be follows"):
        assert meanwhile not in text(page)  # what was said until then is gone
