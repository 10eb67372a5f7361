"""The first visit: how long until there is a page, a verdict, another tab, the odd ones of a pile; in Chromium.

    python -m benchmarks.speed.first_visit [--quick] [--write]

Every row has a reference measured in the same run, since what the clock says depends on what else the machine does: a
bare page of Streamlit that imports torch, the same page whose detector answers with a constant, the command line.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Quick, Sections, at_most, run
from benchmarks.results import table
from benchmarks.samples import scan, zipped
from benchmarks.speed import browser as pages
from core import datasets, paths

BARE = """
import streamlit as st
import torch
from streamlit_drawable_canvas import st_canvas

draw, upload = st.tabs(["Draw", "Upload"], on_change="rerun")
with draw:
    st_canvas(stroke_width=20, width=280, height=280, return_image_data=True, key="canvas")
if upload.open:
    upload.file_uploader(f"torch {torch.__version__}")
"""
VERDICT = '[class*="st-key-verdict-"], [class*="st-key-pictures-"] img'
MODEL = "mnist-any"
MUST_STROKE, MUST_START = 1.5, 1.3


def main(quick: Quick = False) -> Sections:
    """Visit, draw, and hand in a pile."""
    from playwright.sync_api import sync_playwright

    starts, strokes, count = (1, 4, 100) if quick else (3, 20, 2_000)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = pages.chromium(playwright)
        visited = [visits(browser, folder / f"{i}") for i in range(starts)]
        middle = {key: float(np.median([times[key] for times in visited])) for key in visited[0]}
        drawn = pages.strokes(browser, folder, MODEL, strokes)
        piled = pile(browser, folder / "pile", count)
        browser.close()
    start = ("a bare page with torch, from its start", middle["bare start"])
    line = ("command line, all of it", piled["reference"])
    rows = [
        row("start to a page with a canvas", middle["start"], *start, must=MUST_START),
        row("page to first verdict, machine that never ran it", middle["never-run"], *start),
        row("page to first verdict, ran before", middle["warm"], *start),
        row("tab Draw to Upload", middle["tab"], "tab of the bare page", middle["bare tab"]),
        row("stroke to verdict", drawn["ours"], "detector of constants", drawn["constant"], must=MUST_STROKE),
        row(f"zip of {count:,} to the first odd picture", piled["first"], *line),
        row(f"zip of {count:,} to its end", piled["last"], *line),
    ]
    yield "First visit", table(["what", "ours", "reference", "its time", "ratio", "must", "kept"], rows)


def visits(browser: Any, folder: Path) -> dict[str, float]:
    """Seconds of one visit to a server that never ran, of one to a server that did, and of one to a bare page."""
    folder.mkdir(parents=True)
    (folder / "bare.py").write_text(BARE)
    seconds: dict[str, float] = {}
    for which in ("never-run", "warm"):
        began = time.monotonic()
        with pages.serve(pages.OURS, folder / "state") as url:
            page = pages.opened(browser, f"{url}/?model={MODEL}")
            there = time.monotonic()
            seconds["start"] = there - began
            page.wait_for_selector(VERDICT, timeout=pages.PATIENCE)
            seconds[which] = time.monotonic() - there
            page.get_by_role("heading", name=re.compile("reads as")).wait_for(timeout=pages.PATIENCE)
            page.wait_for_timeout(2_000)  # for all else of the page
            seconds["tab"] = _tab(page)
            page.close()
    began = time.monotonic()
    with pages.serve([*pages.OURS[:-1], str(folder / "bare.py")], folder / "state") as url:
        page = pages.opened(browser, url)
        seconds["bare start"] = time.monotonic() - began
        page.wait_for_timeout(1_000)
        seconds["bare tab"] = _tab(page)
        page.close()
    return seconds


def pile(browser: Any, folder: Path, count: int) -> dict[str, float]:
    """Seconds of a zip of so many digits on the Batch page, to the "first" odd one and the "last", and by command."""
    folder.mkdir()
    archive, few = folder / "digits.zip", folder / "few.zip"
    digits = np.rint(datasets.load("mnist", "test").images[:count] * 255).astype(np.uint8)
    scans = {f"{i:05d}.png": scan(digit, 28, "PNG") for i, digit in enumerate(digits)}
    archive.write_bytes(zipped(scans))
    few.write_bytes(zipped(dict(list(scans.items())[:10])))
    environment = os.environ | {"ODD_DIGIT_STATE": str(folder / "state")}

    def judged(zipped: Path) -> float:
        command = [sys.executable, "-m", "core", "batch", str(zipped), "--model", MODEL, "--output"]
        began = time.monotonic()
        subprocess.run([*command, str(zipped.with_suffix(".csv"))], env=environment, cwd=paths.ROOT, check=True)
        return time.monotonic() - began

    judged(few)  # makes the model's memory banks, which the app finds made too
    seconds = {"reference": judged(archive)}
    with pages.serve(pages.OURS, folder / "state") as url:
        page = pages.opened(browser, f"{url}/?model={MODEL}")
        page.get_by_role("heading", name=re.compile("reads as")).wait_for(timeout=pages.PATIENCE)
        page.get_by_role("link", name="Batch").click(no_wait_after=True)
        page.locator("input[type=file]").first.set_input_files(archive, timeout=pages.PATIENCE)
        press = page.get_by_role("button", name=re.compile("^Judge 1 file"))
        press.wait_for(timeout=pages.PATIENCE)
        began = time.monotonic()
        press.click()
        said = page.get_by_role("heading", name=re.compile(r"[\d,]+ digits ·"))  # the pictures come with it
        said.wait_for(timeout=10 * pages.PATIENCE)
        seconds["first"] = time.monotonic() - began
        said.filter(has_text=re.compile(f"^{count:,} digits")).wait_for(timeout=10 * pages.PATIENCE)
        return seconds | {"last": time.monotonic() - began}


def row(what: str, ours: float, name: str, reference: float, must: float | None = None) -> list[str]:
    """A row of the table, from seconds; ``must`` is the most that their ratio may be."""
    ratio = ours / reference
    limit = ["", ""] if must is None else at_most(must, ratio)
    return [what, f"{ours:.2f} s", name, f"{reference:.2f} s", f"{ratio:.2f}", *limit]


def _tab(page: Any) -> float:
    began = time.monotonic()
    page.get_by_role("tab", name="Upload").click()
    page.get_by_test_id("stFileUploader").first.wait_for(timeout=pages.PATIENCE)
    return time.monotonic() - began


if __name__ == "__main__":
    run(main, threads=None)
