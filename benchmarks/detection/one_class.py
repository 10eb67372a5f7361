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

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from benchmarks.detection.peers import anomalib, pyod, scikit
from benchmarks.detection.peers.contract import ALPHA, EVIDENCE, Measured, Method, Ours, judge, measure, quality
from benchmarks.harness import ALL_DIGITS, Digits, Sections, Seeds, installed, look, percent, rows_of, run, say
from benchmarks.results import table
from core import datasets
from core.detector import Detector
from core.operating_point import EVIDENCES

METHODS = [Method("ours", "torch", Ours), *scikit.METHODS, *pyod.METHODS, *anomalib.METHODS]
KEY = ("method", "digit", "seed", "split")
COLUMNS = (*KEY, *Measured._fields, "version", "date")
COSTS = ["trained in s, wall", "processor s", "one image, ms", "images/s", "caught", "false alarms", "digits"]


class Split(StrEnum):
    """Which images judge."""

    development = "development"
    test = "test"


def main(
    split: Annotated[Split, typer.Option(help="Which images judge.")] = Split.development,
    methods: Annotated[str, typer.Option(help="Parts of names, or all.")] = "all",
    digits: Digits = ALL_DIGITS,
    seeds: Seeds = "0",
    shipped: Annotated[bool, typer.Option("--shipped", help="Take our seed 0 from the shipped models.")] = False,
    others: Annotated[Path | None, typer.Option(help="Where models of other seeds lie.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again what is measured already.")] = False,
) -> Sections:
    """Measure what is missing, and compare all that is measured."""
    chosen = select(METHODS, methods)
    rows = rows_of("detection/one_class", COLUMNS, KEY)
    asked = [(m, d, s) for d in digits.split(",") for s in map(int, seeds.split(",")) for m in chosen]
    wanted = [(m, d, s) for m, d, s in asked if fresh or not rows.find(method=m.name, digit=d, seed=s, split=split)]
    if wanted and split is Split.test:
        look()
    training, test = images_of(split)
    for method, digit, seed in wanted:
        say(f"{method.name}, digit {digit}, seed {seed}")
        model = trained(digit, seed, others) if shipped and split is Split.test else None
        for name, figures in measured(method, digit, seed, training, test, model):
            about = {"method": name, "digit": digit, "seed": seed, "split": split, "date": f"{datetime.now(UTC):%F}"}
            rows.append(about | {"version": installed(method.package)} | figures._asdict())
    yield f"One class, {split}", *report(rows.read(), split)


def select(methods: Iterable[Method], wanted: str) -> list[Method]:
    """Methods in whose names a word begins with one of these, if installed; says which are left out."""
    words = [word.strip().lower() for word in wanted.split(",")]
    chosen = [m for m in methods if wanted == "all" or any(f" {word}" in f" {m.name.lower()}" for word in words)]
    missing = [m.name for m in chosen if installed(m.package) == "not installed"]
    if missing:
        say(f"left out, not installed: {', '.join(missing)} (requirements-benchmarks.txt has them)")
    return [m for m in chosen if m.name not in missing]


def images_of(split: Split) -> tuple[datasets.Dataset, datasets.Dataset]:
    """Training and judging images: MNIST's own parts, or two folds of its training part."""
    training = datasets.load("mnist", "train")
    return (training, datasets.load("mnist", "test")) if split is Split.test else datasets.development(training)


def measured(
    method: Method, digit: str, seed: int, training: datasets.Dataset, test: datasets.Dataset, model: Path | str | None
) -> list[tuple[str, Measured]]:
    """Measure one method on one digit: (name of the row, figures); ours comes with a row for each evidence alone."""
    anomaly = np.array(test.label_names)[test.labels] != digit
    peer = method.make()
    if model is not None and isinstance(peer, Ours):
        peer.detector = Detector.load(model)
        figures = judge(peer, test.images, anomaly, peer.detector.card_.seconds)
    else:
        figures = measure(peer, training.of(digit), test.images, anomaly, seed)
    rows = []
    if isinstance(peer, Ours):
        scores, calibrations = peer.detector.inspect(test.images).scores, peer.detector.calibrations_
        for evidence in (name for name in EVIDENCES if name != EVIDENCE):
            area, detection, alarms = quality(scores[evidence], calibrations[evidence].threshold(ALPHA), anomaly)
            alone = figures._replace(auroc=area, detection=detection, false_alarms=alarms)
            rows.append((f"ours, {evidence} alone", alone))
    return [*rows, (method.name, figures)]  # the row that is looked for comes last: then all the others are there


def trained(digit: str, seed: int, others: Path | None) -> Path | str | None:
    """Our model of a digit that is trained already: the shipped one for seed 0, else a file if it is there."""
    if seed == 0:
        return f"mnist-{digit}"
    file = None if others is None else others / f"seed-{seed}" / f"mnist-{digit}.safetensors"
    return file if file is not None and file.exists() else None


def report(rows: list[dict[str, str]], split: str) -> tuple[str, ...]:
    """AUROC by method and digit, then cost and default thresholds by method."""
    every = pd.DataFrame(rows, columns=COLUMNS).query("split == @split").astype(dict.fromkeys(Measured._fields, float))
    methods = every["method"].unique()  # in the order of the file
    areas = every.pivot_table(index="method", columns="digit", values="auroc", sort=False)
    areas.insert(0, "mean", areas.mean(axis=1, skipna=False))
    by_seed = every.pivot_table(index=["method", "seed"], columns="digit", values="auroc")
    whole = by_seed[by_seed.notna().all(axis=1)].mean(axis=1).groupby("method")
    areas["spread"], areas["seeds"] = whole.std(), every.groupby("method")["seed"].nunique()
    lines = []
    for name, *cells, seeds in areas.loc[methods].sort_values("mean", ascending=False, kind="stable").itertuples():
        lines.append([name, *("" if np.isnan(value) else f"{value:.4f}" for value in cells), seeds])
    costs = []
    for name in (name for name in methods if " alone" not in name):
        own = every[every["method"] == name]
        means = own[list(Measured._fields)].mean()
        spent = "" if np.isnan(means["cpu_seconds"]) else f"{means['cpu_seconds']:.1f}"
        single, rate = f"{means['one_image_ms']:.1f}", f"{means['images_per_second']:,.0f}"
        shares = (percent(means[column], 0) for column in ("detection", "false_alarms"))
        costs.append([name, f"{means['train_seconds']:.1f}", spent, single, rate, *shares, own["digit"].nunique()])
    kind = "MNIST's test images" if split == "test" else "development images 50,000-59,999 of the training part"
    return (
        f"AUROC by digit on {kind}; spread is the standard deviation over seeds of the mean.",
        table(["method", *areas.columns], lines),
        "Means over the digits measured; speeds in processor time of one thread, wall time with whatever else the "
        "machine did; caught and false alarms at each method's own default threshold.",
        table(["method", *COSTS], costs),
    )


if __name__ == "__main__":
    run(main)
