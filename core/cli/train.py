"""``train``: a detector from normal digits only, calibrated and evaluated."""

import shlex
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from core.cli.models import summary
from core.cli.options import DatasetOption
from core.cli.output import Format, ending, examples, fetch, load, print_evaluation, program, say, usage

if TYPE_CHECKING:
    from core.datasets import Dataset
    from core.training.run import RunSpec

EXAMPLES = examples(
    "train --normal 5 --name my-5",
    "train --normal any --dataset folder:scans/ --epochs 40",
    "train --normal 5 --name my-5 --resume",
)
_BAR = (
    TextColumn("{task.description}", markup=False),
    BarColumn(),
    TextColumn("{task.fields[losses]}", markup=False),
    TimeRemainingColumn(),
)


class Architecture(StrEnum):
    """Kinds of networks that come with the project."""

    conv = "conv"
    dense = "dense"
    attention = "attention"


def train(
    normal: Annotated[str, typer.Option(metavar="DIGITS", help="Normal digits: 5, or 0,5, or any.")],
    dataset: DatasetOption = "mnist",
    architecture: Annotated[Architecture, typer.Option(help="Kind of networks.")] = Architecture.conv,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of 2,080 digits each; 20 by default.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same machine: the same detector.")] = 0,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the new model.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run of that name.")] = False,
) -> None:
    """Train a detector on normal digits only.

    It is calibrated and evaluated, too. Interrupted or killed, it goes on after the last whole epoch with --resume.
    """
    from core.readers.items import as_label

    labels = tuple(dict.fromkeys(label for part in normal.split(",") if (label := as_label(part))))
    if not labels:
        raise typer.BadParameter("name at least one digit, such as 5.", param_hint="--normal")
    spec = None

    def interrupted() -> str:
        from core.training import run

        if spec is None or not run.folder(spec).exists():
            return "Interrupted: nothing was changed."
        asked = ["train", "--normal", normal, "--dataset", spec.dataset, "--name", spec.name, "--resume"]
        return f"Interrupted. Every epoch that was finished is kept. Go on with: {program()} {shlex.join(asked)}"

    with ending(interrupted):
        whole = None if resume else _check(labels, dataset, name)
        from core.training import run

        spec = run.RunSpec(name or run.default_name(dataset, labels), labels, dataset, architecture.value, epochs, seed)
        if resume:
            with usage("--resume"):
                spec = run.interrupted(spec)
            say.print(f"Going on with {spec.name} as it was asked for: {', '.join(spec.normal)} of {spec.dataset}.")
        fetch(spec.dataset)
        _run(spec, resume, whole)
        from core.detector import Detector, registry
        from core.views.weakness import weaknesses

        say.print(f"Trained {spec.name}: {registry.find(spec.name, '').path}")
        detector = Detector.load(spec.name)
        print_evaluation(summary(detector), Format.table)
        if weak := weaknesses(detector.state_):
            say.print(f"{spec.name} is weak. {' '.join(weak)}", style="yellow")


def _check(labels: tuple[str, ...], dataset: str, name: str | None) -> "Dataset | None":
    """Refuse what can be known to be wrong before torch is waited for; all of a set of one's own, which is read for it.

    Raises:
        DatasetError: it cannot be read.
        ModelError: the name cannot be used.
        typer.BadParameter: a label is not in the data set.
    """
    from core import datasets
    from core.detector import registry

    own = dataset.startswith(("folder:", "npz:"))  # which says what is passed over as it is read
    whole = load(dataset) if own else None
    there = datasets.labels_in(dataset) if whole is None else whole.label_names
    for label in labels:
        if label not in there and labels != ("any",):
            listed = ", ".join(there[:40])
            raise typer.BadParameter(
                f"{dataset} has no images labelled {label!r}: its labels are {listed}.", param_hint="--normal"
            )
    if name is not None:
        registry.place_for(name, "")
    return whole


def _run(spec: "RunSpec", resume: bool, whole: "Dataset | None") -> None:
    from core.training import run

    with Progress(*_BAR, console=say) as bar:
        task = bar.add_task(f"training {spec.name}", total=1.0, losses="")
        for progress in run.run(spec, resume, whole=whole):
            losses = " ".join(f"{key[:4]} {value:.3f}" for key, value in progress.losses.items())
            stage = f"{spec.name}: {progress.stage}, epoch {progress.epoch} of {progress.epochs}"
            bar.update(task, completed=progress.fraction, description=stage, losses=losses)
