"""``python -m core batch``: judge a pile of digits and write what was found."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from core.errors import HistoryError, OddDigitError
from core.operating_point import EVIDENCES, OperatingPoint

if TYPE_CHECKING:
    from core.batch.findings import Review, Rule

say = Console(markup=False, emoji=False, highlight=False, stderr=True)
ENGINES = ("local", "ray")
BAR = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def batch(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...", help="Pictures, folders, zip, IDX, npy, npz, CSV or Parquet, in any mixture."
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            help="File to write: .csv or .parquet with every row, .zip of the flagged digits. With ray also a folder "
            "or an address, ending in /, such as s3://bucket/results/, for more rows than one machine can hold."
        ),
    ],
    model: Annotated[str, typer.Option(help="Name of a model, or a .safetensors file.")] = "mnist-any",
    evidence: Annotated[str, typer.Option(help=f"Which score decides: {', '.join(EVIDENCES)}.")] = "fused",
    alpha: Annotated[
        float | None, typer.Option(help="False-alarm rate to pay, between 0 and 1.  [default: 0.05]")
    ] = None,
    fdr: Annotated[
        float | None, typer.Option(help="Instead of alpha: share of the flagged that may be normal, such as 0.1.")
    ] = None,
    engine: Annotated[str, typer.Option(help="local, or ray (pip install -r requirements-ray.txt).")] = "local",
    workers: Annotated[int | None, typer.Option(min=1, help="Ray workers; one a core by default.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Take every picture as one digit, never as several.")] = False,
    no_history: Annotated[bool, typer.Option("--no-history", help="Keep no record.")] = False,
) -> None:
    """Judge many digits at once. Interrupted, the same command goes on where it was.

    A picture with several digits gives a row each, in reading order; a file that cannot be used is a row with its
    reason. A sub-folder named after a digit, or a column named label, is checked against what the ink could be.
    Files are named as given, those of a folder by the folder and their path in it.
    The summary goes to standard output as one line of JSON.
    """
    from core.batch import export
    from core.batch.findings import Rule

    if alpha is not None and fdr is not None:
        raise typer.BadParameter("give --alpha or --fdr, not both.", param_hint="--fdr")
    if engine not in ENGINES:
        raise typer.BadParameter(f"there is no engine {engine!r}: local or ray.", param_hint="--engine")
    try:
        rule = Rule(OperatingPoint(model, evidence, 0.05 if alpha is None else alpha), fdr)
        if not (engine == "ray" and output.endswith("/")):
            export.check_suffix(Path(output))
    except OddDigitError as error:
        raise typer.BadParameter(str(error)) from error
    try:
        if output.endswith("/"):
            _ray_to_folder(inputs, output.rstrip("/"), rule, whole, workers)
            return
        apart = Path(output)
        review = _local(inputs, rule, whole, apart) if engine == "local" else _ray(inputs, rule, whole, workers, apart)
        replaced = export.write(review, apart)
    except OddDigitError as error:
        say.print(str(error), style="red", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    if not no_history:
        try:
            export.keep(review)
        except HistoryError as error:
            say.print(f"Not kept in the history: {error}", highlight=False)
    for note in (*review.store.notes, replaced):
        if note:
            say.print(note, highlight=False, soft_wrap=True)
    review.store.delete()
    _tell(review, output)
    raise typer.Exit(1 if review.summary.refused else 0)


def _local(inputs: list[str], rule: "Rule", whole: bool, apart: Path) -> "Review":
    """Judge on this machine, going on where an interrupted run of the same command stopped."""
    from core.batch import run, sources
    from core.batch.findings import Review, foresee
    from core.batch.store import batches_dir
    from core.detector import Detector

    left_out: list[Path] = []
    pile = sources.places([Path(name) for name in inputs], apart, left_out.append)
    detector = Detector.load(rule.point.model)
    folder = batches_dir() / f"cli-{run.key(pile, detector.fingerprint, rule.point.evidence, whole)}"
    total = sources.count(pile)
    store = run.resume(folder, ", ".join(inputs)[:200], detector, rule, whole, total)
    if left_out:
        names = ", ".join(sorted({path.name for path in left_out})[:5])
        store.note(f"Left out: {len(left_out):,} of the system's files ({names}).")
    if rule.rate is not None and (warning := foresee(store.calibration.n, total, rule.rate)):
        say.print(warning, style="yellow", highlight=False, soft_wrap=True)
    if store.done[0]:
        say.print(f"Going on after {store.done[0]:,} of about {total:,}, judged before.", highlight=False)
    try:
        with Bar(*BAR, console=say) as bar:
            task = bar.add_task("judging", total=total, completed=store.done[0])
            for progress in run.run(store, pile, detector):
                bar.update(task, completed=progress.items, total=progress.total)
    except KeyboardInterrupt:
        say.print("Interrupted. The same command goes on where it was.")
        raise typer.Exit(1) from None
    return Review(store, rule)


def _ray(inputs: list[str], rule: "Rule", whole: bool, workers: int | None, apart: Path) -> "Review":
    """Judge with Ray, going on where an interrupted run of the same command stopped."""
    from core.batch import ray_engine
    from core.batch.findings import Review
    from core.batch.run import Progress

    with Bar(*BAR, console=say) as bar:
        task = bar.add_task("judging units", total=None)
        for found in ray_engine.run(inputs, rule, whole, workers, apart):
            if isinstance(found, Progress):
                bar.update(task, completed=found.items, total=found.total)
    assert not isinstance(found, Progress)
    return Review(found, rule)


def _ray_to_folder(inputs: list[str], output: str, rule: "Rule", whole: bool, workers: int | None) -> None:
    """Judge with Ray into a folder or address of Parquet files, which no single machine ever holds at once."""
    from core.batch import ray_engine, ray_partitions

    pile = [place for name in inputs for place in ray_partitions.places(name)]
    ray_engine.claim(output, pile, rule, whole)
    cut = ray_partitions.units(pile)
    with Bar(*BAR, console=say) as bar:
        task = bar.add_task("judging units", total=len(cut))
        for progress in ray_engine.score(cut, rule, whole, workers, output):
            bar.update(task, completed=progress.items)
    sys.stdout.write(json.dumps({"output": output} | ray_engine.tally(output, rule)) + "\n")


def _tell(review: "Review", output: str) -> None:
    from core.batch.findings import say_rule

    summary = review.summary
    found: dict[str, Any] = {
        "output": output,
        "model": review.point.model,
        "evidence": review.point.evidence,
        "alpha": review.rule.point.alpha if review.rule.rate is None else None,
        "fdr": review.rule.rate,
        **asdict(summary),
    }
    sys.stdout.write(json.dumps(found) + "\n")
    words = f"{summary.judged:,} judged, {summary.flagged:,} flagged, {summary.refused:,} refused"
    if summary.labelled:
        words += f", {summary.mislabelled:,} probably mislabelled"
    say.print(f"{words}: {output}", soft_wrap=True)
    say.print(say_rule(review.rule, review.calibration), soft_wrap=True)
