"""No page jumps or has a serious accessibility fault, in either theme; the generator works by hand and keyboard."""

import re
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from core import paths
from tests.browser.conftest import at_rest

pytestmark = pytest.mark.browser
SECONDS = 1000
PAGES = {"": "look at least this odd"} | {
    "Threshold": "Use your own digits",
    "Training": "Import a model",
    "Batch": "drop|pile|sample",
    "History": "Kept in",
    "Generator": "Does it copy",
}
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
# Faults inside Streamlit's own widgets, which no page can mend: selector -> why.
NOT_OURS: dict[str, str] = {}
MOST_SHIFT = 0.1  # cumulative layout shift: "good" by Web Vitals
WIDE, NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=780)
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  const named = (node) => node?.parentElement?.closest('[class*="st-key-"]')?.className.match(/st-key-[^ ]+/)[0];
  for (const one of list.getEntries()) {
    if (!one.hadRecentInput) shifts.push([one.value, ...new Set(one.sources.map((moved) => named(moved.node)))]);
  }
}).observe({type: 'layout-shift', buffered: true});
"""
RUN = """async (left) => {
  const scan = await axe.run({exclude: left.map((one) => [one])}, {resultTypes: ['violations']});
  return scan.violations.filter((v) => ['serious', 'critical'].includes(v.impact))
    .flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')} | ${n.html.slice(0, 160)} | ${
      [...n.any, ...n.all].map((c) => c.message)[0] || ''}`));
}"""


def test_every_page_of_the_app_is_checked() -> None:
    here = {re.sub(r"^\d+_", "", file.stem) for file in (paths.ROOT / "pages").glob("[0-9]_*.py")}

    assert here == set(PAGES) - {""}


@pytest.mark.parametrize("window", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_its_place_while_it_loads(browser: Browser, app: str, name: str, window: ViewportSize) -> None:
    page = browser.new_page(viewport=window)
    page.add_init_script(SHIFTS)
    loaded(page, app, name)
    shifts = page.evaluate("window.shifts")
    page.close()

    assert sum(size for size, *_ in shifts) < MOST_SHIFT, shifts


@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_serious_fault_in_either_theme(browser: Browser, app: str, name: str) -> None:
    page = browser.new_page(color_scheme="light", viewport=WIDE)
    loaded(page, app, name)
    page.evaluate(AXE)

    faults = {"light": faults_of(page)}
    paper = page.get_by_test_id("stApp").evaluate("(app) => getComputedStyle(app).backgroundColor")
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_test_id("stApp")).not_to_have_css("background-color", paper, timeout=30 * SECONDS)
    faults["dark"] = faults_of(page)
    page.close()

    assert faults == {"light": [], "dark": []}


def loaded(page: Page, app: str, name: str) -> None:
    page.goto(f"{app}/{name}?model=tiny-5")
    expect(page.get_by_text(re.compile(PAGES[name])).filter(visible=True).first).to_be_visible(timeout=90 * SECONDS)
    at_rest(page)


def faults_of(page: Page) -> list[str]:
    """What axe finds once the page has come to rest; on a busy machine a component may still be on its way."""
    at_rest(page)
    faults = page.evaluate(RUN, list(NOT_OURS))
    for _ in range(5):
        if faults:
            page.wait_for_timeout(2 * SECONDS)
            faults = page.evaluate(RUN, list(NOT_OURS))
    return list(faults)


def open_generator(page: Page, app: str) -> None:
    page.goto(f"{app}/Generator?model=tiny-5")
    expect(page.get_by_test_id("realism").first).not_to_be_empty(timeout=90 * SECONDS)
    expect(page.get_by_text("Does it copy?")).to_be_visible(timeout=60 * SECONDS)


def shown(page: Page) -> str:
    return str(page.get_by_test_id("picture").first.evaluate("(canvas) => canvas.toDataURL()"))


def test_the_picture_follows_thumb_and_arrow_keys_on_the_map_and_the_place_goes_into_the_link(
    page: Page, app: str
) -> None:
    open_generator(page, app)
    box = page.get_by_test_id("plan").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    before = shown(page)

    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.1 * box["height"], steps=6)

    moved = shown(page)
    assert moved != before
    assert "latent=" not in page.url, "the place was sent before the thumb was let go"
    page.mouse.up()
    expect(page).to_have_url(re.compile("latent="), timeout=30 * SECONDS)
    at_rest(page)
    assert shown(page) == moved

    for slider in (page.get_by_label("direction 1"), page.get_by_label("along the way")):
        value = slider.get_attribute("aria-valuetext")
        slider.focus()
        for _ in range(20):
            page.keyboard.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") != value


def test_a_row_of_pictures_is_one_stop_of_tab_and_what_a_press_opens_gives_the_keyboard_back(
    page: Page, app: str
) -> None:
    page.goto(f"{app}/Threshold?model=tiny-any")
    pictures = page.get_by_role("list", name="Just inside the line").get_by_role("button")
    expect(pictures.first).to_be_visible(timeout=90 * SECONDS)
    at_rest(page)

    pictures.first.focus()
    page.keyboard.press("ArrowRight")
    expect(pictures.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible(timeout=60 * SECONDS)
    at_rest(page)
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden(timeout=30 * SECONDS)
    expect(pictures.nth(1)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("list", name="Just outside the line").get_by_role("button").first).to_be_focused()
