"""How well people's own pictures fare: real digits, postal digits and made difficulties, as markdown tables.

    python -m benchmarks.robustness.real_ink [--images 40] [--postal 2007] [--model mnist-any] [--write]

Real digits lie in the data folder as ``real_digits/index.csv``, postal digits as ``usps_test.npz``. Recalibration
needs at least 19 postal digits of every kind in its half: with fewer, no p-value can reach 0.05.
"""

from __future__ import annotations

import csv
import sys
import time
import zlib
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.stats import binomtest

from benchmarks.common import Write, auroc, begin
from benchmarks.results import table
from benchmarks.robustness.difficulties import levels, photograph
from core import datasets, ink, paths
from core.detector import Detector
from core.detector.inputs import chunks
from core.errors import InkError
from core.scoring import multi_digit

ALPHA = 0.05
BLANK = np.zeros((28, 28), np.float32)

Floats = NDArray[np.float64]
Images = NDArray[np.float32]


class Judged:
    """Ink images of known digits as a detector of all ten digits sees them.

    Attributes:
        p: p-value of each digit, ``(n, 10)``.
        scores: how odd it would be as each digit, ``(n, 10)``.
        best: the most plausible digit, ``(n,)``: the largest p-value, the smallest score among equals.
        labels: what was written, ``(n,)``.
        normal: whether the detector as a whole calls each normal, ``(n,)``.
    """

    def __init__(self, detector: Detector, images: Images, labels: NDArray[np.int64]) -> None:
        state = detector.state_
        parts = [multi_digit.score(state.scorers, state.standards, chunk, draw=False) for chunk in chunks(images)]
        names = [str(digit) for digit in range(10)]
        claims = {name: np.concatenate([part.nonconformity[name]["fused"] for part in parts]) for name in names}
        self.scores: Floats = np.stack([claims[name] for name in names], axis=1)
        calibrations = state.digit_calibrations
        self.p: Floats = np.stack([calibrations[name]["fused"].p_values(claims[name]) for name in names], axis=1)
        # Odd to all ten, p-values are all equal and say nothing of which digit is nearest.
        self.best = np.lexsort((self.scores, -self.p), axis=1)[:, 0]
        self.labels = labels
        nearest = np.concatenate([part.scores["fused"] for part in parts])
        self.normal = nearest <= detector.calibrations_["fused"].threshold(ALPHA)
        self.own = np.zeros(self.p.shape, bool)
        self.own[np.arange(len(labels)), labels] = True

    def __getitem__(self, rows: NDArray[np.bool_]) -> Judged:
        part = object.__new__(Judged)
        for name in ("p", "scores", "best", "labels", "normal", "own"):
            setattr(part, name, getattr(self, name)[rows])
        return part

    def auroc(self) -> float | None:
        """Mean over digits of the AUROC of one digit against the other nine, by score."""
        values = [
            auroc(self.scores[self.labels == digit, digit], self.scores[self.labels != digit, digit])
            for digit in range(10)
            if 0 < (self.labels == digit).sum() < len(self.labels)
        ]
        return float(np.mean(values)) if values else None

    def row(self) -> list[object]:
        """The cells of ``COLUMNS``, shares with their intervals."""
        auroc = self.auroc()
        return [
            len(self.labels),
            share(self.p[self.own] > ALPHA),
            share(self.p[~self.own] <= ALPHA),
            share(self.best == self.labels),
            "-" if auroc is None else f"{auroc:.4f}",
            share(self.normal),
        ]


COLUMNS = ["images", "own digit accepted", "others rejected", "most plausible right", "AUROC", "called normal"]


def share(hits: NDArray[np.bool_]) -> str:
    """A share with its 95 % Wilson interval."""
    interval = binomtest(int(hits.sum()), hits.size).proportion_ci(0.95, method="wilson")
    return f"{hits.mean():.1%} ({interval.low:.1%} .. {interval.high:.1%})"


def largest(picture: NDArray[np.uint8] | Path, name: str) -> Images | None:
    """The ink image of the largest shape in a picture; None when it is refused."""
    try:
        digits = ink.read(picture, name=name)
    except InkError as error:
        print(error, file=sys.stderr)
        return None
    sizes = np.prod(digits.boxes[:, 2:] - digits.boxes[:, :2], axis=1)
    return digits.images[int(sizes.argmax())]


