"""The command line: the same detectors, the same readings and the same history as the pages.

JSON and tables go to standard output, everything else to standard error. Exit codes: 0 all judged or done, 1 some
refused or failed, 2 wrong usage, a model that cannot be used included.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from core.cli.batch import batch
from core.errors import OddDigitError
from core.operating_point import EVIDENCES, OperatingPoint

app = typer.Typer(
    help="Tell odd digits from normal ones.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
# File names and errors are printed as they are: brackets and colons in them are no markup.
out = Console(markup=False, emoji=False, highlight=False)
say = Console(markup=False, emoji=False, highlight=False, stderr=True, soft_wrap=True)


class Evidence(StrEnum):
    """Which score decides; the names of ``operating.EVIDENCES``."""

    pixel = "pixel"
    gradient = "gradient"
    manifold = "manifold"
    discriminator = "discriminator"
    fused = "fused"


class Architecture(StrEnum):
    """Kinds of networks that come with the project."""

    conv = "conv"
    dense = "dense"
    attention = "attention"


class InkIs(StrEnum):
    """How ink stands out from paper, and ``read``'s ``invert`` for each."""

    auto = "auto"
    darker = "darker"
    lighter = "lighter"

    @property
    def invert(self) -> bool | None:
        """None to find out."""
        return None if self is InkIs.auto else self is InkIs.lighter


class Format(StrEnum):
    """How results are printed."""

    table = "table"
    json = "json"
    csv = "csv"


class EvaluationFormat(StrEnum):
    """How an evaluation is printed."""

    table = "table"
    json = "json"


ModelOption = Annotated[str, typer.Option(help="Name of a model, or a .safetensors file.")]
EvidenceOption = Annotated[Evidence, typer.Option(help="Which score decides.")]
AlphaOption = Annotated[float, typer.Option(help="False-alarm rate to pay, between 0 and 1.")]


@app.command()
def score(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Pictures, each with one digit.")],
    model: ModelOption = "mnist-any",
    evidence: EvidenceOption = Evidence.fused,
    alpha: AlphaOption = 0.05,
    split: Annotated[bool, typer.Option("--split", help="Judge every shape in a picture on its own.")] = False,
    together: Annotated[bool, typer.Option("--together", help="Take all ink in a picture as one digit.")] = False,
    ink_is: Annotated[InkIs, typer.Option("--ink", help="Whether ink is darker or lighter than paper.")] = InkIs.auto,
    whole: Annotated[bool, typer.Option("--whole", help="Read what lies around a sheet of paper, too.")] = False,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
    no_history: Annotated[bool, typer.Option("--no-history", help="Keep no record.")] = False,
) -> None:
    """Judge pictures of digits."""
    from core import ink
    from core.detector import Detector

    if split and together:
        raise typer.BadParameter("the shapes of a picture are one digit or several.", param_hint="--split --together")
    point = _point(model, evidence, alpha)
    detector = _or_stop(Detector.load, model, code=2)

    def judge(file: str) -> Iterator[dict[str, Any]]:
        try:
            found = ink.read(Path(file), name=file, invert=ink_is.invert, split=not together, whole=whole)
            if len(found.images) > 1 and not split:
                raise OddDigitError(
                    f"{file}: {len(found.images)} shapes found: give one digit a picture, --split to judge each, or "
                    "--together if they are one digit."
                )
            readings = detector.inspect(found.images)
        except OddDigitError as error:
            yield {"source": file, "error": str(error)}
            return
        for doubt in found.doubts:
            if doubt.kind != "several":  # --split has answered that
                say.print(f"{file}: {doubt.message}", style="yellow")
        for i in range(len(readings)):
            yield {"source": file, "box": found.boxes[i].tolist()} | readings.record(i, point)
        if not no_history:
            _keep(detector, readings, point, file)

    refused = _print_scores((row for file in files for row in judge(file)), output)
    raise typer.Exit(1 if refused else 0)


