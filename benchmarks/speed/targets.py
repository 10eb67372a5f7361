"""How fast it judges and reads, each figure against a reference measured in the same run.

    python -m benchmarks.speed.targets [--quick] [--write]

Judging is compared with scikit-learn's five nearest neighbours on the raw pixels of one digit, one thread each, in
processor time, call by call in turns, so that whatever else the machine does hits both or neither; reading a photograph
with decoding it. What pages take is measured by ``first_visit``.
"""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from unittest.mock import patch

import numpy as np
from sklearn.neighbors import NearestNeighbors

from benchmarks.harness import Quick, Sections, at_least, at_most, busy, run
from benchmarks.results import table
from benchmarks.samples import decoded, twelve_megapixels
from core import datasets, ink, settings
from core.detector import Detector
from core.ink.picture import open_picture

SINGLE, SEVERAL = "mnist-5", "mnist-any"
NEIGHBOURS = 5
MUST_ONE, MUST_ANY, MUST_MANY, MUST_LOAD, MUST_PHOTO = 1.0, 3.0, 0.9, 5.0, 1.0
WARM = 3  # first calls, which fill caches
Row = list[str]


def main(quick: Quick = False) -> Sections:
    """Time judging, loading and reading."""
    rows = judging(repeats=10 if quick else 200, batch=500 if quick else 10_000)
    rows += [first_load(), photograph(repeats=2 if quick else 25)]
    yield "Speed", table(["what", "ours", "reference", "ratio", "must", "kept"], rows)


def in_turns(calls: Mapping[str, Callable[..., object]], given: Sequence[object]) -> dict[str, float]:
    """Median seconds of processor time of each call, all of them on one thing after the other."""
    times = [[busy(call, one) for call in calls.values()] for one in given]
    return dict(zip(calls, np.median(times, axis=0).tolist(), strict=True))


def judging(repeats: int, batch: int) -> list[Row]:
    """One image at a time, and so many at once."""
    one, many = Detector.load(SINGLE), Detector.load(SEVERAL)
    training, test = datasets.load("mnist", "train").of(one.card_.normal[0]), datasets.load("mnist", "test").images
    search = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(training.reshape(len(training), -1))

    def neighbours(images: np.ndarray) -> object:
        return search.kneighbors(images.reshape(len(images), -1))

    calls = {"reference": neighbours, "single": one.inspect, "any": many.inspect}
    singles = [test[i : i + 1] for i in range(repeats + WARM)]
    in_turns(calls, singles[:WARM])
    middle = in_turns(calls, singles[WARM:])
    rows = []
    for name, title, must in (("single", "single-digit model", MUST_ONE), ("any", SEVERAL, MUST_ANY)):
        ratio = middle[name] / middle["reference"]
        times = [f"{1000 * middle[key]:.1f} ms" for key in (name, "reference")]
        rows.append([f"one image, {title}", *times, f"{ratio:.2f}", *at_most(must, ratio)])
    images = test[:batch]  # of many at once nobody looks at each, so that scores are all that is asked for
    ours, theirs = (len(images) / min(busy(call, images) for _ in range(2)) for call in (one.scores, neighbours))
    title = f"scores of {len(images):,} images at once, single-digit model"
    ratio = ours / theirs
    rows.append([title, f"{ours:,.0f}/s", f"{theirs:,.0f}/s", f"{ratio:.2f}", *at_least(MUST_MANY, ratio)])
    return rows


def first_load() -> Row:
    """Loading a model where it never was, its memory banks decoded, against loading it again."""
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, {settings.STATE: folder}):
        first, again = (busy(Detector.load, SEVERAL) for _ in range(2))
    must = at_most(MUST_LOAD, first, " s")
    return [f"first load of {SEVERAL}", f"{first:.1f} s", f"{again:.1f} s", f"{first / again:.1f}", *must]


def photograph(repeats: int) -> Row:
    """A photograph of 12 megapixels: all that comes after decoding it, against decoding it."""
    middle = in_turns(
        {"decoding": decoded, "opening": lambda blob: open_picture(blob, "photograph"), "reading": ink.read},
        [twelve_megapixels()] * repeats,
    )
    ours = middle["reading"] - middle["opening"]
    ratio = ours / middle["decoding"]
    times = [f"{1000 * seconds:.0f} ms" for seconds in (ours, middle["decoding"])]
    title = "photograph of 12 megapixels to ink image, beyond decoding"
    return [title, *times, f"{ratio:.2f}", *at_most(MUST_PHOTO, ratio)]


if __name__ == "__main__":
    run(main)
