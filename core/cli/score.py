"""``score``: judge pictures of digits, one verdict a digit."""

import os
import shlex
import sys
from collections.abc import Iterator
from enum import StrEnum
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core import arguments
from core.cli.options import Evidence, EvidenceOption, FaintOption, ModelOption, SecondOption, WholeOption, none_empty
from core.cli.output import REFUSED, TableFormat, ending, examples, keeping, print_scores, program, say, usage
from core.errors import InkError, OddDigitError
from core.operating_point import OperatingPoint
from core.words import visible

if TYPE_CHECKING:
    from core.detector import Detector
    from core.detector.readings import Readings
    from core.ink import Ink
    from core.ink.picture import Source

STANDARD_INPUT = "-"
LARGEST_PICTURE = 100_000_000  # bytes taken from standard input
EXAMPLES = examples(
    "score five.png photo.jpg --model mnist-5",
    "score --format json scan.png | jq .p_value",
    "score - --split < page.png",
)

# What asks for the other choice where a step was unsure.
_OTHERWISE = {
    ("whole", True): "--whole reads the whole picture",
    ("invert", True): "--ink lighter",
    ("invert", False): "--ink darker",
    ("faint", True): "--faint takes it in",
    ("faint", False): "--no-faint leaves it out",
    ("mend", False): "--no-mend leaves it open",
}


class InkIs(StrEnum):
    """How ink stands out from paper, and ``read``'s ``invert`` for each."""

    auto = "auto"
    darker = "darker"
    lighter = "lighter"

    @property
    def invert(self) -> bool | None:
        """None to find out."""
        return None if self is InkIs.auto else self is InkIs.lighter


def score(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", callback=none_empty, help="Pictures, each with one digit; - for standard input."
        ),
    ],
    model: ModelOption = "mnist-any",
    evidence: EvidenceOption = Evidence.fused,
    alpha: Annotated[float, typer.Option(help="False-alarm rate to pay, between 0 and 1.")] = 0.05,
    split: Annotated[bool, typer.Option("--split", help="Judge every shape in a picture on its own.")] = False,
    together: Annotated[bool, typer.Option("--together", help="Take all ink in a picture as one digit.")] = False,
    ink_is: Annotated[InkIs, typer.Option("--ink", help="Whether ink is darker or lighter than paper.")] = InkIs.auto,
    whole: WholeOption = False,
    faint: FaintOption = None,
    mend: Annotated[bool, typer.Option(help="Close gaps that are cut straight, as by a fold.")] = True,
    output: Annotated[TableFormat, typer.Option("--format", help="How to print.")] = TableFormat.table,
    second: SecondOption = False,
    no_history: Annotated[bool, typer.Option("--no-history", help="Keep no record.")] = False,
) -> None:
    """Judge pictures of digits."""
    if split and together:
        raise typer.BadParameter("the shapes of a picture are one digit or several.", param_hint="--split --together")
    with usage("--alpha"):
        point = OperatingPoint(model, evidence.value, alpha)
    done = refused = 0

    @cache
    def detector() -> "Detector":
        from core.detector import Detector  # with torch, which a file that is not there does not wait for

        return Detector.load(model)

    def records() -> Iterator[dict[str, Any]]:
        nonlocal done, refused
        for file in files:
            for source, name, page in _pages(
                file, split=not together, invert=ink_is.invert, whole=whole, faint=faint, mend=mend
            ):
                try:
                    digits = _checked(name, page, split)
                    readings = detector().inspect(digits.images)
                except OddDigitError as error:
                    refused += 1
                    yield {"source": source, "error": str(error)}
                    continue
                asked = _second_opinions(readings, point) if second else (None,) * len(readings)
                for i, opinion in enumerate(asked):
                    record = {"source": source, "box": digits.boxes[i].tolist()} | readings.record(i, point)
                    yield record | ({"second_opinion": opinion} if second else {})
                if not no_history:
                    _keep(detector(), readings, point, source, asked)
            done += 1

    with ending(lambda: f"Interrupted: {done} of {len(files)} files are done."):
        print_scores(records(), output)
    raise typer.Exit(REFUSED if refused else 0)


def _second_opinions(readings: "Readings", point: OperatingPoint) -> tuple[str | None, ...]:
    """The digits that the model of all ten reads in each image; None where the model itself knows several."""
    from core.views import second_opinion

    if not second_opinion.wanted(readings.normal):
        return (None,) * len(readings)
    return tuple(one.field for one in second_opinion.second_opinions(readings, _model_of_all_ten(), point))


@cache
def _model_of_all_ten() -> "Detector":
    from core.detector import Detector
    from core.views import second_opinion

    return Detector.load(second_opinion.MODEL)


def _checked(name: str, digits: "Ink | InkError", split: bool) -> "Ink":
    """The digits of a picture, one unless it may be ``split``; what was unsure is said."""
    if isinstance(digits, InkError):
        raise digits
    if len(digits.images) > 1 and not split:
        raise InkError(
            f"{name}: {len(digits.images)} shapes found: give one digit a picture, --split to judge each, or "
            "--together if they are one digit."
        )
    for doubt in digits.doubts:
        if doubt.kind != "several":  # --split has answered that
            option = "".join(f" ({_OTHERWISE[choice]})" for choice in doubt.other.items())
            say.print(f"{name}: {doubt.message}{option}", style="yellow")
    return digits


def _pages(file: str, **choices: Any) -> Iterator[tuple[str, str, "Ink | InkError"]]:
    """The source, what it is called, and what each page of a file holds; or the reason why there is nothing."""
    from core.ink import apart
    from core.ink.pages import read_pages

    called = "standard input" if file == STANDARD_INPUT else visible(file)
    try:
        for name, page in apart.each(called, partial(read_pages, **choices), _picture(file), called):
            yield file + name.removeprefix(called), name, page
    except InkError as error:
        yield file, called, error


def _picture(file: str) -> "Source":
    if file == STANDARD_INPUT:
        data = sys.stdin.buffer.read(LARGEST_PICTURE + 1)
        if len(data) > LARGEST_PICTURE:
            return InkError("standard input: more than 100 MB came; shrink the picture.")
        return data
    # os.path says no to what is no path at all, such as a text of 5,000 letters, where pathlib raises.
    try:
        path = arguments.path("the path", file)
    except OddDigitError as error:
        return InkError(str(error))
    if os.path.isdir(path):  # noqa: PTH112
        command = f"{program()} batch {shlex.quote(file)} --output verdicts.csv"
        return InkError(f"{file} is a folder: judge all that is in it with `{command}`.")
    return path


def _keep(
    detector: "Detector", readings: "Readings", point: OperatingPoint, source: str, second: tuple[str | None, ...]
) -> None:
    from core.history import History, Verdict

    about = {"source": f"cli: {source}", "source_kind": "cli", "model_hash": detector.fingerprint}
    with keeping():
        History().record_all(
            Verdict.of(readings, row, point, **about, second_opinion=asked) for row, asked in enumerate(second)
        )
