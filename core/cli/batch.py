"""``batch``: judge many digits at once and write what comes of it."""

import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from core import arguments
from core.cli.options import Evidence, EvidenceOption, FaintOption, ModelOption, SecondOption, WholeOption, none_empty
from core.cli.output import REFUSED, ending, examples, keeping, print_json, say, usage
from core.operating_point import OperatingPoint

if TYPE_CHECKING:
    from core.batch.findings import Review, Rule
    from core.batch.notes import Note
    from core.batch.run import Progress
    from core.batch.store import Store
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


def _inputs(names: list[str]) -> list[str]:
    """What can be looked at, before anything that takes time is imported; folders and addresses are later."""
    from core.readers.items import place_of

    with usage():
        for name in none_empty(names):
            if name != STANDARD_INPUT and "://" not in name and not _path(name).is_dir():
                place_of(_path(name))
    return names


def batch(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            callback=_inputs,
            help="Pictures, folders, zip, IDX, npy, npz, CSV or Parquet, in any mixture; - for standard input.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
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
    from core.batch.findings import Review, Rule

    point = OperatingPoint(model, evidence.value)
    with usage("--alpha" if fdr is None else "--fdr"):
        rule = Rule(point if alpha is None else point.at_alpha(alpha), fdr)
    if output != STANDARD_OUTPUT and not to_folder:
        from core.batch.export import check_suffix

        with usage("--output"):
            check_suffix(_path(output))
    if whole:  # which asked for the former until it was one word for one thing
        say.print("--whole reads what lies around a sheet of paper, too; --together takes a picture as one digit.")
    from core.readers.items import Manner

    manner, watch = Manner(together, whole, faint, full), _Watch("parts" if engine is Engine.ray else "items")
    with ending(watch.interrupted):
        if to_folder:
            _ray_to_folder(inputs, output.rstrip("/"), rule, manner, workers, watch)
            return
        if engine is Engine.ray:
            from core.batch import ray_engine

            store = watch.to_end(ray_engine.run(inputs, rule, manner, workers, _path(output)))
        else:
            store = watch.to_end(_local(inputs, rule, manner, workers, _path(output)))
        assert store is not None, "the last step of either engine"
        review = Review(store, rule)
        if second:
            from core.batch import second_opinions

            second_opinions.add(store)
        _write(review, output)
        if not no_history:
            from core.batch import export

            with keeping():
                export.keep(review)
        store.delete()
    raise typer.Exit(REFUSED if review.summary.refused else 0)


class _Watch:
    """How far a batch is: shown on a bar, and said where it is interrupted."""

    def __init__(self, what: str) -> None:
        self._what, self._done, self._total = what, 0, 0

    def to_end(self, steps: "Iterable[Progress | Store]") -> "Store | None":
        """Show progress; gives the store that is the last step, where there is one."""
        from core.batch.store import Store

        store = None
        with Bar(*_BAR, console=say) as bar:
            task = bar.add_task(f"judging {self._what}", total=None)
            for step in steps:
                if isinstance(step, Store):
                    store = step
                else:
                    self._done, self._total = step.items, step.total
                    bar.update(task, completed=step.items, total=step.total)
        return store

    def interrupted(self) -> str:
        """What was done until now, and how to go on."""
        if not self._done:
            return "Interrupted: nothing was judged and kept yet."
        how_far = f"{self._done:,} of about {self._total:,} {self._what} are judged and kept"
        return f"Interrupted: {how_far}, and the same command goes on where it was."


def _local(
    inputs: list[str], rule: "Rule", manner: "Manner", workers: int | None, output: Path
) -> "Iterator[Progress | Store]":
    """Judge on this machine, going on where an interrupted run of the same command stopped; the store comes last."""
    from core.batch import notes, run
    from core.batch.findings import foresee
    from core.batch.store import Job, batches_dir
    from core.ink import apart
    from core.readers import sources

    left_out: list[Path] = []
    with usage("INPUT"):
        places = sources.places([_path(name) for name in inputs if name != STANDARD_INPUT], output, left_out.append)
    if STANDARD_INPUT in inputs:
        places.append(_standard_input())
    from core.detector import Detector

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
    yield run.Progress(store.done[0], total, *(0, 0, 0.0, None))
    yield from run.run(store, places, detector, workers=workers or apart.cores())
    yield store


def _standard_input() -> "Place":
    """What comes on standard input, as a file; text is a table. Its checksum tells it from another of its size."""
    from core.readers.items import InMemory, Place

    data = sys.stdin.buffer.read()
    name = "standard input.csv" if data[:1000].isascii() and b"\0" not in data[:1000] else "standard input"
    return Place(name, InMemory(data), len(data), stamp=zlib.crc32(data))


def _ray_to_folder(
    inputs: list[str], output: str, rule: "Rule", manner: "Manner", workers: int | None, watch: _Watch
) -> None:
    """Judge with Ray into a folder or address of Parquet files, which no single machine ever holds at once."""
    from core.batch import notes, ray_engine, ray_partitions
    from core.detector import Detector

    places = [place for name in inputs for place in ray_partitions.places(name)]
    ray_engine.claim(output, places, rule, manner)
    watch.to_end(ray_engine.score(ray_partitions.units(places), rule, manner, workers, output))
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
        replaced = export.write(review, _path(output))
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
        words += f", {summary.doubted:,} passed, but read otherwise by the network that knows all ten digits"
    say.print(words if output == STANDARD_OUTPUT else f"{words}: {output}")
    if summary.refused and not summary.judged:
        say.print(str(review.error[0]))
    say.print(say_rule(review.rule, review.calibration))


def _path(given: str) -> Path:
    return arguments.path("the path", given)
