"""How well people's own pictures fare: real digits, postal digits and made difficulties.

    python -m benchmarks.robustness.real_ink [--images 40] [--postal 2007] [--write]

Real digits lie in the data folder as ``real_digits/index.csv``, postal digits as ``usps_test.npz``. Recalibration
needs at least 19 postal digits of every kind in its half: with fewer, no p-value can reach 0.05.
"""

from __future__ import annotations

import csv
import time
import zlib
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.stats import binomtest

from benchmarks.harness import Sections, auroc, look, run, say
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


class Judged(NamedTuple):
    """Ink images of known digits as a detector of all ten digits sees them.

    Attributes:
        p: p-value of each digit, ``(n, 10)``.
        scores: how odd it would be as each digit, ``(n, 10)``.
        labels: what was written, ``(n,)``.
        normal: whether the detector as a whole calls each normal, ``(n,)``.
    """

    p: Floats
    scores: Floats
    labels: NDArray[np.int64]
    normal: NDArray[np.bool_]

    @classmethod
    def by(cls, detector: Detector, images: Images, labels: NDArray[np.int64]) -> Judged:
        """Images ``(n, 28, 28)`` judged by a detector."""
        state = detector.state_
        parts = [multi_digit.score(state.scorers, state.standards, chunk, draw=False) for chunk in chunks(images)]
        names = [str(digit) for digit in range(10)]
        claims = {name: np.concatenate([part.nonconformity[name]["fused"] for part in parts]) for name in names}
        p = [state.digit_calibrations[name]["fused"].p_values(claims[name]) for name in names]
        nearest = np.concatenate([part.scores["fused"] for part in parts])
        normal = nearest <= detector.calibrations_["fused"].threshold(ALPHA)
        return cls(np.stack(p, axis=1), np.stack([*claims.values()], axis=1), labels, normal)

    def of(self, rows: NDArray[np.bool_]) -> Judged:
        """Some of them."""
        return Judged(self.p[rows], self.scores[rows], self.labels[rows], self.normal[rows])

    @property
    def own(self) -> NDArray[np.bool_]:
        """Which of the ten digits each is, ``(n, 10)``."""
        return self.labels[:, None] == np.arange(10)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the most plausible digit is the written one: the largest p-value, the smallest score among equals."""
        # Odd to all ten, p-values are all equal and say nothing of which digit is nearest.
        return np.lexsort((self.scores, -self.p), axis=1)[:, 0] == self.labels

    def row(self) -> list[object]:
        """The cells of ``COLUMNS``: shares with their intervals, and the mean of each digit's AUROC by score."""
        pairs = zip(self.scores.T, self.own.T, strict=True)
        areas = [auroc(scores[own], scores[~own]) for scores, own in pairs if 0 < own.sum() < len(own)]
        return [
            len(self.labels),
            share(self.p[self.own] > ALPHA),
            share(self.p[~self.own] <= ALPHA),
            share(self.right),
            f"{np.mean(areas):.4f}" if areas else "-",
            share(self.normal),
        ]


COLUMNS = ["images", "own digit accepted", "others rejected", "most plausible right", "AUROC", "called normal"]


def share(hits: NDArray[np.bool_]) -> str:
    """A share with its 95 % Wilson interval."""
    interval = binomtest(int(hits.sum()), hits.size).proportion_ci(0.95, method="wilson")
    return f"{hits.mean():.1%} ({interval.low:.1%} .. {interval.high:.1%})"


def largest(digits: ink.Ink) -> Images:
    """The ink image of the largest shape in a picture."""
    return digits.images[int(np.prod(digits.boxes[:, 2:] - digits.boxes[:, :2], axis=1).argmax())]


def read(picture: NDArray[np.uint8] | Path, name: str) -> Images | None:
    """The ink image of a picture; None when it is refused."""
    try:
        return largest(ink.read(picture, name=name))
    except InkError as error:
        say(str(error))
        return None


def filled(images: list[Images | None]) -> Images:
    """Ink images ``(n, 28, 28)``, blank where a picture was refused, which therefore counts as rejected."""
    return np.stack([BLANK if image is None else image for image in images])


