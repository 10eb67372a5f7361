"""How fast it is, each figure against a reference measured in the same run.

    python -m benchmarks.speed.targets            all of it
    python -m benchmarks.speed.targets --no-browser

Judging is compared with scikit-learn's five nearest neighbours on the raw pixels of one digit, one thread each, in
processor time, call by call in turns, so that whatever else the machine does hits both or neither; reading a photograph
with decoding it. The pages are compared in a real browser: see ``browser.py``.
"""

import io
import os
import tempfile
import time
from collections.abc import Callable
from typing import Annotated, TypeVar
from unittest.mock import patch

import numpy as np
import typer
from PIL import Image

from benchmarks.common import Quick, Write, begin, yes
from benchmarks.results import table
from core import datasets, ink
from core.datasets import examples
from core.detector import Detector
from core.ink.picture import open_picture

NEIGHBOURS = 5
MUST_ONE = {"single": 1.0, "any": 3.0}
MUST_MANY = 0.9
MUST_LOAD = 5.0
MUST_STROKE, MUST_START = 1.5, 1.3
MUST_PHOTO = 1.0

Given = TypeVar("Given")


def main(
    single: Annotated[str, typer.Option(help="Model of one digit.")] = "mnist-5",
    several: Annotated[str, typer.Option(help="Model of all digits.")] = "mnist-any",
    browser: Annotated[bool, typer.Option(help="Measure the pages as well; needs playwright and Chromium.")] = True,
    quick: Quick = False,
    write: Write = False,
) -> None:
    """Measure and print a markdown table."""
    report = begin(write)
    one, many = Detector.load(single), Detector.load(several)
    training = datasets.load("mnist", "train").of(one.card_.normal[0])
    test = datasets.load("mnist", "test").images
    rows = judging(one, many, training, test, repeats=10 if quick else 200, batch=500 if quick else 10_000)
    rows.append(first_load(several))
    rows.append(photograph(repeats=2 if quick else 25))
    if browser:
        from benchmarks.speed.browser import measure

        rows += pages(measure(single, strokes=4 if quick else 20, starts=1 if quick else 5))
    columns = ["what", "ours", "reference", "ratio", "must", "kept"]
    report.publish("Speed", table(columns, rows))


def judging(
    one: Detector, many: Detector, training: np.ndarray, test: np.ndarray, repeats: int, batch: int
) -> list[list[object]]:
    """Rows of the table for one image at a time and for many at once.

    Args:
        one: model of one digit.
        many: model of several.
        training: ``(m, 28, 28)``, what the neighbour search looks through.
        test: ``(n, 28, 28)``, what is judged.
        repeats: how many single images.
        batch: how many at once.
    """
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(training.reshape(len(training), -1))

    def neighbours(images: np.ndarray) -> object:
        return search.kneighbors(images.reshape(len(images), -1))

    calls: dict[str, Callable[[np.ndarray], object]] = {
        "reference": neighbours,
        "single": one.inspect,
        "any": many.inspect,
    }
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for i in range(repeats + 3):
        for name, call in calls.items():
            seconds = timed(call, test[i : i + 1])
            if i >= 3:  # the first calls warm caches up
                samples[name].append(seconds)
    middle = {name: float(np.median(seconds)) for name, seconds in samples.items()}
    rows: list[list[object]] = []
    for name, title in (("single", "one image, single-digit model"), ("any", "one image, mnist-any")):
        ratio = middle[name] / middle["reference"]
        limit = MUST_ONE[name]
        times = [f"{1000 * middle[key]:.1f} ms" for key in (name, "reference")]
        rows.append([title, *times, f"{ratio:.2f}", f"at most {limit:g}", yes(ratio <= limit)])
    images = test[:batch]
    calls["single"] = one.scores  # of many at once nobody looks at each
    rate = {name: len(images) / min(timed(calls[name], images) for _ in range(2)) for name in ("reference", "single")}
    ratio = rate["single"] / rate["reference"]
    rates = [f"{rate[name]:,.0f}/s" for name in ("single", "reference")]
    title = f"scores of {len(images):,} images at once, single-digit model"
    rows.append([title, *rates, f"{ratio:.2f}", f"at least {MUST_MANY:g}", yes(ratio >= MUST_MANY)])
    return rows


def first_load(model: str) -> list[object]:
    """Row of the table for loading a model where it never was, its memory banks decoded, against loading it again."""
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, {"ODD_DIGIT_STATE": folder}):
        seconds = [timed(Detector.load, model) for _ in range(2)]
    times = [f"{value:.1f} s" for value in seconds]
    limit = f"at most {MUST_LOAD:g} s"
    return [f"first load of {model}", *times, f"{seconds[0] / seconds[1]:.1f}", limit, yes(seconds[0] <= MUST_LOAD)]


def photograph(repeats: int) -> list[object]:
    """Row of the table for a photograph of 12 megapixels: all that comes after decoding it, against decoding it."""
    blob = twelve_megapixels()
    calls: dict[str, Callable[[bytes], object]] = {
        "decoding": lambda blob: np.asarray(Image.open(io.BytesIO(blob))),
        "opening": lambda blob: open_picture(blob, "photograph"),
        "reading": ink.read,
    }
    turns = [[timed(call, blob) for call in calls.values()] for _ in range(repeats)]
    middle = dict(zip(calls, np.median(turns, axis=0).tolist(), strict=True))
    ours = middle["reading"] - middle["opening"]
    ratio = ours / middle["decoding"]
    times = [f"{1000 * seconds:.0f} ms" for seconds in (ours, middle["decoding"])]
    title = "photograph of 12 megapixels to ink image, beyond decoding"
    return [title, *times, f"{ratio:.2f}", f"at most {MUST_PHOTO:g}", yes(ratio <= MUST_PHOTO)]


def twelve_megapixels() -> bytes:
    """A photograph of a sheet in fading light, a digit on it, as the JPEG that a phone makes."""
    height, width, side = 3000, 4000, 1500
    digit = np.asarray(examples.for_normal(("5",))[0].picture().resize((side, side)), np.float64)
    page = np.full((height, width), 225.0)
    page[700 : 700 + side, 1200 : 1200 + side] = 30 + 0.75 * digit
    page *= np.linspace(1, 0.6, width)
    noisy = page[:, :, None] * (0.98, 1, 0.95) + np.random.default_rng(0).normal(0, 4, (height, width, 1))
    file = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


def pages(seconds: dict[str, float]) -> list[list[object]]:
    """Rows of the table for the pages, from ``browser.measure``'s medians in seconds."""
    rows: list[list[object]] = []
    parts = (
        ("stroke end to new verdict, in the browser", "stroke", "stroke constant", MUST_STROKE),
        ("fresh start to a usable first page", "start", "start bare", MUST_START),
    )
    for title, ours, reference, limit in parts:
        ratio = seconds[ours] / seconds[reference]
        times = [f"{seconds[key]:.2f} s" for key in (ours, reference)]
        rows.append([title, *times, f"{ratio:.2f}", f"at most {limit:g}", yes(ratio <= limit)])
    return rows


def timed(call: Callable[[Given], object], given: Given) -> float:
    """Seconds of processor time that a call takes: what else the machine does at the moment does not count."""
    started = time.process_time()
    call(given)
    return time.process_time() - started


if __name__ == "__main__":
    typer.run(main)
