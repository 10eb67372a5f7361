"""The generator page as Streamlit runs it: opens on any model, follows its link, says what is missing."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.detector import Detector
from core.operating_point import OperatingPoint
from core.views import latent_walk, memorization
from tests.support import opened
from tests.support.opened import checked, text

pytestmark = pytest.mark.usefixtures("tiny_shelf")


def open_page(**query: str) -> AppTest:
    return opened.open_page("pages/5_Generator.py", **({"model": "tiny-5"} | query))


def drawn(page: AppTest) -> list[dict[str, Any]]:
    return [dict(json.loads(found.proto.json)) for found in page.get("bidi_component")]


def test_the_page_opens_with_a_map_a_walk_fresh_digits_and_their_originals() -> None:
    page = open_page()

    plan, walk = drawn(page)
    assert plan["rows"] == plan["columns"] == latent_walk.SIDE
    assert walk["rows"] == 1
    assert len(walk["realism"]) == latent_walk.STEPS
    assert "of these 64 for real" in text(page)
    assert "its nearest training digit is" in text(page)


def test_the_detector_itself_judges_the_fresh_digits_at_the_line_of_the_link() -> None:
    detector = Detector.load("tiny-5")
    drawn = latent_walk.fresh(detector.scorers_["5"], 0).images

    for alpha, line in ((0.05, "line at 5 % false alarms"), (0.3, "line at 30 % false alarms")):
        flagged = detector.inspect(drawn).class_id(OperatingPoint("tiny-5", alpha=alpha)).sum()
        assert f"with the {line} the whole detector calls {flagged} of them anomalies" in text(
            open_page(alpha=str(alpha))
        )


def test_the_map_is_laid_through_the_latent_of_the_link() -> None:
    scorer = Detector.load("tiny-5").scorers_["5"]
    latent = latent_walk.typical(scorer)[3]

    plan, _ = drawn(open_page(latent=latent_walk.to_text(latent)))
    plain, _ = drawn(open_page())

    assert plan["sprite"] != plain["sprite"]
    assert plan["of"].endswith(latent_walk.to_text(latent))


def test_every_digit_of_a_model_of_several_has_its_own_map() -> None:
    page = open_page(model="tiny-any", digit="8")
    eight, _ = drawn(page)

    zero, _ = drawn(open_page(model="tiny-any"))

    assert eight["sprite"] != zero["sprite"]


@pytest.mark.parametrize("query", [{"latent": "nonsense"}, {"digit": "x"}, {"latent": "AAAA", "digit": "<b>"}])
def test_a_spoilt_link_still_opens_the_page(query: dict[str, str]) -> None:
    assert len(drawn(open_page(**query))) == 2


def test_another_sheet_is_drawn_on_demand_and_a_digit_of_it_becomes_the_map() -> None:
    page = open_page()
    before, _ = drawn(page)

    next(button for button in page.button if button.label == "Again").click()
    checked(page.run())
    next(button for button in page.button if button.label == "Walk from it").click()
    checked(page.run())

    after, _ = drawn(page)
    assert after["sprite"] != before["sprite"]
    assert "latent" in page.query_params


def test_without_the_training_digits_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorization, "possible", lambda card: False)

    assert "is not on this machine" in text(open_page())
