"""Output of the command line: results on standard output, all else on standard error, one exit code a kind of error."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from core.calibration.prediction_set import prediction_set
from core.cli import interrupt
from core.errors import HistoryError, ModelError, OddDigitError
from core.words import NO_DIGIT, either, say_p_value, say_refusal, say_share, visible

if TYPE_CHECKING:
    from core.datasets import Dataset

REFUSED, USAGE = 1, 2
_REFUSED_SHOWN = 5
_WIDE = 100_000  # columns of what is no terminal, so that a row stays a line
# File names and errors are printed as they are: brackets and colons in them are no markup.


class _Console(Console):
    """A console on which nothing that a person or a file is called acts."""

    def print(self, *objects: Any, **how: Any) -> None:
        """As rich prints; text without what moves the cursor."""
        super().print(*(visible(one, keep="\n") if isinstance(one, str) else one for one in objects), **how)


class _Table(Table):
    """A table whose cells are such text."""

    def add_row(self, *cells: Any, **how: Any) -> None:
        """As rich adds one."""
        super().add_row(*(visible(cell) if isinstance(cell, str) else cell for cell in cells), **how)


out = _Console(markup=False, emoji=False, highlight=False, width=None if sys.stdout.isatty() else _WIDE)
say = _Console(markup=False, emoji=False, highlight=False, stderr=True, soft_wrap=True)


class Format(StrEnum):
    """How results are printed."""

    table = "table"
    json = "json"


class TableFormat(StrEnum):
    """How rows are printed."""

    table = "table"
    json = "json"
    csv = "csv"


def program() -> str:
    """What a person types before a command's name: ``odd-digit`` where it is installed and was called so."""
    return "odd-digit" if Path(sys.argv[0]).stem == "odd-digit" else "python -m core"


def examples(*lines: str) -> str:
    """The end of a command's help: what to type, a line each, without the program's name."""
    return "\n".join(("\b", "Examples:", *(f"  {program()} {line}" for line in lines)))


@contextmanager
def ending(interrupted: Callable[[], str] = lambda: "Interrupted: nothing was changed.") -> Iterator[None]:
    """Around a command: errors written for people, and Ctrl-C, end it with a sentence and their exit code.

    Args:
        interrupted: says what was done until then, and how to go on.
    """
    interrupt.begin()
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt) or interrupt.pressed():
            say.print(interrupted())
            raise typer.Exit(interrupt.INTERRUPTED) from None
        if isinstance(error, OddDigitError):
            say.print(str(error), style="red")
            raise typer.Exit(USAGE if isinstance(error, ModelError) else REFUSED) from error
        raise
    finally:
        interrupt.end()


@contextmanager
def usage(option: str | None = None) -> Iterator[None]:
    """Around what checks how a command was asked for: an error there is wrong usage, and nothing was begun.

    Args:
        option: what was given wrongly; None where the error is raised in the option's own callback.
    """
    try:
        yield
    except OddDigitError as error:
        raise typer.BadParameter(str(error), param_hint=option and f"'{option}'") from error


@contextmanager
def keeping() -> Iterator[None]:
    """Around what keeps a record: where the history cannot be written that is said, and the verdict stands."""
    try:
        yield
    except HistoryError as error:
        say.print(f"Not kept in the history: {error}")


def fetch(dataset: str) -> None:
    """Download a data set that is not on this machine, showing how far it has come.

    Raises:
        DatasetError: there is no such data set, or it cannot be fetched.
    """
    from core import datasets

    if not datasets.available(dataset):
        load(dataset)


def load(dataset: str) -> "Dataset":
    """Read a data set whole, showing how far that has come; what was passed over is said.

    Raises:
        DatasetError: there is no such data set, or it cannot be read.
    """
    from core import datasets

    with Progress(TextColumn("{task.description}", markup=False), BarColumn(), console=say) as bar:
        task = bar.add_task(dataset, total=1.0)
        loaded = datasets.load(
            dataset, "all", progress=lambda done, line: bar.update(task, completed=done, description=line)
        )
    for name, reason in loaded.refused[:_REFUSED_SHOWN]:
        say.print(say_refusal(name, reason))
    if len(loaded.refused) > _REFUSED_SHOWN:
        say.print(f"{len(loaded.refused) - _REFUSED_SHOWN:,} more are passed over.")
    return loaded


