"""The Threshold page in a real browser: everything follows the thumb while it is held, and stays where it is let go."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from core.words import say_share
from tests.browser.conftest import at_rest, go_to, press

pytestmark = pytest.mark.browser
SECONDS = 1000


@pytest.fixture
def explorer(page: Page, app: str) -> Page:
    """The page of tiny-5 at 5 %."""
    page.goto(f"{app}/Threshold?model=tiny-5&alpha=0.05")
    ready(page)
    return page


def ready(page: Page) -> None:
    """Wait until the script has run to its end, so that nothing moves by itself any more."""
    expect(page.get_by_text("Use your own digits as the yardstick")).to_be_visible(timeout=90 * SECONDS)
    expect(page.get_by_test_id("promise")).not_to_be_empty(timeout=30 * SECONDS)


def what_is_shown(page: Page) -> dict[str, str | None]:
    """Everything that is to follow the thumb."""
    return {
        "thumb": page.locator(".thumb").get_attribute("cx"),
        "line": page.locator(".histogram .line").get_attribute("x1"),
        "point": page.get_by_test_id("point").get_attribute("cx"),
        "promise": page.get_by_test_id("promise").inner_text(),
        "caught": page.locator("[data-cell=caught]").inner_text(),
        "false alarms": page.locator("[data-cell=falseAlarms]").inner_text(),
    }


def middle(locator: Locator, across: float, down: float = 0.7) -> tuple[float, float]:
    """A place within an element, in shares of its width and height."""
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def test_threshold_point_and_matrix_follow_the_thumb_before_it_is_let_go(explorer: Page) -> None:
    band = explorer.get_by_test_id("line")
    link = explorer.url
    explorer.mouse.move(*middle(band, 0.9))
    explorer.mouse.down()
    far = what_is_shown(explorer)

    explorer.mouse.move(*middle(band, 0.1), steps=8)
    near = what_is_shown(explorer)

    assert all(near[part] != far[part] for part in far), (near, far)
    assert explorer.url == link, "the line was sent before the thumb was let go"
    explorer.mouse.up()
    expect(explorer).not_to_have_url(link, timeout=30 * SECONDS)
    assert what_is_shown(explorer)["promise"] == near["promise"]


def test_a_share_is_said_by_the_browser_as_it_is_everywhere_else(explorer: Page) -> None:
    def counted(cell: str) -> tuple[int, str]:
        count, share = explorer.locator(f"[data-cell={cell}]").inner_text().split("\n", 1)
        return int(count.replace(",", "")), share.strip().replace("\u00a0", " ")

    explorer.mouse.move(*middle(explorer.get_by_test_id("line"), 0.9))
    explorer.mouse.down()
    for across in (0.05, 0.2, 0.3, 0.5, 0.9):
        explorer.mouse.move(*middle(explorer.get_by_test_id("line"), across))
        for pair in (("trueNormal", "falseAlarms"), ("misses", "caught")):
            counts = [counted(cell) for cell in pair]
            of = sum(count for count, _ in counts)
            assert [said for _, said in counts] == [say_share(count / of) for count, _ in counts]


def test_a_threshold_that_was_let_go_survives_a_reload_and_goes_along_to_other_pages(explorer: Page) -> None:
    explorer.mouse.click(*middle(explorer.get_by_test_id("line"), 0.3))
    expect(explorer).not_to_have_url(re.compile("alpha=0.05"), timeout=30 * SECONDS)
    at_rest(explorer)
    before = what_is_shown(explorer)["promise"]
    alpha = re.search(r"alpha=[0-9.]+", explorer.url)
    assert alpha is not None

    explorer.reload()
    ready(explorer)

    assert what_is_shown(explorer)["promise"] == before
    go_to(explorer, "Draw")
    expect(explorer).to_have_url(re.compile(re.escape(alpha.group())), timeout=60 * SECONDS)


def test_the_browsers_way_back_leads_to_the_threshold_that_stood_there(explorer: Page) -> None:
    promised = {}
    for rate in ("1 %", "10 %"):
        explorer.get_by_role("button", name=rate, exact=True).click()
        expect(explorer).to_have_url(re.compile(rf"alpha=0\.0?{rate[:-2].rstrip('0') or 1}"), timeout=30 * SECONDS)
        at_rest(explorer)
        expect(explorer.locator("[class*=st-key-line-] button:focus")).to_contain_text(rate)
        promised[rate] = what_is_shown(explorer)["promise"]
    go_to(explorer, "Draw")
    expect(explorer.get_by_text("line at 10 % false alarms")).to_be_visible(timeout=60 * SECONDS)
    at_rest(explorer)

    shown = []
    for _ in range(2):
        explorer.go_back()
        at_rest(explorer)
        shown.append(what_is_shown(explorer)["promise"])

    assert shown == [promised["10 %"], promised["1 %"]]


def test_keys_alpha_beside_the_slider_and_clicks_on_the_charts_move_the_threshold(explorer: Page) -> None:
    band, alpha = explorer.get_by_test_id("line"), explorer.get_by_test_id("alpha")

    band.focus()
    values = [band.get_attribute("aria-valuetext")]
    for key in ("ArrowRight", "Home", "End"):
        explorer.keyboard.press(key)
        values.append(band.get_attribute("aria-valuetext"))
    assert len(set(values)) == 4
    assert "9" in str(values[2])
    expect(explorer.locator("[data-cell=falseAlarms] b")).to_have_text("0")
    expect(explorer).to_have_url(re.compile("threshold="), timeout=30 * SECONDS)

    explorer.mouse.click(*middle(band, 0.9))
    at_rest(explorer)
    right = explorer.locator(".thumb").get_attribute("cx")
    alpha.focus()
    explorer.keyboard.press("End")
    value, left = alpha.input_value(), explorer.locator(".thumb").get_attribute("cx")
    explorer.mouse.click(*middle(band, 0.6))
    band.focus()
    assert float(left or 0) < float(right or 0)
    expect(alpha).not_to_have_value(value)

    for chart in ("histogram", "roc"):
        at_rest(explorer)
        before = what_is_shown(explorer)["promise"]
        explorer.mouse.click(*middle(explorer.get_by_test_id(chart).locator("svg"), 0.3, 0.3))
        assert what_is_shown(explorer)["promise"] != before, chart


def test_log_counts_and_all_evidences_are_drawn_on_demand_and_a_digit_at_the_threshold_opens_its_full_reading(
    explorer: Page,
) -> None:
    curves, bars = explorer.locator(".roc .curve"), explorer.locator(".histogram path.anomaly")
    plain = bars.get_attribute("d")

    explorer.get_by_test_id("overlay").check()
    explorer.get_by_test_id("log").check()

    expect(curves).to_have_count(5)
    assert bars.get_attribute("d") != plain

    reading = explorer.get_by_role("dialog")
    press(explorer.get_by_role("list", name="Just inside the line").get_by_role("button").first, reading)
    expect(reading.locator("[class*=st-key-verdict-]").get_by_text("look at least this odd")).to_be_visible(
        timeout=30 * SECONDS
    )
    explorer.keyboard.press("Escape")

    explorer.set_viewport_size({"width": 390, "height": 800})
    at_rest(explorer)
    widths = explorer.evaluate(
        "() => [document.documentElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth]"
    )
    assert max(widths) <= 390, "on a narrow window something is wider than the page"
    nine = explorer.get_by_role("radio", name="9", exact=True).bounding_box()
    assert nine is not None
    assert nine["x"] + nine["width"] <= 390, "a digit to choose is out of sight"
    assert nine["height"] == 40, "choices are not of the height of the lists and buttons beside them"
