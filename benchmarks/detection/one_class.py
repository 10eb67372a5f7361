"""One digit is normal, the other nine are anomalies: ours and its peers on the same split, machine and run.

    python -m benchmarks.detection.one_class                              development split, every method installed
    python -m benchmarks.detection.one_class --methods ours,gradient      methods in whose names a word begins so
    python -m benchmarks.detection.one_class --split test --shipped       the report: seed 0 is the shipped models
    python -m benchmarks.detection.one_class --split test --shipped --seeds 0,1,2 --others FOLDER
                            seeds 1 and 2 are what ``scripts.ship --seed 1 --output FOLDER/seed-1`` and so on made

One row a (method, digit, seed) is written to one_class.csv as it is made, and an interrupted run goes on; --fresh
measures again. Variants are chosen on the development split, part of the training images; every use of the test
images is noted in test_log.md.
"""

import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks import common, results
from benchmarks.common import ALL_DIGITS, Digits, Write, begin
from benchmarks.detection.peers import anomalib_family, ours, pyod_family, scikit
from benchmarks.detection.peers.contract import Measured, Method, judge, measure, quality
from core import datasets
from core.detector import Detector
from core.operating_point import EVIDENCES

METHODS = [*ours.METHODS, *scikit.METHODS, *pyod_family.METHODS, *anomalib_family.METHODS]
FIGURES = tuple(Measured.__dataclass_fields__)
KEY = ("method", "digit", "seed", "split")
COLUMNS = (*KEY, *FIGURES, "version", "date")
TEST_LOG = results.BENCHMARKS / "test_log.md"


class Split(StrEnum):
    """Which images judge."""

    development = "development"
    test = "test"


def main(
    split: Annotated[Split, typer.Option(help="Which images judge.")] = Split.development,
    methods: Annotated[str, typer.Option(help="Parts of names, or all.")] = "all",
    digits: Digits = ALL_DIGITS,
    seeds: Annotated[str, typer.Option(help="Which seeds, such as 0,1,2.")] = "0",
    shipped: Annotated[bool, typer.Option("--shipped", help="Take our seed 0 from the shipped models.")] = False,
    others: Annotated[Path | None, typer.Option(help="Where models of other seeds lie.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again what is measured already.")] = False,
    write: Write = False,
) -> None:
    """Measure what is missing and print markdown tables."""
    kept = begin(write)
    chosen = select(METHODS, methods)
    rows = common.rows_of("detection/one_class", COLUMNS, KEY)
    training, test = images_of(split)
    asked = [(m, d, s) for d in digits.split(",") for s in map(int, seeds.split(",")) for m in chosen]
    wanted = [(m, d, s) for m, d, s in asked if fresh or not rows.find(method=m.name, digit=d, seed=s, split=split)]
    if wanted and split is Split.test:
        log_use(TEST_LOG)
    for method, digit, seed in wanted:
        sys.stderr.write(f"{method.name}, digit {digit}, seed {seed}\n")
        model = trained(digit, seed, others) if shipped and split is Split.test else None
        for name, figures in run(method, digit, seed, training, test, model):
            day = f"{datetime.now(UTC):%Y-%m-%d}"
            about = {"method": name, "digit": digit, "seed": seed, "split": split, "date": day}
            rows.append(about | {"version": results.installed(method.package)} | vars(figures))
    kept.publish(f"One class, {split}", report(rows.read(), split))


def select(methods: Iterable[Method], wanted: str) -> list[Method]:
    """Methods in whose names a word begins with one of these, if installed; says which are left out."""
    words = [word.strip().lower() for word in wanted.split(",")]
    chosen = [m for m in methods if wanted == "all" or any(f" {word}" in f" {m.name.lower()}" for word in words)]
    missing = [m.name for m in chosen if results.installed(m.package) == "not installed"]
    if missing:
        sys.stderr.write(f"left out, not installed: {', '.join(missing)} (requirements-benchmarks.txt has them)\n")
    return [m for m in chosen if m.name not in missing]


def images_of(split: Split) -> tuple[datasets.Dataset, datasets.Dataset]:
    """Training and judging images: MNIST's own parts, or two folds of its training part."""
    training = datasets.load("mnist", "train")
    return (training, datasets.load("mnist", "test")) if split is Split.test else datasets.development(training)


