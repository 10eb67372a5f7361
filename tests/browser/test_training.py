"""Training in a real browser: it goes on without the tab that started it, and every tab shows the same."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core import paths
from core.detector import Detector
from core.training.job import Job, State, frames_folder, write_job
from core.training.run import RunSpec
from tests.browser.conftest import at_rest, go_to, press, serve

pytestmark = pytest.mark.browser
SECONDS = 1000


@pytest.fixture(scope="module")
def app(new_state: Callable[[], Path], tiny_detector: Detector) -> Iterator[str]:
    """A server on a machine that has never been online, so that the tiny bundled digits are offered.

    A job of before is done, and "drawn-with" is its model.
    """
    state = new_state()
    folder = state / "jobs" / "before"
    write_job(folder, Job("before", RunSpec("drawn-with", ("5",), "digits", epochs=1), State.DONE))
    shutil.copytree(paths.ASSETS / "learning", frames_folder(folder))
    tiny_detector.save(state / "models" / "drawn-with.safetensors")
    with serve(state, ODD_DIGIT_DATASETS=str(state / "nothing")) as url:
        yield url


def open_training(page: Page, app: str) -> None:
    page.goto(f"{app}/?model=tiny-5")
    go_to(page, "Training")
    expect(page.get_by_text("on this machine")).to_be_visible(timeout=90 * SECONDS)


def ask_for(page: Page, name: str, epochs: int) -> None:
    """Fill the form and press Train."""
    field = page.get_by_role("spinbutton", name="Epochs")
    press(page.get_by_role("button", name="more"), field)
    field.fill(str(epochs))
    page.keyboard.press("Escape")  # which closes what the field lies in: what was typed counts
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Train", exact=True).click()


def choose(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()


@pytest.fixture(scope="module")
def running(browser: Browser, app: str) -> None:
    """A job for all tests: "runs-meanwhile" goes on for longer than any of them takes."""
    page = browser.new_page()
    open_training(page, app)
    expect(page.get_by_role("link", name="Draw with it")).to_be_visible(timeout=90 * SECONDS)
    ask_for(page, "runs-meanwhile", epochs=1000)
    expect(page.get_by_text(re.compile(r"runs-meanwhile · epoch \d+ of 1000"))).to_be_visible(timeout=90 * SECONDS)
    page.close()


def test_draw_with_it_leads_to_a_page_that_judges_however_often_it_is_pressed(
    page: Page, app: str, running: None
) -> None:
    open_training(page, app)

    for _ in range(10):
        choose(page, "drawn-with")
        page.get_by_role("link", name="Draw with it").click()
        expect(page.get_by_text("Measured against 28 normal 5s")).to_be_visible(timeout=60 * SECONDS)
        go_to(page, "Training")
        expect(page.get_by_text("runs-meanwhile · ")).to_be_visible(timeout=60 * SECONDS)


def test_no_press_is_lost_while_a_job_runs(page: Page, app: str, running: None) -> None:
    open_training(page, app)

    for _ in range(10):
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text("runs-meanwhile · paused")).to_be_visible(timeout=20 * SECONDS)
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible(timeout=20 * SECONDS)


def test_the_page_does_not_scroll_back_while_it_redraws(page: Page, app: str, running: None) -> None:
    open_training(page, app)
    expect(page.get_by_test_id("play")).to_be_visible(timeout=90 * SECONDS)
    at_rest(page)
    main = page.get_by_test_id("stMain")

    main.evaluate("part => part.scrollTo(0, 400)")
    page.wait_for_timeout(300)
    before = main.evaluate("part => part.scrollTop")
    page.wait_for_timeout(3 * SECONDS)  # some redrawings, and then it may be over: there is nothing to wait for

    assert before > 100
    # What grows above may move it on, to keep what is being looked at in place.
    assert main.evaluate("part => part.scrollTop") >= before - 5


def test_the_player_follows_the_newest_epoch_until_a_person_moves_it(page: Page, app: str, running: None) -> None:
    open_training(page, app)
    choose(page, "runs-meanwhile")
    slider, said = page.get_by_role("slider", name="Back through the epochs"), page.get_by_test_id("epoch")
    expect(said).to_have_text(re.compile("epoch [0-9]*[3-9]"), timeout=90 * SECONDS)
    before = said.inner_text()
    expect(said).not_to_have_text(before, timeout=60 * SECONDS)

    slider.fill("2")
    page.wait_for_timeout(4 * SECONDS)

    expect(said).to_have_text("epoch 1")
    expect(page.get_by_text("Losses · epoch 1", exact=True)).to_be_visible()


def test_two_browsers_watch_one_job_and_it_outlives_the_tab_that_started_it(
    page: Page, app: str, running: None, browser: Browser, watch: Callable[[Page], Page]
) -> None:
    # Arrange: the tab that started the job is closed long since; two browsers look on.
    open_training(page, app)
    expect(page.get_by_text("runs-meanwhile · epoch")).to_be_visible(timeout=30 * SECONDS)
    other = watch(browser.new_page())
    open_training(other, app)
    expect(other.get_by_text("runs-meanwhile · epoch")).to_be_visible(timeout=30 * SECONDS)
    expect(other.get_by_text("Sixteen digits it imagines")).to_be_visible(timeout=30 * SECONDS)

    # Act: one holds it, the other sees so and lets it go on; then the first of them is closed.
    page.get_by_role("button", name="Pause").click()
    expect(other.get_by_text("runs-meanwhile · paused")).to_be_visible(timeout=30 * SECONDS)
    other.get_by_role("button", name="Resume").click()
    page.close()

    # Assert: it is stopped from the second tab, and what it has learnt is a model at once.
    expect(other.get_by_role("button", name="Pause")).to_be_visible(timeout=30 * SECONDS)
    at_rest(other)
    other.get_by_role("button", name="Stop and keep it").click()
    made, another = (other.get_by_role("button", name=name, exact=True) for name in ("runs-meanwhile", "tiny-5"))
    expect(made).to_be_visible(timeout=300 * SECONDS)
    expect(other.get_by_role("button", name="Use it")).to_be_visible(timeout=30 * SECONDS)
    another.click()  # its card has come forward on its own: to press it, too, would put it back
    at_rest(other)
    for chosen in (made, another):
        expect(chosen).to_have_attribute("aria-pressed", "true")
    other.close()
