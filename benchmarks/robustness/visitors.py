"""Visitors with a hostile one among them: what the others' strokes wait for, against a visitor who is alone.

    python -m benchmarks.robustness.visitors [--visitors 10] [--minutes 10] [--write]

Starts the app as a shared server on a state folder of its own, and a browser with cookies of its own for each visitor.
First one draws alone; then all but the last draw in turn, while the last, in a process of its own, hands in bombs and
floods of files, imports a model that lies, starts batches and trainings, and pauses them; then one is alone again.
Measured are seconds from the pen's lifting to the verdict. Ends with 1 where a stroke among all of them takes more than
1.5 times as long as alone (medians), or the server's log or a console has an error. Needs Chromium.
"""

import gzip
import itertools
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.harness import Sections, run, yes
from benchmarks.results import table
from benchmarks.samples import written, zipped
from benchmarks.speed.browser import OURS, PATIENCE, PICTURES, WATCH, chromium, draw, opened, serve, verdict_after

MODEL, MUST = "mnist-5", 1.5
ALONE = 0.15  # of the minutes, before and after
REST = 0.7  # seconds between two strokes of the visitors
PATIENT = 30_000  # ms that the hostile one waits for anything


def main(
    visitors: Annotated[int, typer.Option(help="How many, the hostile one among them.")] = 10,
    minutes: Annotated[float, typer.Option(help="For which all draw.")] = 10,
    hostile: Annotated[str, typer.Option(hidden=True)] = "",
) -> Sections:
    """Draw alone, among all, and alone again."""
    from playwright.sync_api import sync_playwright

    if hostile:
        be_hostile(hostile)
        return
    errors: list[str] = []
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = chromium(playwright)
        with serve(OURS, folder, ODD_DIGIT_SHARED="1") as url:
            pages = [opened(browser, f"{url}/?model={MODEL}", errors) for _ in range(visitors - 1)]
            for page in pages:
                page.wait_for_selector(PICTURES, timeout=PATIENCE)
                page.evaluate(WATCH)
            strokes = itertools.count()
            alone = _draw(pages[:1], ALONE * minutes, strokes)
            command = [sys.executable, "-m", "benchmarks.robustness.visitors", "--hostile", url]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                together = _draw(pages, minutes, strokes)
                process.send_signal(signal.SIGINT)
                did = process.communicate(timeout=2 * PATIENCE / 1000)[0].strip()
            alone += _draw(pages[:1], ALONE * minutes, strokes)
            for page in pages:
                page.context.close()
        said = (folder / "server.log").read_text(errors="replace")
        errors += [line for line in said.splitlines() if "Traceback" in line]
        browser.close()
    ratio = float(np.median(together) / np.median(alone))
    rows = [
        [who, len(waits), *(round(float(np.quantile(waits, share)), 2) for share in (0.5, 0.95))]
        for who, waits in ((f"{visitors}, one of them hostile", together), ("one alone, before and after", alone))
    ]
    text = f"Medians: {ratio:.2f} times alone (must be at most {MUST}: {yes(ratio <= MUST)}). "
    text += f"The hostile one: {did or 'nothing'}. Errors: {len(errors)}." + "".join(
        f"\n- {one}" for one in errors[:20]
    )
    yield "Visitors", table(["visitors", "strokes", "stroke to verdict, median s", "95 % within, s"], rows), text
    if ratio > MUST or errors:
        raise typer.Exit(1)


def _draw(pages: list[Any], minutes: float, strokes: "itertools.count[int]") -> list[float]:
    """Have visitors draw in turn for so long; seconds that each stroke waited for its verdict."""
    waits, end = [], time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        number = next(strokes)
        page = pages[number % len(pages)]
        if number // len(pages) % 8 == 7:
            page.get_by_role("button", name=re.compile("Clear|Reset")).click()
        draw(page, number // len(pages))
        waits.append(verdict_after(page))
        page.wait_for_timeout(1000 * REST)
    return waits


def be_hostile(url: str) -> None:
    """Do whatever a visitor can do to the others, until interrupted; then say what was done how often."""
    from playwright.sync_api import Error, sync_playwright

    did, end = Counter[str](), False

    def stop(*_: object) -> None:
        nonlocal end
        end = True

    signal.signal(signal.SIGINT, stop)
    with sync_playwright() as playwright:
        page = chromium(playwright).new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(PATIENT)
        for name, act in itertools.cycle(ACTS.items()):
            if end:
                break
            try:
                act(page, url)
                did[name] += 1
            except Error:  # refused, or not to be pressed just now
                did[f"{name}, refused or given up"] += 1
    sys.stdout.write(", ".join(f"{name}: {times}" for name, times in did.items()))


def _bombs(page: Any, url: str) -> None:
    files = {
        "bomb.csv.gz": gzip.compress(b"9" * 50_000_000),
        "lies-idx3-ubyte.gz": gzip.compress(b"\0\0\x08\x03" + b"\x00\x0f\x42\x40" + b"\0\0\x04\0" * 2 + bytes(10_000)),
        "zip-in-zip.zip": zipped({"inner.zip": zipped({"zeros.npy": bytes(100_000_000)})}),
        "huge.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\0\0\0\0" + bytes(1000),
    }
    _hand_in(page, url, files)


def _flood(page: Any, url: str) -> None:
    _hand_in(page, url, {f"{number}.png": b"\x89PNG" + bytes(2_000) for number in range(300)})


def _batch(page: Any, url: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (5_000, 28, 28), dtype=np.uint8)
    _hand_in(page, url, {"noise.npy": written(lambda file: np.save(file, noise))})


def _train(page: Any, url: str) -> None:
    page.goto(f"{url}/Training")
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("button", name="Pause").first.click()


def _import(page: Any, url: str) -> None:
    page.goto(f"{url}/Training")
    header = b'{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}'
    content = len(header).to_bytes(8, "little") + header + bytes(9_000_000)
    chooser = page.locator("[data-testid=stFileUploaderDropzoneInput]").last
    chooser.set_input_files({"name": "lies.safetensors", "mimeType": "application/x", "buffer": content})
    page.get_by_role("button", name="Import", exact=True).click()


def _hand_in(page: Any, url: str, files: dict[str, bytes]) -> None:
    page.goto(f"{url}/Batch")
    title = page.get_by_text(re.compile("^Hand in (a|another) pile$")).first
    title.wait_for()
    if "another" in title.inner_text():
        title.click()
    chooser = page.locator("[data-testid=stFileUploaderDropzoneInput]").first
    chooser.set_input_files(
        [{"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files.items()]
    )
    page.get_by_role("button", name=re.compile("^Judge")).click()


ACTS: dict[str, Callable[[Any, str], None]] = {
    "bombs handed in": _bombs,
    "trainings begun and paused": _train,
    "batches begun": _batch,
    "300 broken files handed in": _flood,
    "models that lie imported": _import,
}


if __name__ == "__main__":
    run(main, threads=None)
