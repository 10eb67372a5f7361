"""No press is lost as a page is left, be it before the link or on the page left behind; each is one step back."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import at_rest, go_to
from tests.browser.test_first_page import stroke

pytestmark = pytest.mark.browser


class Line:
    """What browser and server tell each other, which can be held up: then it arrives all at once."""

    def __init__(self, page: Page) -> None:
        self.held: list[tuple[Callable[[Any], None], Any]] = []
        self.holds = ""
        page.route_web_socket(re.compile("_stcore/stream"), self._connect)

    def _connect(self, browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        browser.on_message(lambda message: self._pass("to the server", server.send, message))
        server.on_message(lambda message: self._pass("to the browser", browser.send, message))

    def _pass(self, way: str, send: Callable[[Any], None], message: Any) -> None:
        if self.holds == way:
            self.held.append((send, message))
        else:
            send(message)

    def let_go(self) -> None:
        self.holds = ""
        for send, message in self.held:
            send(message)
        self.held.clear()


def batch_at_rest(page: Page, app: str) -> Line:
    """The Batch page, drawn whole, and the line it has to the server."""
    line = Line(page)
    page.goto(f"{app}/Batch?model=mnist-3")
    expect(page.get_by_role("radio", name="1", exact=True)).to_be_visible(timeout=60_000)
    at_rest(page)
    return line


def test_a_button_that_leads_to_another_page_leads_there_although_the_canvas_sends_a_stroke_after_it(
    page: Page, app: str
) -> None:
    line = Line(page)
    page.goto(f"{app}/?model=tiny-5")
    walk = page.get_by_role("button", name="Walk around this reconstruction")
    expect(walk).to_be_visible(timeout=90_000)
    at_rest(page)

    line.holds = "to the server"
    walk.click()
    stroke(page, [(60, 250), (140, 30), (220, 250)])
    page.wait_for_timeout(500)  # the canvas sends a stroke once it has been still for a moment
    line.let_go()

    expect(page).to_have_url(re.compile("Generator.*latent="), timeout=60_000)
    expect(page.get_by_test_id("realism").first).not_to_be_empty(timeout=60_000)


def test_one_step_back_leads_to_where_one_was_also_from_a_page_that_completes_its_own_link(
    page: Page, app: str
) -> None:
    page.goto(f"{app}/?model=tiny-5")
    walk = page.get_by_role("button", name="Walk around this reconstruction")
    expect(walk).to_be_visible(timeout=90_000)
    at_rest(page)
    walk.click()
    expect(page).to_have_url(re.compile("Generator.*latent=.*alpha="), timeout=60_000)
    at_rest(page)
    go_to(page, "History")
    expect(page).to_have_url(re.compile("History"))
    at_rest(page)

    page.go_back()
    expect(page).to_have_url(re.compile("Generator.*latent="))
    at_rest(page)
    page.go_back()

    expect(walk).to_be_visible(timeout=60_000)
    expect(page).not_to_have_url(re.compile("latent"))


def choose(page: Page, digit: str) -> None:
    """Press one of the digits where the page stands; Playwright itself would wait for what is held up."""
    page.evaluate(
        "digit => [...document.querySelectorAll('[role=radio]')].find(one => one.innerText.trim() === digit).click()",
        digit,
    )


@pytest.mark.parametrize(
    ("digit", "link", "place"),
    [("5", "Threshold", r"/Threshold\?.*model=mnist-5"), ("7", "Draw", r"/\?.*model=mnist-7")],
)
def test_digits_chosen_just_before_a_link_count_although_the_server_hears_of_all_at_once(
    page: Page, app: str, digit: str, link: str, place: str
) -> None:
    line = batch_at_rest(page, app)

    line.holds = "to the server"
    page.get_by_role("radio", name="1", exact=True).click()
    page.get_by_role("radio", name=digit, exact=True).click()
    page.get_by_role("link", name=link, exact=True).click()
    page.wait_for_timeout(100)
    line.let_go()

    expect(page).to_have_url(re.compile(place), timeout=60_000)


@pytest.mark.parametrize("answered", [False, True])
def test_digits_chosen_on_a_page_whose_link_away_is_on_its_way_count_on_the_next(
    page: Page, app: str, answered: bool
) -> None:
    line = batch_at_rest(page, app)

    line.holds = "to the browser" if answered else "to the server"
    page.get_by_role("link", name="Threshold", exact=True).click()
    page.wait_for_timeout(3000 * answered)  # in which the server has drawn the next page, and forgotten this one
    choose(page, "1")
    choose(page, "5")
    page.wait_for_timeout(300)
    line.let_go()

    expect(page).to_have_url(re.compile("Threshold.*model=mnist-5"), timeout=60_000)
    expect(page.get_by_role("radio", name="5", exact=True)).to_be_checked(timeout=60_000)


def test_a_digit_chosen_in_the_very_moment_in_which_the_next_page_begins_counts_there(page: Page, app: str) -> None:
    line = batch_at_rest(page, app)
    line.holds = "to the browser"
    page.get_by_role("link", name="Threshold", exact=True).click()

    # Streamlit would forget it before it is sent; here it does not come to know of it at all.
    page.evaluate(
        "document.addEventListener('click', press => press.stopImmediatePropagation(), {capture: true, once: true})"
    )
    choose(page, "5")
    line.let_go()

    expect(page).to_have_url(re.compile("Threshold.*model=mnist-5"), timeout=60_000)
    expect(page.get_by_role("radio", name="5", exact=True)).to_be_checked(timeout=60_000)