def run(
    method: Method, digit: str, seed: int, training: datasets.Dataset, test: datasets.Dataset, model: Path | str | None
) -> list[tuple[str, Measured]]:
    """Measure one method on one digit: (name of the row, figures); ours comes with a row for each evidence alone."""
    anomaly = np.array(test.label_names)[test.labels] != digit
    peer = method.make()
    if not isinstance(peer, ours.Ours):
        return [(method.name, measure(peer, training.of(digit), test.images, anomaly, seed))]
    if model is not None:
        peer.detector = Detector.load(model)
        figures = judge(peer, test.images, anomaly, peer.detector.card_.seconds)
    else:
        figures = measure(peer, training.of(digit), test.images, anomaly, seed)
    scores, calibrations = peer.detector.inspect(test.images).scores, peer.detector.calibrations_
    alone = {
        e: quality(scores[e], calibrations[e].threshold(ours.ALPHA), anomaly) for e in EVIDENCES if e != ours.EVIDENCE
    }
    rows = [(f"ours, {e} alone", replace(figures, **areas)) for e, areas in alone.items()]
    return [*rows, (method.name, figures)]  # the row that is looked for comes last: then all the others are there


def trained(digit: str, seed: int, others: Path | None) -> Path | str | None:
    """Our model of a digit that is trained already: the shipped one for seed 0, else a file if it is there."""
    if seed == 0:
        return f"mnist-{digit}"
    file = None if others is None else others / f"seed-{seed}" / f"mnist-{digit}.safetensors"
    return file if file is not None and file.exists() else None


def log_use(file: Path) -> None:
    """Note that the test images were looked at."""
    if not file.exists():
        file.write_text(
            "# When the test images were looked at\n\nVariants are chosen on development images; the test images are "
            "for reporting.\n\n| date | commit | command |\n|:--|:--|:--|\n"
        )
    with file.open("a") as out:
        out.write(f"| {datetime.now(UTC):%Y-%m-%d %H:%M} | {results.commit()} | `{results.command()}` |\n")


def report(rows: list[dict[str, str]], split: str) -> str:
    """Markdown: AUROC by method and digit, then cost and default thresholds by method."""
    rows = [row for row in rows if row["split"] == split]
    digits = sorted({row["digit"] for row in rows})
    names = list(dict.fromkeys(row["method"] for row in rows))

    def mean(name: str, column: str, digit: str | None = None) -> float:
        values = [float(r[column]) for r in rows if r["method"] == name and digit in (None, r["digit"])]
        return float(np.nanmean(values)) if values and not np.isnan(values).all() else float("nan")

    areas: list[tuple[float, list[object]]] = []
    for name in names:
        by_digit = {digit: mean(name, "auroc", digit) for digit in digits}
        seeds = sorted({r["seed"] for r in rows if r["method"] == name})
        whole = not any(np.isnan(value) for value in by_digit.values())
        middle = float(np.mean(list(by_digit.values()))) if whole else float("nan")
        cells = [_figure(middle), *(_figure(value) for value in by_digit.values()), _spread(rows, name), len(seeds)]
        areas.append((middle if whole else -1.0, [name, *cells]))
    areas.sort(key=lambda pair: -pair[0])
    kind = "MNIST's test images" if split == "test" else "development images 50,000-59,999 of the training part"
    text = f"AUROC by digit on {kind}; spread is the standard deviation over seeds of the mean.\n\n"
    columns = ["method", "mean", *digits, "spread", "seeds"]
    text += results.table(columns, [cells for _, cells in areas])
    text += (
        "\nMeans over the digits measured; speeds in processor time of one thread, wall time with whatever else the "
        "machine did; caught and false alarms at each method's own default threshold.\n\n"
    )
    columns = [
        "method",
        "trained in s, wall",
        "processor s",
        "one image, ms",
        "images/s",
        "caught",
        "false alarms",
        "digits",
    ]
    costs = []
    for name in names:
        if " alone" in name:
            continue
        seconds, busy, single, rate, caught, false = (mean(name, column) for column in FIGURES[1:])
        known = len({r["digit"] for r in rows if r["method"] == name})
        shown = [f"{seconds:.1f}", "" if np.isnan(busy) else f"{busy:.1f}", f"{single:.1f}", f"{rate:,.0f}"]
        costs.append([name, *shown, f"{100 * caught:.0f} %", f"{100 * false:.0f} %", known])
    return text + results.table(columns, costs)


def _figure(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4f}"


def _spread(rows: list[dict[str, str]], name: str) -> str:
    """Standard deviation over seeds of the mean over digits; empty where there is but one seed."""
    by_seed: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["method"] == name:
            by_seed.setdefault(row["seed"], {})[row["digit"]] = float(row["auroc"])
    means = [
        np.mean(list(areas.values())) for areas in by_seed.values() if len(areas) == max(map(len, by_seed.values()))
    ]
    return f"{np.std(means, ddof=1):.4f}" if len(means) > 1 else ""


if __name__ == "__main__":
    typer.run(main)
