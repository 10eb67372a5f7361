"""``batch``: judge many digits at once and write what comes of it."""

import sys
import zlib
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.cli.options import Evidence, EvidenceOption, FaintOption, ModelOption, SecondOption, WholeOption
from core.cli.output import REFUSED, check_model, ending, examples, print_json, say
from core.errors import HistoryError, OddDigitError
from core.operating_point import OperatingPoint

if TYPE_CHECKING:
    from core.batch.findings import Review, Rule
    from core.batch.notes import Note
    from core.readers.items import Manner, Place

STANDARD_INPUT = STANDARD_OUTPUT = "-"
EXAMPLES = examples(
    "batch scans.zip --output verdicts.csv",
    "batch t10k-images-idx3-ubyte.gz --model mnist-any --fdr 0.1 --output flagged.zip",
    "batch scans/ --output - | grep anomaly",
)
_BAR = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


class Engine(StrEnum):
    """What shares out the work."""

    local = "local"
    ray = "ray"


def batch(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="Pictures, folders, zip, IDX, npy, npz, CSV or Parquet, in any mixture; - for standard input.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="File to write: .csv or .parquet with every row, .zip of the flagged digits, - for CSV on standard "
            "output. With ray also a folder or an address, ending in /, such as s3://bucket/results/, for more rows "
            "than one machine can hold.",
        ),
    ],
    model: ModelOption = "mnist-any",
    evidence: EvidenceOption = Evidence.fused,
    alpha: Annotated[
        float | None, typer.Option(help="False-alarm rate to pay, between 0 and 1.  [default: 0.05]")
    ] = None,
    fdr: Annotated[
        float | None, typer.Option(help="Instead of alpha: share of the flagged that may be normal, such as 0.1.")
    ] = None,
    engine: Annotated[Engine, typer.Option(help="What shares out the work; ray is installed apart.")] = Engine.local,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes at work; one a core by default.")] = None,
    together: Annotated[bool, typer.Option("--together", help="Take all ink in a picture as one digit.")] = False,
    whole: WholeOption = False,
    faint: FaintOption = None,
    full: Annotated[
        bool, typer.Option("--full", help="Draw every digit: all evidences, and reconstructions in Parquet.")
    ] = False,
    second: SecondOption = False,
    no_history: Annotated[bool, typer.Option("--no-history", help="Keep no record.")] = False,
) -> None:
    """Judge many digits at once. Interrupted, the same command goes on where it was.

    A picture with several digits gives a row each, in reading order; a file that cannot be used is a row with its
    reason. A sub-folder named after a digit, or a column named label, is checked against what the ink could be.
    Files are named as given, those of a folder by the folder and their path in it.
    The summary goes to standard output as one line of JSON, unless the rows go there.
    """
    if alpha is not None and fdr is not None:
        raise typer.BadParameter("give --alpha or --fdr, not both.", param_hint="--fdr")
    to_folder = engine is Engine.ray and output.endswith("/")
    if to_folder and second:
        why = "rows in a folder hold scores and no verdict: write to a .csv or .parquet file for the second opinions."
        raise typer.BadParameter(why, param_hint="--second-opinion")
    rule = _rule(OperatingPoint(model, evidence.value), alpha, fdr)
    if output != STANDARD_OUTPUT and not to_folder:
        _check_suffix(output)
    if whole:  # which asked for the former until it was one word for one thing
        say.print("--whole reads what lies around a sheet of paper, too; --together takes a picture as one digit.")
    from core.readers.items import Manner

    manner = Manner(together, whole, faint, full)
    with ending(lambda: "Interrupted: what was judged is kept, and the same command goes on where it was."):
        check_model(model)
        if to_folder:
            _ray_to_folder(inputs, output.rstrip("/"), rule, manner, workers)
            return
        judge = _ray if engine is Engine.ray else _local
        review = judge(inputs, rule, manner, workers, Path(output))
        if second:
            from core.batch import second_opinions

            second_opinions.add(review.store)
        _write(review, output)
        if not no_history:
            _keep(review)
        review.store.delete()
    raise typer.Exit(REFUSED if review.summary.refused else 0)


def _rule(point: OperatingPoint, alpha: float | None, fdr: float | None) -> "Rule":
    from core.batch.findings import Rule

    try:
        return Rule(point if alpha is None else point.at_alpha(alpha), fdr)
    except OddDigitError as error:
        raise typer.BadParameter(str(error)) from error


def _check_suffix(output: str) -> None:
    from core.batch.export import check_suffix

    try:
        check_suffix(Path(output))
    except OddDigitError as error:
        raise typer.BadParameter(str(error), param_hint="--output") from error


