"""The Threshold page's own ink: digits of one's own become a model, or it is said why not."""

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import datasets
from core.detector import Detector, registry
from core.detector.file import read_measured
from core.views import model_table
from tests.pages.test_threshold_page import drawn, open_page, point
from tests.support import opened, pens
from tests.support.opened import checked, put_on_canvas, text
from tests.support.piles import png

pytestmark = pytest.mark.usefixtures("tiny_shelf")


def fives(count: int) -> list[tuple[str, bytes, str]]:
    images = datasets.load("digits", "test").of("5")[:count]
    return [(f"five-{i}.png", png(image), "image/png") for i, image in enumerate(images)]


def test_own_digits_become_a_model_that_is_chosen_and_names_whose_they_are() -> None:
    page = open_page()
    checked(page.file_uploader(key="own_ink").set_value(fives(30)).run())

    assert "**30 digits read.**" in text(page)
    assert "30 are too few for a line at 1 %: it takes 99." in text(page)
    assert any("no more than 16\\.6 %" in promise.value for promise in page.info)
    assert not any("no more than" in warning.value for warning in page.warning)
    page.text_input(key="own_ink_whose").set_value("Ada's hand")
    checked(page.button(key="own_ink_make").click().run())

    assert point(page).model == "my-5"
    assert "my-5 is made and chosen on every page" in text(page)
    assert "of normal 5s by Ada's hand are flagged" in drawn(page)["sentence"]
    # What was measured is of other hands than what is promised, and says so wherever it stands.
    assert drawn(page)["measuredOn"] == "measured, of other people's"
    assert model_table.summary(read_measured(registry.find("my-5", "").path))["false alarms at 5 %"].endswith(
        "of other people's"
    )
    assert Detector.load("my-5").calibrations_["fused"].n == 30


@pytest.mark.parametrize(
    ("name", "said"),
    [pytest.param("tiny-any", "choose another name", id="taken"), pytest.param("../x", "no model name", id="hostile")],
)
def test_a_name_that_cannot_be_used_is_refused_and_nothing_is_made(name: str, said: str) -> None:
    page = open_page()
    checked(page.file_uploader(key="own_ink").set_value(fives(20)).run())
    page.text_input(key="own_ink_name").set_value(name)

    checked(page.button(key="own_ink_make").click().run())

    assert said in text(page)
    assert point(page).model == "tiny-5"
    assert sorted(file.name for file in registry.own_folder("").iterdir()) == [
        "tiny-5.safetensors",
        "tiny-any.safetensors",
    ]


def test_drawings_and_pictures_count_together_and_files_that_are_none_are_refused_in_words() -> None:
    page = open_page()
    page.file_uploader(key="own_ink").set_value([("fives.png", b"no picture", "image/png")])
    assert "no picture could be used to calibrate on" in text(checked(page.run())).lower()

    draw(page, pens.drawing(), 0)
    page.file_uploader(key="own_ink").set_value(fives(4))

    assert "**5 digits read.**" in text(checked(page.run()))


def draw(page: AppTest, picture: np.ndarray, number: int) -> AppTest:
    """Put a picture on the canvas of the digit of that number, as its component does, and keep it."""
    checked(put_on_canvas(page, Image.fromarray(picture), key=f"own-canvas-{number}"))
    return checked(page.button(key="own_keep").click().run())


def test_digits_are_drawn_one_after_another_taken_out_put_back_and_made_a_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = open_page()
    assert page.button(key="own_keep").disabled
    for number in range(3):
        draw(page, pens.drawing(scale=1 - 0.1 * number), number)
    assert "**3 of 20** drawn" in page.get("progress")[0].proto.text
    assert "**3 digits read.**" in text(page)

    with monkeypatch.context() as pressed:
        opened.press(pressed, "own-drawn", 1)
        checked(page.run())
    checked(page.run())
    assert "**2 digits read.**" in text(page)
    checked(page.button(key="own_back").click().run())
    assert "**3 digits read.**" in text(page)
    checked(page.button(key="own_ink_make").click().run())

    assert point(page).model == "my-5"
    assert "tiny-5 is as it was" in text(page)
    assert Detector.load("my-5").calibrations_["fused"].own == 3


def test_drawings_stay_when_another_page_was_looked_at_and_several_digits_take_turns() -> None:
    page = opened.open_page("dashboard.py", model="tiny-any")
    page.switch_page("pages/1_Threshold.py").run()
    draw(page, pens.drawing(), 0)
    assert page.button(key="own_keep").label == "Keep this 5, next"  # a 0 is there, a 5 is asked for

    page.switch_page("pages/4_History.py").run()
    page.switch_page("pages/1_Threshold.py").run()

    assert "**1 of 20** drawn" in page.get("progress")[0].proto.text
    assert not [button for button in page.button if button.key == "own_ink_make"]  # no 8 yet, which is asked for