def table(*heads: str, title: str | None = None) -> Table:
    """A table of names and what is said of them."""
    return _Table(*heads, title=title)


def show(shown: Table) -> None:
    """Print a table or, where a terminal is too narrow for its words, each row as a paragraph; nothing is cut."""
    if out.measure(shown, options=out.options.update(max_width=_WIDE)).minimum <= out.width:
        out.print(shown)
        return
    if shown.title:
        out.print(shown.title, soft_wrap=True)
    _, *heads = (column.header for column in shown.columns)
    for name, *cells in zip(*(column.cells for column in shown.columns), strict=True):
        out.print(name, soft_wrap=True)
        for head, cell in zip(heads, cells, strict=False):  # a model that cannot be used says no more than that
            if cell:
                out.print(f"  {head}: {cell}", soft_wrap=True)


def print_json(record: dict[str, Any]) -> None:
    """One object on one line, at once."""
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


def print_scores(records: Iterable[dict[str, Any]], output: TableFormat) -> None:
    """Print what was judged and what was refused, as it comes where the format allows."""
    if output is TableFormat.table:
        _print_score_table(records)
    elif output is TableFormat.json:
        for record in records:
            print_json(record)
    else:
        from core.files.csv import write_csv

        judged = ("source", "box", "model", "evidence", "alpha", "class_id", "verdict", "p_value", "anomaly_score")
        columns = (*judged, "score", "threshold", "error", "second_opinion")
        write_csv(sys.stdout, columns, ([record.get(name, "") for name in columns] for record in records))


def _print_score_table(records: Iterable[dict[str, Any]]) -> None:
    shown = table("picture", "verdict", "p-value", "odder than", "reads as")
    try:
        for record in records:
            if "error" in record:
                say.print(record["error"], style="red")
                continue
            odd = bool(record["class_id"])
            shown.add_row(
                record["source"],
                record["verdict"].upper() if odd else record["verdict"],
                say_p_value(record["p_value"]),
                say_share(record["anomaly_score"]),
                either(prediction_set(record.get("digits", {}), record["alpha"], odd)) or _say_second(record),
            )
    finally:  # interrupted, too: what was judged until then is in the history, and was waited for
        if not any(shown.columns[-1].cells):  # a model of one digit reads nothing but that
            shown.columns.pop()
        if shown.row_count:
            show(shown)


def _say_second(record: dict[str, Any]) -> str:
    """How the model of all ten reads a digit that was judged by a model of one, where it was asked."""
    if not (field := record.get("second_opinion")):
        return ""
    return f"{NO_DIGIT if field == 'none' else either(field.split())}, to the network that knows all ten digits"


def print_evaluation(summary: dict[str, Any], output: Format) -> None:
    """Print what ``models.summary`` gives."""
    if output is Format.json:
        print_json(summary)
        return
    title = f"{summary['model']}: {summary['n_normal']:,} normal digits, {summary['n_anomaly']:,} anomalies"
    areas = table("evidence", "AUROC", title=title)
    for name, area in summary["auroc"].items():
        areas.add_row(name, "no anomalies to tell apart" if area is None else f"{area:.4f}")
    show(areas)
    rates = table("alpha", "false alarms", "anomalies caught")
    for alpha, measured in summary["at_alpha"].items():
        rates.add_row(alpha, _percent(measured["false_alarm_rate"]), _percent(measured["detection_rate"]))
    show(rates)


def print_models(records: Sequence[dict[str, Any]], output: Format) -> None:
    """Print what ``models.records`` gives, an object or a row a model."""
    from core.datasets import title

    shown = table("model", "normal", "data", "calibrated on", "made")
    weak = {record["model"]: record["weaknesses"] for record in records if record.get("weaknesses")}
    for record in records:
        if output is Format.json:
            print_json(record)
        elif "error" in record:
            shown.add_row(record["model"], f"cannot be used: {record['error']}")
        else:
            made = f"{record['made'][:10]}, {'shipped' if record['shipped'] else 'own'}"
            data = title(record["dataset"])
            shown.add_row(record["model"], ", ".join(record["normal"]), data, record["calibrated_on"], made)
    if output is Format.table:
        show(shown)
        for name, why in weak.items():
            say.print(f"{name} is weak. {' '.join(why)}", style="yellow")


def _percent(share: float | None) -> str:
    return "-" if share is None else say_share(share)