def _local(inputs: list[str], rule: "Rule", manner: "Manner", workers: int | None, output: Path) -> "Review":
    """Judge on this machine, going on where an interrupted run of the same command stopped."""
    from core.batch import notes, run
    from core.batch.findings import Review, foresee
    from core.batch.store import Job, batches_dir
    from core.ink import apart
    from core.readers import sources

    left_out: list[Path] = []
    places = sources.places([Path(name) for name in inputs if name != STANDARD_INPUT], output, left_out.append)
    if STANDARD_INPUT in inputs:
        places.append(_standard_input())
    from core.detector import Detector  # with torch, which a file that is not there does not wait for

    detector = Detector.load(rule.point.model)
    folder = batches_dir() / f"cli-{run.key(places, detector.fingerprint, rule.point.evidence, manner)}"
    total = sources.count(places)
    asked = Job(", ".join(inputs)[:200], rule.point, rule.rate, manner=manner, total=total)
    store = run.resume(folder, asked, detector)
    if said := notes.left_out(left_out):
        store.note(said)
    if rule.rate is not None and (warning := foresee(store.calibration.n, total, rule.rate, store.calibration.caution)):
        say.print(warning, style="yellow")
    if store.done[0]:
        say.print(f"Going on after {store.done[0]:,} of about {total:,}, judged before.")
    with Progress(*_BAR, console=say) as bar:
        task = bar.add_task("judging", total=total, completed=store.done[0])
        for progress in run.run(store, places, detector, workers=workers or apart.cores()):
            bar.update(task, completed=progress.items, total=progress.total)
    return Review(store, rule)


def _standard_input() -> "Place":
    """What comes on standard input, as a file; text is a table. Its checksum tells it from another of its size."""
    from core.readers.items import InMemory, Place

    data = sys.stdin.buffer.read()
    name = "standard input.csv" if data[:1000].isascii() and b"\0" not in data[:1000] else "standard input"
    return Place(name, InMemory(data), len(data), stamp=zlib.crc32(data))


def _ray(inputs: list[str], rule: "Rule", manner: "Manner", workers: int | None, output: Path) -> "Review":
    """Judge with Ray, going on where an interrupted run of the same command stopped."""
    from core.batch import ray_engine
    from core.batch.findings import Review
    from core.batch.store import Store

    with Progress(*_BAR, console=say) as bar:
        task = bar.add_task("judging units", total=None)
        for step in ray_engine.run(inputs, rule, manner, workers, output):
            if isinstance(step, Store):
                store = step
            else:
                bar.update(task, completed=step.items, total=step.total)
    return Review(store, rule)


def _ray_to_folder(inputs: list[str], output: str, rule: "Rule", manner: "Manner", workers: int | None) -> None:
    """Judge with Ray into a folder or address of Parquet files, which no single machine ever holds at once."""
    from core.batch import notes, ray_engine, ray_partitions
    from core.detector import Detector

    places = [place for name in inputs for place in ray_partitions.places(name)]
    ray_engine.claim(output, places, rule, manner)
    cut = ray_partitions.units(places)
    with Progress(*_BAR, console=say) as bar:
        task = bar.add_task("judging units", total=len(cut))
        for progress in ray_engine.score(cut, rule, manner, workers, output):
            bar.update(task, completed=progress.items)
    print_json({"output": output} | ray_engine.tally(output, rule))
    _say(notes.added_up(ray_engine.remarks(output, Detector.load(rule.point.model))))


def _say(notes: "tuple[Note, ...]") -> None:
    remedies = {"faint": ": --faint takes them in.", "fold": ": score --no-mend leaves one open."}
    for note in notes:
        say.print(str(note).rstrip(".") + remedies[note.kind] if note.kind else note.text)


def _write(review: "Review", output: str) -> None:
    """Write the rows, and say what they come to."""
    from core.batch import export
    from core.batch.findings import say_rule

    summary, replaced = review.summary, ""
    if output == STANDARD_OUTPUT:
        export.export_csv(review, sys.stdout)
    else:
        replaced = export.write(review, Path(output))
        alpha = review.rule.point.alpha if review.rule.rate is None else None
        point = {"model": review.point.model, "evidence": review.point.evidence, "alpha": alpha}
        print_json({"output": output, **point, "fdr": review.rule.rate, **asdict(summary)})
    _say(review.store.notes)
    if replaced:
        say.print(replaced)
    words = f"{summary.judged:,} judged, {summary.flagged:,} flagged, {summary.refused:,} refused"
    if summary.labelled:
        words += f", {summary.mislabelled:,} probably mislabelled"
    if summary.doubted:
        words += f", {summary.doubted:,} passed but read as another digit by the model of all ten"
    say.print(words if output == STANDARD_OUTPUT else f"{words}: {output}")
    if summary.refused and not summary.judged:
        say.print(str(review.error[0]))
    say.print(say_rule(review.rule, review.calibration))


def _keep(review: "Review") -> None:
    from core.batch import export

    try:
        export.keep(review)
    except HistoryError as error:
        say.print(f"Not kept in the history: {error}")
