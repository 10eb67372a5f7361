"""Browser: a server and a page in Chromium, and how long a stroke waits for its verdict there."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from core import paths

# The page's own code and the server as they are; only what the model would compute is known beforehand.
CONSTANT = """
import sys
from dataclasses import replace

from streamlit.web import cli

from core.detector import Detector
from core.detector.inputs import as_images

inspect, known = Detector.inspect, {}

def constant(self, images):
    checked = as_images(images)
    key = (self.card_.name, len(checked))
    if key not in known:
        known[key] = inspect(self, checked)
    return replace(known[key], images=checked)

Detector.inspect = constant
sys.argv = ["streamlit", *sys.argv[1:]]
cli.main()
"""
# The picture of what was judged follows the verdict's words, and changes with every stroke whatever the verdict says.
WATCH = """() => {
  const picture = () => document.querySelector('[class*="st-key-pictures-"] img')?.src;
  window.watched = {up: null, seen: null, last: picture()};
  document.addEventListener('pointerup', () => {
    Object.assign(window.watched, {up: performance.now(), seen: null, last: picture()});
  }, true);
  new MutationObserver(() => {
    const found = window.watched;
    const now = found.up !== null && found.seen === null ? picture() : null;
    if (now && now !== found.last) found.seen = performance.now();
  }).observe(document.body, {subtree: true, childList: true, attributes: true, attributeFilter: ['src']});
}"""
OURS = [sys.executable, "-m", "streamlit", "run", "dashboard.py"]
CANVAS = "canvas.upper-canvas"
PICTURES = '[class*="st-key-pictures-"] img'
PATIENCE = 90_000  # ms
WARM = 2  # first strokes, which load what the page had not needed yet
# Streamlit's own, on a link straight to a page: its script first looks for its server below that page.
HARMLESS = re.compile(r"/[A-Z]\w+/_stcore/")


def chromium(playwright: Any) -> Any:
    """A browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])


def opened(browser: Any, url: str, errors: list[str] | None = None) -> Any:
    """A page with cookies of its own and a canvas on it; what goes wrong in it is added to ``errors``."""
    wrong = [] if errors is None else errors

    def note(message: Any) -> None:
        where = str(message.location.get("url", ""))
        if message.type == "error" and not HARMLESS.search(where):
            wrong.append(f"console: {message.text} ({where})")

    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: wrong.append(f"page: {error}"))
    page.goto(url)
    page.wait_for_selector(CANVAS, timeout=PATIENCE)
    return page


def strokes(browser: Any, folder: Path, model: str, count: int) -> dict[str, float]:
    """Median seconds from a stroke's end to its verdict: "ours", and "constant", whose detector knows its answer.

    Args:
        browser: a browser.
        folder: where the two servers keep their state.
        model: name of the detector on the page.
        count: how many strokes on each page, taking turns.
    """
    (folder / "constant.py").write_text(CONSTANT)
    constant = [sys.executable, str(folder / "constant.py"), "run", "dashboard.py"]
    seconds: dict[str, list[float]] = {"ours": [], "constant": []}
    with serve(OURS, folder / "state") as one, serve(constant, folder / "state") as other:
        pages = {name: opened(browser, f"{url}/?model={model}") for name, url in (("ours", one), ("constant", other))}
        for page in pages.values():
            page.wait_for_selector(PICTURES, timeout=PATIENCE)
            page.evaluate(WATCH)
        for number in range(count + WARM):
            for name, page in pages.items():
                draw(page, number)
                seconds[name].append(verdict_after(page))
                page.wait_for_timeout(700)  # for the rest of the page to arrive before the next stroke
    return {name: float(np.median(values[WARM:])) for name, values in seconds.items()}


def draw(page: Any, number: int) -> None:
    """Draw a short stroke in a place of its own, and wait for nothing."""
    page.bring_to_front()
    canvas = page.locator(CANVAS)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + 40 + 45 * (number % 5), box["y"] + 40 + 45 * (number // 5 % 5)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 12, y + 16)
    page.mouse.move(x + 24, y + 20)
    page.mouse.up()


def verdict_after(page: Any) -> float:
    """Wait for the verdict on what was drawn last; seconds from the pen's lifting to it."""
    page.wait_for_function("window.watched.seen !== null", timeout=PATIENCE)
    return float(page.evaluate("(window.watched.seen - window.watched.up) / 1000"))


@contextmanager
def serve(command: list[str], state: Path, **environment: str) -> Iterator[str]:
    """A server of its own on a free port, ended with all it has started; yields its address.

    Args:
        command: what starts it, such as ``OURS``.
        state: its state folder; ``server.log`` in it takes what it says.
        environment: further environment variables, such as ``ODD_DIGIT_SHARED="1"``.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.headless", "true", "--server.address", "127.0.0.1", "--server.port", str(port)]
    variables = os.environ | {"ODD_DIGIT_STATE": str(state), "PYTHONPATH": str(paths.ROOT)} | environment
    state.mkdir(parents=True, exist_ok=True)
    log = state / "server.log"
    with log.open("ab") as out:
        server = subprocess.Popen(
            [*command, *options], cwd=paths.ROOT, env=variables, stdout=out, stderr=out, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    give_up = time.monotonic() + PATIENCE / 1000
    try:
        while not _answers(url):
            if server.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield url
    finally:
        for how in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(server.pid, how)
                server.wait(timeout=10)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
            return True
    except OSError:
        return False