@app.command()
def train(
    normal: Annotated[str, typer.Option(help="Normal digits: 5, or 0,5, or any.")],
    dataset: Annotated[str, typer.Option(help="Data set: a name, folder:PATH or npz:PATH.")] = "mnist",
    architecture: Annotated[Architecture, typer.Option(help="Kind of networks.")] = Architecture.conv,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of 2,080 digits each; 20 by default.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same machine: the same detector.")] = 0,
    name: Annotated[str | None, typer.Option(help="Name of the new model.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run of that name.")] = False,
) -> None:
    """Train a detector on normal digits only, calibrate and evaluate it."""
    from core.detector import Detector, registry
    from core.training import run

    labels = tuple(dict.fromkeys(part.strip() for part in normal.split(",") if part.strip()))
    if not labels:
        raise typer.BadParameter("name at least one digit, such as 5.", param_hint="--normal")
    spec = run.RunSpec(name or run.default_name(dataset, labels), labels, dataset, architecture.value, epochs, seed)
    _fetch(dataset)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[losses]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=say) as bar:
        task = bar.add_task(f"training {spec.name}", total=1.0, losses="")
        try:
            for progress in run.run(spec, resume):
                losses = " ".join(f"{key[:4]} {value:.3f}" for key, value in progress.losses.items())
                stage = f"{spec.name}: {progress.stage}, epoch {progress.epoch} of {progress.epochs}"
                bar.update(task, completed=progress.fraction, description=stage, losses=losses)
        except OddDigitError as error:
            _stop(error)
        except KeyboardInterrupt:
            say.print(f"Interrupted. Go on with: python -m core train --normal {normal} --name {spec.name} --resume")
            raise typer.Exit(1) from None
    say.print(f"Trained {spec.name}: {registry.find(spec.name).path}")
    _print_evaluation(_summary(_or_stop(Detector.load, spec.name)), EvaluationFormat.table)


@app.command()
def evaluate(
    model: ModelOption,
    dataset: Annotated[str, typer.Option(help="Labelled data set to evaluate on.")] = "mnist",
    output: Annotated[EvaluationFormat, typer.Option("--format", help="How to print.")] = EvaluationFormat.table,
) -> None:
    """Measure a model on the test part of a data set."""
    from core import datasets
    from core.detector import Detector

    detector = _or_stop(Detector.load, model, code=2)
    _fetch(dataset)
    evaluation = detector.evaluate(_or_stop(datasets.load, dataset, "test"))
    _print_evaluation(_summary(Detector.of(replace(detector.state_, evaluation=evaluation))), output)


@app.command()
def calibrate(
    model: ModelOption,
    images: Annotated[Path, typer.Option(help="Folder of pictures; sub-folders name the digits.")],
    name: Annotated[str, typer.Option(help="Name of the new model.")],
) -> None:
    """Make a model's promise hold for other people's ink: calibrate it on their normal digits."""
    from core.calibration import own_ink
    from core.datasets.pictures import collect
    from core.detector import Detector, registry

    place = _or_stop(registry.place_for, name)
    detector = _or_stop(Detector.load, model, code=2)
    given = _or_stop(collect, images, detector.card_.normal)
    scores = detector.inspect(given.images).scores["fused"]
    doubtful = own_ink.suspects(given.images, scores, detector.calibrations_["fused"])
    for concern in own_ink.concerns(given.names, detector.card_.normal, doubtful, given.refused):
        say.print(concern, style="yellow")
    made = _or_stop(detector.calibrated, given.images, given.labels, name, f"the writers of {images}")
    made.save(place)
    say.print(f"Calibrated on {len(given.images)} images: {place}")


@app.command("models")
def list_models() -> None:
    """List the models there are."""
    from core.detector import registry

    table = Table("model", "normal", "data", "calibrated on", "made")
    for model in registry.shelf():
        try:
            card = registry.card(model.name)
        except OddDigitError as error:
            table.add_row(model.name, f"cannot be used: {error}")
            continue
        kind = "shipped" if model.shipped else "own"
        table.add_row(
            model.name, ", ".join(card.normal), card.dataset, card.calibrated_on, f"{card.created[:10]}, {kind}"
        )
    out.print(table)


app.command()(batch)


def _point(model: str, evidence: Evidence, alpha: float) -> OperatingPoint:
    try:
        return OperatingPoint(model, evidence.value, alpha)
    except OddDigitError as error:
        raise typer.BadParameter(str(error)) from error


