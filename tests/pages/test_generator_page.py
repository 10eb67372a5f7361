"""The generator page as Streamlit runs it: opens on any model, follows its link, says what is missing."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import paths
from core.detector import Detector
from core.operating_point import OperatingPoint
from core.views import latent_walk, memorization
from core.views.verdict_words import describe
from tests.support import opened
from tests.support.opened import as_read, button, checked, components, text

pytestmark = pytest.mark.usefixtures("tiny_shelf")


def open_page(**query: str) -> AppTest:
    return opened.open_page("pages/5_Generator.py", **({"model": "tiny-5"} | query))


def drawn(page: AppTest) -> list[dict[str, Any]]:
    """What map and walk are given, in this order."""
    return components(page, "walker")


def test_the_page_opens_with_a_map_a_walk_fresh_digits_their_originals_and_says_of_a_weak_one_what_helps() -> None:
    page = open_page()

    plan, walk = drawn(page)
    assert plan["rows"] == plan["columns"] == latent_walk.SIDE
    assert walk["rows"] == 1
    assert len(walk["realism"]) == latent_walk.STEPS
    assert "of these 64 for real" in text(page)
    assert "its nearest training digit is" in text(page)
    assert "**tiny-5** is weak. It learnt 5 from 99 images only;" in text(page)
    assert "What helps: more images" in text(page)
    card = page.table[0].value
    rows = dict(zip(card["card"], card["tiny-5"], strict=True))
    assert "from a mixture of" in rows["fresh latents"]
    assert as_read(rows["evaluated on"]).startswith("scikit-learn's digits, test; anomalies: ")  # as Threshold says it


def test_the_detector_itself_judges_the_fresh_digits_at_the_threshold_of_the_link() -> None:
    detector = Detector.load("tiny-5")
    drawn = latent_walk.fresh(detector.scorers_["5"], 0).images

    for alpha, line in ((0.05, "line at 5 % false alarms"), (0.3, "line at 30 % false alarms")):
        flagged = detector.inspect(drawn).class_id(OperatingPoint("tiny-5", alpha=alpha)).sum()
        said = text(open_page(alpha=str(alpha))).replace("\n", " ")
        assert f"With the {line} the whole detector calls {flagged} of them anomalies" in said


def test_the_map_is_laid_through_the_latent_of_the_link_and_every_digit_has_its_own() -> None:
    scorer = Detector.load("tiny-5").scorers_["5"]
    latent = latent_walk.to_text(latent_walk.typical(scorer)[3])

    plan, plain, eight, zero = (
        drawn(open_page(**query))[0]
        for query in ({"latent": latent}, {}, {"model": "tiny-any", "digit": "8"}, {"model": "tiny-any"})
    )

    assert plan["sprite"] != plain["sprite"]
    assert plan["of"].endswith(latent)
    assert eight["sprite"] != zero["sprite"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"latent": "nonsense"}, "is not of this model. The map begins at a typical digit."),
        ({"model": "tiny-any", "digit": "x"}, "This model draws no x: here are its 0s."),
        ({"latent": "AAAA", "digit": "<b>"}, "is not of this model. The map begins at a typical digit."),
    ],
)
def test_a_spoilt_link_still_opens_the_page_and_what_was_wrong_is_said(query: dict[str, str], said: str) -> None:
    page = open_page(**query)

    assert len(drawn(page)) == 2
    assert said in text(page)


def test_a_place_in_the_latent_space_goes_with_its_model() -> None:
    scorer = Detector.load("tiny-5").scorers_["5"]
    there = latent_walk.to_text(latent_walk.typical(scorer)[3])
    page = checked(open_page(latent=there))
    assert page.query_params["latent"] == there

    page.selectbox[0].set_value("tiny-any").run()

    assert not {"digit", "latent"} & page.query_params.keys()
    gone = open_page(model="somebody-elses", digit="5", latent=there)
    assert not {"digit", "latent"} & gone.query_params.keys()
    assert "import the file there, then open the link again" in text(gone)


def test_another_sheet_is_drawn_on_demand_and_a_digit_pressed_on_it_becomes_the_map(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = open_page()
    before, _ = drawn(page)
    sheet, _ = components(page, "tiles")

    checked(button(page, "Again").click().run())
    opened.press(monkeypatch, "fresh", 3)
    checked(page.run())
    checked(page.run())
    checked(page.button(key="fresh_go").click().run())

    after, _ = drawn(page)
    assert components(page, "tiles")[0]["tiles"] != sheet["tiles"]
    latent = latent_walk.fresh(Detector.load("tiny-5").scorers_["5"], 1).latents[3]
    assert page.query_params["latent"] == latent_walk.to_text(latent)
    assert after["sprite"] != before["sprite"]


def test_those_that_the_detector_flags_are_framed_and_one_is_judged_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    opened.press(monkeypatch, "fresh", 3)
    page = open_page(alpha="0.3")
    checked(page.run())

    checked(page.button(key="fresh_judge").click().run())

    sheet, _ = components(page, "tiles")
    framed = sum(tile["kind"] == "anomaly" for tile in sheet["tiles"])
    assert f"calls {framed} of them anomalies" in text(page)
    assert sheet["chosen"] == 3
    assert "look at least this odd" in text(page)
    assert "is waking" not in text(page)


def test_a_fresh_digit_on_the_canvas_is_judged_there_as_it_was_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    opened.press(monkeypatch, "fresh", 3)
    page = open_page(alpha="0.3")
    checked(page.run())

    page.button(key="fresh_draw").click().run()
    there = AppTest.from_file(str(paths.ROOT / "dashboard.py"), default_timeout=180)
    there.session_state["canvas_left"] = page.session_state["canvas_left"]
    there.query_params.update({"model": "tiny-5", "alpha": "0.3"})
    said = text(checked(there.run()))

    detector = Detector.load("tiny-5")
    drawn = detector.inspect(latent_walk.fresh(detector.scorers_["5"], 0).images[3:4])
    assert "An example, a fresh 5" in said
    assert describe(drawn, 0, OperatingPoint("tiny-5", "fused", 0.3), "us").meaning in said


def test_a_walk_goes_on_to_the_digit_that_is_pressed(monkeypatch: pytest.MonkeyPatch) -> None:
    opened.press(monkeypatch, "walk-ends", 4)
    page = open_page()

    checked(page.run())

    _, walk = drawn(page)
    _, ends = components(page, "tiles")
    assert walk["of"].endswith(" 1 4")
    assert [tile["lines"] for tile in ends["tiles"]].index(["to"]) == 4


def test_without_the_training_digits_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorization, "possible", lambda card: False)

    assert "is not on this machine" in text(open_page())