def real_digits(detector: Detector) -> str:
    """Digits that people photographed, scanned and drew, by source. A refused picture counts as rejected."""
    folder = paths.datasets_dir() / "real_digits"
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    read = [largest(folder / row["path"], row["path"]) for row in rows]
    images = np.stack([BLANK if image is None else image for image in read])
    judged = Judged(detector, images, np.array([int(row["label"]) for row in rows]))
    sources = np.array([row["source"] for row in rows])
    kinds = {row["source"]: row["kind"] for row in rows}
    lines: list[list[object]] = [
        [f"{source} ({kinds[source]})", *judged[sources == source].row()] for source in sorted(kinds)
    ]
    refused = sum(image is None for image in read)
    missed = (judged.p[judged.own] <= ALPHA) | (judged.best != judged.labels)
    wrong = ", ".join(rows[i]["path"] for i in np.flatnonzero(missed)) or "none"
    text = table(["source", *COLUMNS], [*lines, ["**all**", *judged.row()]])
    note = f"Refused: {refused}. Own digit rejected or another more plausible: {wrong}."
    return f"### Real digits\n\n{text}\n{note}\n"


def postal_digits(detector: Detector, count: int) -> str:
    """Postal digits, enlarged and read like any picture; recalibrated on one half, measured on the other."""
    with np.load(paths.datasets_dir() / "usps_test.npz", allow_pickle=False) as file:
        pictures, labels = file["images"], file["labels"].astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))[:count]
    read = [largest(np.pad(np.kron(pictures[i], np.ones((8, 8), np.uint8)), 32), f"usps {i}") for i in order]
    images, labels = np.stack([BLANK if image is None else image for image in read]), labels[order]
    half = len(labels) // 2
    names = [str(label) for label in labels[:half]]
    own = detector.calibrated(images[:half], names, "postal", "half of the postal digits")
    rows = [
        ["MNIST's writers as the yardstick", *Judged(detector, images[half:], labels[half:]).row()],
        ["recalibrated on the other half", *Judged(own, images[half:], labels[half:]).row()],
    ]
    return "### Postal digits\n\n" + table(["calibration", *COLUMNS], rows)


def made_difficulties(detector: Detector, count: int) -> str:
    """MNIST test digits rendered as pictures, one difficulty at a time."""
    test = datasets.load("mnist", "test", download=False)
    chosen = np.random.default_rng(0).choice(len(test.labels), count, replace=False)
    images, labels = test.images[chosen], test.labels[chosen].astype(np.int64)
    base = Judged(detector, images, labels)
    rows: list[list[object]] = [["as MNIST has them", "", *_brief(base, base), 0, 0]]
    for level in levels():
        # A 4,000-pixel picture costs seconds to draw; fewer of them say as much.
        few = count if level.scene.side * level.scene.page < 2000 else min(count, max(10, count // 10))
        read: list[Images | None] = []
        multi_digit = 0
        for i in range(few):
            rng = np.random.default_rng(zlib.crc32(f"{level.difficulty} {level.label} {i}".encode()))
            picture = photograph(np.rint(images[i] * 255).astype(np.uint8), level.scene, rng)
            try:
                digits = ink.read(picture)
            except InkError:
                read.append(None)
                continue
            multi_digit += len(digits.images) > 1
            read.append(digits.images[int(np.prod(digits.boxes[:, 2:] - digits.boxes[:, :2], axis=1).argmax())])
        judged = Judged(detector, np.stack([BLANK if image is None else image for image in read]), labels[:few])
        same = base[np.arange(count) < few]
        label = level.label if level.clean else f"{level.label} (no longer clean)"
        rows.append([level.difficulty, label, *_brief(judged, same), multi_digit, sum(image is None for image in read)])
        print(f"{level.difficulty}: {level.label}", file=sys.stderr)
    columns = [
        "difficulty",
        "level",
        "own digit accepted",
        "change",
        "most plausible right",
        "several found",
        "refused",
    ]
    return f"### Made difficulties, {count} MNIST test digits each\n\n" + table(columns, rows)


def _brief(judged: Judged, base: Judged) -> list[object]:
    accepted, before = judged.p[judged.own] > ALPHA, base.p[base.own] > ALPHA
    right = judged.best == judged.labels
    return [share(accepted), f"{100 * (accepted.mean() - before.mean()):+.1f} points", share(right)]


def main(
    images: Annotated[int, typer.Option(help="MNIST test digits a difficulty.")] = 40,
    postal: Annotated[int, typer.Option(help="Postal digits, half of them to recalibrate on.")] = 2007,
    model: Annotated[str, typer.Option(help="A model of all ten digits.")] = "mnist-any",
    write: Write = False,
) -> None:
    """Print every table."""
    report = begin(write)
    start = time.perf_counter()
    detector = Detector.load(model)
    parts = [real_digits(detector), postal_digits(detector, postal), made_difficulties(detector, images)]
    about = f"Ink version {ink.INK_VERSION}, alpha {ALPHA}, {time.perf_counter() - start:.0f} s."
    report.publish("Real ink", "\n".join([about + "\n", *parts]))


if __name__ == "__main__":
    typer.run(main)
