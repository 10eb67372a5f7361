"""Ten people at once: browsers that draw and mark, one that trains, for minutes on end. Errors, waits and memory.

    python -m benchmarks.robustness.soak [--minutes 10] [--browsers 10] [--write]

Starts the app on a state folder of its own and opens a page a browser, each with cookies of its own. All but the last
draw a stroke, at once, and wait for their verdicts; the last trains digit 5 of the bundled digits again and again.
Prints a Markdown report, with `--write` into benchmarks/results.md. Ends with 1 where anything went wrong.
Linux only: memory is read from /proc. Needs Chromium.
"""

import argparse
import itertools
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import Report, table
from benchmarks.speed.browser import CANVAS, PATIENCE, PICTURES, WATCH, draw, serve, verdict_after

MB = 1_000_000
READINGS = 12  # of memory, over the time
EPOCHS = 30
# Streamlit's own, on a link straight to a page: its script first looks for its server below that page.
HARMLESS = re.compile(r"/[A-Z]\w+/_stcore/")


def main() -> int:
    """Run it and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--browsers", type=int, default=10)
    parser.add_argument("--model", default="mnist-5")
    parser.add_argument("--write", action="store_true", help="put the report into benchmarks/results.md")
    options = parser.parse_args()
    report = Report(options.write)
    text, errors = soak(options.minutes, options.browsers, options.model)
    report.publish("Soak", text)
    return 1 if errors else 0


def soak(minutes: float, browsers: int, model: str) -> tuple[str, list[str]]:
    """Draw and train for so long: the report, and what went wrong."""
    from playwright.sync_api import sync_playwright

    errors: list[str] = []
    waits: list[float] = []
    memory: list[float] = []
    command = [sys.executable, "-m", "streamlit", "run", "dashboard.py"]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "state").mkdir()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with serve(command, folder) as url:
            pages = [open_page(browser, f"{url}/?model={model}", errors) for _ in range(browsers)]
            *drawing, training = pages
            for page in drawing:
                page.wait_for_selector(PICTURES, timeout=PATIENCE)
                page.evaluate(WATCH)
            trained = Training(training)
            began = time.monotonic()
            for number in itertools.count():
                passed = time.monotonic() - began
                if passed > 60 * minutes:
                    break
                if passed >= len(memory) * 60 * minutes / READINGS:
                    memory.append(resident(folder) / MB)
                trained.look()
                for page in drawing:
                    if number % 8 == 7:
                        page.get_by_role("button", name=re.compile("Clear|Reset")).click()
                    draw(page, number)
                waits += [verdict_after(page) for page in drawing]
                training.wait_for_timeout(700)  # as a hand rests, and for the rest of the pages to arrive
            memory.append(resident(folder) / MB)
            for page in pages:
                page.context.close()  # before the server ends, which they would complain of
        said = (folder / "server.log").read_text(errors="replace")
        errors += [line for line in said.splitlines() if "Traceback" in line or "Error" in line]
        browser.close()
    middle, high = np.quantile(waits, [0.5, 0.95])
    later = memory[len(memory) // 3 :]
    rows = [
        ["strokes judged", f"{len(waits):,}"],
        ["stroke to verdict, median", f"{middle:.2f} s"],
        ["95 % of strokes within", f"{high:.2f} s"],
        ["trainings asked for", f"{trained.started}"],
        ["memory of the server, all along", ", ".join(f"{value:,.0f}" for value in memory) + " MB"],
        ["memory, last against a third of the way", f"{later[-1] - later[0]:+,.0f} MB"],
        ["errors in pages, consoles and the server's log", f"{len(errors)}"],
    ]
    listed = "".join(f"- {error}\n" for error in errors[:20])
    return f"{table(['what', 'found'], rows)}{listed and f'{chr(10)}{listed}'}", errors


class Training:
    """The browser that trains: whenever nothing is being trained it presses Train."""

    def __init__(self, page: Any) -> None:
        self.started = 0
        self._page = page
        page.get_by_role("link", name="Training").click()
        button = page.get_by_role("button", name="Train", exact=True)
        button.wait_for(timeout=PATIENCE)
        page.locator("[data-testid=stSelectbox] input").first.click()
        page.get_by_role("option", name="scikit-learn's digits").click()
        page.get_by_role("button", name="more").click()
        page.get_by_role("spinbutton", name="Epochs").fill(str(EPOCHS))
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")

    def look(self) -> None:
        """Start the next when none is under way."""
        button = self._page.get_by_role("button", name="Train", exact=True)
        busy = self._page.get_by_role("button", name="Pause").count()
        if not busy and button.is_enabled():
            button.click()
            self._page.get_by_role("button", name="Pause").wait_for(timeout=PATIENCE)
            self.started += 1


def open_page(browser: Any, url: str, errors: list[str]) -> Any:
    """A browser window with cookies of its own; what goes wrong in it is noted."""

    def note(message: Any) -> None:
        where = str(message.location.get("url", ""))
        if message.type == "error" and not HARMLESS.search(where):
            errors.append(f"console: {message.text} ({where})")

    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(f"page: {error}"))
    page.goto(url)
    page.wait_for_selector(CANVAS, timeout=PATIENCE)
    return page


def resident(folder: Path) -> int:
    """Bytes of memory held by the server that runs on a state folder, without its trainings."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
            if f"ODD_DIGIT_STATE={folder / 'state'}".encode() in environment and b"streamlit" in command:
                pages = int((process / "statm").read_text().split()[1])
                total += pages * 4096
        except (OSError, IndexError):
            continue  # ended meanwhile, or another user's
    return total


if __name__ == "__main__":
    sys.exit(main())
