"""A real browser on a real server: every test here fails if the page ever shows an error, whatever else it asserts."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect

from benchmarks.speed import browser as server
from tests.conftest import chromium

TITLES = {
    "Draw": "Odd Digit Out",
    "Threshold": "Where do you draw the line?",
    "Training": "Teach it a new normal",
    "Batch": "Find the odd ones",
    "History": "What was judged",
    "Generator": "What it has learnt",
}
# Streamlit's own: a browser that leaves just as it is answered ends in this, and in nothing that a visitor sees.
LEFT_WHILE_ANSWERED = re.compile(
    r'Traceback [^\n]*\n  File "[^"]*starlette_websocket\.py", line \d+, in _websocket_endpoint\n'
    r"    data = await websocket\.receive_bytes\(\)\n.*?"
    r'WebSocketDisconnected: Cannot call "send" once a close message has been sent\.\n',
    re.DOTALL,
)
# Runs before the page's own code, so that an error box which comes and goes is seen too.
REPORT_EXCEPTIONS = """
new MutationObserver(() => {
  for (const box of document.querySelectorAll('[data-testid=stException]:not([data-reported])')) {
    box.dataset.reported = '';
    console.error('error box in the page: ' + box.innerText);
  }
}).observe(document, {childList: true, subtree: true});
"""


# Ends when nothing in the page has changed for half a second; an animation that never ends holds nobody up for ever.
AT_REST = """() => new Promise((done) => {
  const wait = () => setTimeout(done, 500);
  let timer = wait();
  new MutationObserver(() => { clearTimeout(timer); timer = wait(); })
    .observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  setTimeout(done, 15000);
})"""


def at_rest(page: Page) -> None:
    """Wait until a page has come to rest, whatever the machine does besides."""
    expect(page.get_by_test_id("stStatusWidget")).to_be_hidden(timeout=60_000)
    page.evaluate(AT_REST)


def press(target: Locator, shown: Locator) -> None:
    """Press what brings something up, and once more where a page that was just being drawn has taken the press.

    For presses a test needs on its way. A test of the press itself presses once.
    """
    for _ in range(4):
        target.click(timeout=60_000)
        try:
            expect(shown).to_be_visible(timeout=15_000)
        except AssertionError:
            continue
        return
    expect(shown).to_be_visible()


def go_to(page: Page, name: str) -> None:
    """Go to a page by its link, pressed once: whatever the page left behind is about, no press on a link is lost."""
    page.get_by_role("link", name=name, exact=True).first.click(timeout=60_000)
    expect(page.get_by_role("heading", name=TITLES[name])).to_be_visible(timeout=60_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return browser_type_launch_args | {"executable_path": chromium(), "args": ["--no-sandbox", "--disable-gpu"]}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return browser_context_args | {"viewport": {"width": 1280, "height": 900}}


@pytest.fixture(scope="session")
def new_state(
    tmp_path_factory: pytest.TempPathFactory, memory_banks: Path, tiny_detector_file: Path, tiny_detector_any_file: Path
) -> Callable[[], Path]:
    """Makes the state folder of a server: the tiny models are on its shelf, beside those that are shipped."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("app-state")
        (folder / "cache").symlink_to(memory_banks, target_is_directory=True)
        (folder / "models").mkdir()
        for file in (tiny_detector_file, tiny_detector_any_file):
            shutil.copy(file, folder / "models")
        return folder

    return make


@pytest.fixture(scope="session")
def app(new_state: Callable[[], Path]) -> Iterator[str]:
    """Address of a server of the whole app, one for all tests of this process that need none of their own."""
    with serve(new_state()) as url:
        yield url


@contextmanager
def serve(state: Path, **environment: str) -> Iterator[str]:
    """A server of the whole app on a state folder, by its address; what it says afterwards holds no traceback."""
    with server.serve(server.OURS, state, **environment) as url:
        yield url
    said = LEFT_WHILE_ANSWERED.sub("", (state / "server.log").read_text(errors="replace"))
    assert "Traceback" not in said, said[-3000:]


@pytest.fixture
def watch() -> Iterator[Callable[[Page], Page]]:
    """Watch a page that a test opened itself, for error boxes and console errors; ``page`` is watched already."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        url = str(message.location.get("url", ""))
        # Streamlit's own: on a link straight to a page its script first looks for its server below that page.
        if message.type == "error" and not re.search(r"/[A-Z]\w+/_stcore/", url):
            errors.append(f"{message.text} ({url})")

    def fetched(request: Request) -> None:
        if request.resource_type == "image" and "/media/" in request.url:
            errors.append(f"a picture that the next redrawing may take away: {request.url}")

    def start(page: Page) -> Page:
        page.add_init_script(REPORT_EXCEPTIONS)
        page.on("console", note)
        page.on("request", fetched)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield start
    assert not errors, "\n".join(errors)


@pytest.fixture
def page(page: Page, watch: Callable[[Page], Page]) -> Page:
    """Playwright's page, watched."""
    return watch(page)
