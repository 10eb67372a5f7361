"""The README's screenshot: the first page with a broken 5 on it.

    python -m scripts.first_page        writes assets/first-page.png

Starts the app on a state folder of its own. Needs Chromium (Debian: chromium) and requirements-dev.txt.
"""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.speed.browser import OURS, PATIENCE, chromium, serve
from core import paths

PICTURE = paths.ASSETS / "first-page.png"
WIDTH, HEIGHT = 1180, 1060
SETTLE = 3_000  # ms


def main(
    output: Annotated[Path, typer.Option(help="The file to write.")] = PICTURE,
    dark: Annotated[bool, typer.Option("--dark", help="The dark theme.")] = False,
) -> None:
    """Photograph the first page."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = chromium(playwright)
        with serve(OURS, Path(name)) as url:
            page = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark" if dark else "light"
            )
            page.set_default_timeout(PATIENCE)
            page.goto(f"{url}/?model=mnist-5")
            page.get_by_text("An example").wait_for()
            page.locator(".st-key-pictures img").first.wait_for()
            page.get_by_role("button", name="a broken 5").click()
            page.get_by_role("heading", name="Anomaly").wait_for()
            page.wait_for_timeout(SETTLE)
            page.screenshot(path=output)
        browser.close()
    sys.stdout.write(f"{output}\n")


if __name__ == "__main__":
    typer.run(main)