def _keep(detector: Any, readings: Any, point: OperatingPoint, source: str) -> None:
    from core.errors import HistoryError
    from core.history import History, Verdict

    about = {"source": f"cli: {source}", "source_kind": "cli", "model_hash": detector.fingerprint}
    try:
        History().record_all(Verdict.of(readings, row, point, **about) for row in range(len(readings)))
    except HistoryError as error:
        say.print(f"Not kept in the history: {error}")


def _fetch(dataset: str) -> None:
    """Download a data set that is not on this machine, showing how far it has come."""
    from core import datasets

    if datasets.available(dataset):
        return
    with Progress(TextColumn("{task.description}", markup=False), BarColumn(), console=say) as bar:
        task = bar.add_task(dataset, total=1.0)
        try:
            datasets.load(
                dataset, "all", progress=lambda done, line: bar.update(task, completed=done, description=line)
            )
        except OddDigitError as error:
            _stop(error)


def _print_scores(rows: Iterable[dict[str, Any]], output: Format) -> int:
    """Print rows as they come, and give the number of refused files."""
    refused = 0
    if output is Format.json:
        for row in rows:
            refused += "error" in row
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
        return refused
    rows = list(rows)
    refused = sum("error" in row for row in rows)
    if output is Format.csv:
        from core.files.csv import write_csv

        judged = ("source", "box", "model", "evidence", "alpha", "class_id", "verdict", "p_value", "anomaly_score")
        columns = (*judged, "score", "threshold", "error")
        write_csv(sys.stdout, columns, ([row.get(name, "") for name in columns] for row in rows))
        return refused
    table = Table("picture", "verdict", "p-value", "odder than", "reads as")
    for row in rows:
        if "error" in row:
            say.print(row["error"], style="red")
            continue
        digits = sorted((p, name) for name, p in row.get("digits", {}).items() if p > row["alpha"])
        table.add_row(
            row["source"],
            row["verdict"].upper() if row["class_id"] else row["verdict"],
            f"{row['p_value']:.4f}",
            f"{100 * row['anomaly_score']:.1f} %",
            " or ".join(name for _, name in reversed(digits)),
        )
    if table.row_count:
        out.print(table)
    return refused


def _summary(detector: Any) -> dict[str, Any]:
    found = detector.evaluation_
    at_alpha = {}
    for alpha in (0.01, 0.05, 0.1):
        counts = found.confusion("fused", detector.calibrations_["fused"].threshold(alpha))
        at_alpha[f"{alpha:g}"] = {
            "false_alarm_rate": counts.false_alarm_rate if found.n_normal else None,
            "detection_rate": counts.detection_rate if found.n_anomaly else None,
        }
    return {
        "model": detector.card_.name,
        "normal": list(detector.card_.normal),
        "n_normal": found.n_normal,
        "n_anomaly": found.n_anomaly,
        "auroc": {e: found.auroc(e) for e in EVIDENCES},
        "at_alpha": at_alpha,
    }


def _print_evaluation(summary: dict[str, Any], output: EvaluationFormat) -> None:
    if output is EvaluationFormat.json:
        sys.stdout.write(json.dumps(summary) + "\n")
        return
    title = f"{summary['model']}: {summary['n_normal']:,} normal digits, {summary['n_anomaly']:,} anomalies"
    areas = Table("evidence", "AUROC", title=title)
    for name, area in summary["auroc"].items():
        areas.add_row(name, "no anomalies to tell apart" if area is None else f"{area:.4f}")
    out.print(areas)
    rates = Table("alpha", "false alarms", "anomalies caught")
    for alpha, found in summary["at_alpha"].items():
        rates.add_row(alpha, _percent(found["false_alarm_rate"]), _percent(found["detection_rate"]))
    out.print(rates)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


def _or_stop(call: Any, *arguments: Any, code: int = 1) -> Any:
    """Call; an error written for people ends the command with its text and an exit code."""
    try:
        return call(*arguments)
    except OddDigitError as error:
        _stop(error, code)


def _stop(error: OddDigitError, code: int = 1) -> None:
    say.print(str(error), style="red")
    raise typer.Exit(code) from error
