"""The Batch page in a real browser: five hundred files at once, from dropping them to the exported table."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import at_rest, go_to, press
from tests.support.piles import digits, png

pytestmark = pytest.mark.browser
SECONDS = 1000
FILES = 500


def open_batch_page(page: Page, app: str) -> None:
    """By the link on the first page: opened by its own address, Streamlit first asks the wrong one for its health."""
    page.goto(f"{app}/?model=tiny-any")
    expect(page.locator("[class*=st-key-verdict-]").get_by_text("look at least this odd")).to_be_visible(
        timeout=90 * SECONDS
    )
    go_to(page, "Batch")


def hand_in(page: Page, files: list[Path]) -> None:
    """Give files to the Batch page; where a batch was judged before, what takes them is folded away."""
    takes = page.locator("details", has_text=re.compile("Hand in (a|another) pile"))
    expect(takes).to_be_visible(timeout=60 * SECONDS)
    if takes.get_attribute("open") is None:
        press(takes.locator("summary"), takes.get_by_text("files", exact=True))
    takes.locator("input[type=file]").set_input_files(files)


def test_five_hundred_files_are_judged_shown_and_exported(page: Page, app: str, tmp_path: Path) -> None:
    images, _ = digits(397)
    files = []
    for i in range(FILES):
        file = tmp_path / f"{i:03d}.png"
        file.write_bytes(png(np.ascontiguousarray(images[i % 397])))
        files.append(file)
    files[7].write_bytes(b"no picture")
    open_batch_page(page, app)

    hand_in(page, files)
    page.get_by_role("button", name=re.compile("Judge 500 files")).click(timeout=120 * SECONDS)

    expect(page.get_by_role("heading", name=re.compile("499 digits .* 1 refused"))).to_be_visible(timeout=240 * SECONDS)
    at_rest(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=re.compile("CSV")).click()
    with waiting.value.path().open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["number"]) for line in lines] == list(range(1, FILES + 1))
    assert [line["source"] for line in lines] == [file.name for file in files]
    assert [line["number"] for line in lines if line["error"]] == ["8"]
