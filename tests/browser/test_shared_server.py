"""A server for several people in a real browser: each visitor meets their own verdicts, batches and models alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import go_to, press, serve

pytestmark = pytest.mark.browser
SECONDS = 1000


@pytest.fixture(scope="module")
def app(new_state: Callable[[], Path]) -> Iterator[str]:
    """A shared server that has the bundled digits only."""
    state = new_state()
    with serve(state, ODD_DIGIT_SHARED="1", ODD_DIGIT_DATASETS=str(state / "nothing")) as url:
        yield url


def visit(page: Page, app: str, link: str, sign: str) -> None:
    """Go to a page by its link on the first one, and wait until it says what only it says."""
    page.goto(f"{app}/?model=tiny-any")
    expect(page.locator("[class*=st-key-verdict-]").get_by_text("look at least this odd")).to_be_visible(
        timeout=90 * SECONDS
    )
    go_to(page, link)
    expect(page.get_by_text(sign).first).to_be_visible(timeout=90 * SECONDS)


def test_one_visitor_meets_nothing_of_another_and_finds_their_own_after_a_reload(
    browser: Browser, app: str, watch: Callable[[Page], Page], tiny_detector_file: Path
) -> None:
    # Arrange: two browsers with cookies of their own; one has a batch judged, with its history, and brings a model.
    contexts = [browser.new_context(viewport={"width": 1280, "height": 900}) for _ in range(2)]
    anna, ben = (watch(context.new_page()) for context in contexts)
    visit(anna, app, "Batch", "Nothing judged yet")
    anna.get_by_role("button", name="Try it with 46 drawn examples").click()
    expect(anna.get_by_role("heading", name="45 digits")).to_be_visible(timeout=120 * SECONDS)
    visit(anna, app, "Training", "Import a model")
    name = anna.get_by_role("textbox", name="Name here")
    press(anna.get_by_text("Import a model from another machine"), name)
    anna.locator(".st-key-import_file input[type=file]").set_input_files(tiny_detector_file)
    expect(anna.locator(".st-key-import_file").get_by_text(tiny_detector_file.name)).to_be_visible(timeout=60 * SECONDS)
    name.fill("annas-own")
    name.press("Enter")
    anna.get_by_role("button", name="Import", exact=True).click(timeout=60 * SECONDS)
    expect(anna.get_by_text("annas-own is on the shelf")).to_be_visible(timeout=60 * SECONDS)

    # Act and assert: the other finds neither batch nor verdicts nor model, not even by its name in a link.
    visit(ben, app, "Batch", "Nothing judged yet")
    visit(ben, app, "History", "Nothing here yet")
    visit(ben, app, "Training", "Nothing is being trained")
    expect(ben.get_by_role("button", name="tiny-any", exact=True)).to_be_visible(timeout=60 * SECONDS)
    expect(ben.get_by_role("button", name="annas-own", exact=True)).to_have_count(0)
    ben.goto(f"{app}/?model=annas-own")
    expect(ben.get_by_text("There is no model 'annas-own' here")).to_be_visible(timeout=60 * SECONDS)

    # The first finds everything again in a new tab.
    again = watch(contexts[0].new_page())
    visit(again, app, "Batch", "Hand in another pile")
    visit(again, app, "History", "Today 4")
    for context in contexts:
        context.close()