def real_digits(detector: Detector) -> tuple[str, ...]:
    """Digits that people photographed, scanned and drew, by source."""
    folder = paths.datasets_dir() / "real_digits"
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    images = [read(folder / row["path"], row["path"]) for row in rows]
    judged = Judged.by(detector, filled(images), np.array([int(row["label"]) for row in rows]))
    sources = np.array([f"{row['source']} ({row['kind']})" for row in rows])
    lines = [[source, *judged.of(sources == source).row()] for source in np.unique(sources)]
    missed = np.flatnonzero((judged.p[judged.own] <= ALPHA) | ~judged.right)
    wrong = ", ".join(rows[i]["path"] for i in missed) or "none"
    refused = sum(image is None for image in images)
    note = f"Refused: {refused}. Own digit rejected or another more plausible: {wrong}."
    return "### Real digits", table(["source", *COLUMNS], [*lines, ["**all**", *judged.row()]]), note


def postal_digits(detector: Detector, count: int) -> tuple[str, ...]:
    """Postal digits, enlarged and read like any picture; recalibrated on one half, measured on the other."""
    with np.load(paths.datasets_dir() / "usps_test.npz", allow_pickle=False) as file:
        pictures, labels = file["images"], file["labels"].astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))[:count]
    large = (np.pad(np.kron(pictures[i], np.ones((8, 8), np.uint8)), 32) for i in order)
    images = filled([read(picture, f"usps {i}") for i, picture in zip(order, large, strict=True)])
    labels = labels[order]
    half = len(labels) // 2
    names = [str(label) for label in labels[:half]]
    own = detector.calibrated(images[:half], names, "postal", "half of the postal digits")
    rows = [
        ["MNIST's writers as the yardstick", *Judged.by(detector, images[half:], labels[half:]).row()],
        ["recalibrated on the other half", *Judged.by(own, images[half:], labels[half:]).row()],
    ]
    return "### Postal digits", table(["calibration", *COLUMNS], rows)


def made_difficulties(detector: Detector, count: int) -> tuple[str, ...]:
    """MNIST test digits rendered as pictures, one difficulty at a time."""
    test = datasets.load("mnist", "test", download=False)
    chosen = np.random.default_rng(0).choice(len(test.labels), count, replace=False)
    images, labels = test.images[chosen], test.labels[chosen].astype(np.int64)
    base = Judged.by(detector, images, labels)
    rows = [["as MNIST has them", "", *_brief(base, base), 0, 0]]
    for level in levels():
        # A 4,000-pixel picture costs seconds to draw; fewer of them say as much.
        few = count if level.scene.side * level.scene.page < 2000 else min(count, max(10, count // 10))
        images_read: list[Images | None] = []
        several = 0
        for i in range(few):
            rng = np.random.default_rng(zlib.crc32(f"{level.difficulty} {level.label} {i}".encode()))
            picture = photograph(np.rint(images[i] * 255).astype(np.uint8), level.scene, rng)
            try:
                digits = ink.read(picture)
            except InkError:
                images_read.append(None)
            else:
                several += len(digits.images) > 1
                images_read.append(largest(digits))
        judged = Judged.by(detector, filled(images_read), labels[:few])
        label = level.label if level.clean else f"{level.label} (no longer clean)"
        cells = _brief(judged, base.of(np.arange(count) < few))
        rows.append([level.difficulty, label, *cells, several, sum(image is None for image in images_read)])
        say(f"{level.difficulty}: {level.label}")
    columns = [
        "difficulty",
        "level",
        "own digit accepted",
        "change",
        "most plausible right",
        "several found",
        "refused",
    ]
    return f"### Made difficulties, {count} MNIST test digits each", table(columns, rows)


def _brief(judged: Judged, base: Judged) -> list[object]:
    accepted, before = judged.p[judged.own] > ALPHA, base.p[base.own] > ALPHA
    change = f"{100 * (accepted.mean() - before.mean()):+.1f} points"
    return [share(accepted), change, share(judged.right)]


def main(
    images: Annotated[int, typer.Option(help="MNIST test digits a difficulty.")] = 40,
    postal: Annotated[int, typer.Option(help="Postal digits, half of them to recalibrate on.")] = 2007,
) -> Sections:
    """Read and judge all."""
    look()
    start = time.perf_counter()
    detector = Detector.load("mnist-any")
    parts = *real_digits(detector), *postal_digits(detector, postal), *made_difficulties(detector, images)
    yield "Real ink", f"Ink version {ink.INK_VERSION}, alpha {ALPHA}, {time.perf_counter() - start:.0f} s.", *parts


if __name__ == "__main__":
    run(main)
