"""The first page in a real browser: draw with the mouse, upload a photograph, undo, clear, choose another digit."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.datasets.examples import for_normal
from tests.browser.conftest import at_rest, press

pytestmark = pytest.mark.browser
SECONDS = 1000


HAS_INK = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value, i) => i % 4 === 3 && value > 0 && data[i - 3] < 128);
}"""


def open_first_page(page: Page, app: str, model: str = "mnist-5") -> None:
    page.goto(f"{app}/?model={model}")
    expect(page.locator("[class*=st-key-verdict-]").get_by_text("look at least this odd")).to_be_visible(
        timeout=120 * SECONDS
    )


def stroke(page: Page, points: list[tuple[float, float]]) -> None:
    """Draw through points of the 280 x 280 canvas with the mouse."""
    canvas = page.locator("canvas.upper-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + points[0][0], box["y"] + points[0][1])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.up()


def upload(page: Page, files: Path | list[Path]) -> None:
    """Give pictures to the first page."""
    press(page.get_by_role("tab", name="Upload"), page.get_by_test_id("stFileUploader"))
    page.locator("input[type=file]").first.set_input_files(files)


def verdict(page: Page, word: str, seconds: float = 30) -> None:
    expect(page.get_by_role("heading", name=re.compile(word))).to_be_visible(timeout=seconds * SECONDS)


def test_the_verdict_follows_strokes_undo_another_normal_digit_and_a_cleared_canvas(page: Page, app: str) -> None:
    open_first_page(page, app)
    (five, *_) = for_normal(("5",))

    at_rest(page)
    stroke(page, five.strokes[0])
    expect(page.get_by_text("An example")).to_be_hidden(timeout=30 * SECONDS)
    verdict(page, "Anomaly")
    for points in five.strokes[1:]:
        at_rest(page)
        stroke(page, points)
    verdict(page, "Normal")

    stroke(page, [(60, 250), (140, 30), (220, 250)])
    verdict(page, "Anomaly")
    page.get_by_role("button", name="Undo").click()
    verdict(page, "Normal")

    page.get_by_role("radio", name="3", exact=True).click()
    verdict(page, "Anomaly")
    assert "model=mnist-3" in page.url

    at_rest(page)
    page.get_by_role("button", name=re.compile("Reset|Clear")).click()
    expect(page.get_by_text("An example")).to_be_visible(timeout=30 * SECONDS)


def test_an_example_can_be_drawn_on_and_cleared_away(page: Page, app: str) -> None:
    open_first_page(page, app)

    page.get_by_role("button", name="a 5", exact=True).click(timeout=60 * SECONDS)
    verdict(page, "Normal")
    for _ in range(300):  # the example replaces what was drawn before it came
        if page.locator("canvas.dc-canvas.lower-canvas").evaluate(HAS_INK):
            break
        page.wait_for_timeout(100)
    stroke(page, [(60, 250), (140, 30), (220, 250)])

    verdict(page, "Anomaly")

    page.get_by_role("button", name=re.compile("Reset|Clear")).click()
    expect(page.get_by_text("An example, a 5")).to_be_visible(timeout=30 * SECONDS)
    assert not page.locator("canvas.dc-canvas.lower-canvas").evaluate(HAS_INK), "clearing brought the example back"
