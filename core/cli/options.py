"""Options that commands share, and what is refused of them before anything is begun."""

from enum import StrEnum
from typing import Annotated

import typer

from core.cli.output import usage


class Evidence(StrEnum):
    """Which score decides; the names of ``operating_point.EVIDENCES``."""

    pixel = "pixel"
    gradient = "gradient"
    manifold = "manifold"
    discriminator = "discriminator"
    fused = "fused"


def model_names(incomplete: str) -> list[str]:
    """Names of models that begin so, for the shell to complete."""
    from core.detector import registry

    return [model.name for model in registry.models("") if model.name.startswith(incomplete)]


def none_empty(names: list[str]) -> list[str]:
    """Names of files, of which none is empty: that would be the folder one is in."""
    if "" in names:
        raise typer.BadParameter("a name is empty.")
    return names


def _model(name: str) -> str:
    """A model that is there and is one, by its file's head alone: before torch is waited for."""
    from core.detector import registry

    with usage():
        registry.card(name, "")
    return name


def _dataset(name: str) -> str:
    from core.datasets.load import check

    with usage():
        check(name)
    return name


ModelOption = Annotated[
    str,
    typer.Option(
        help="Name of a model, or a .safetensors file.", autocompletion=model_names, metavar="NAME", callback=_model
    ),
]
DatasetOption = Annotated[
    str,
    typer.Option(
        metavar="SET", help="Data set: a name, folder:PATH, or npz:PATH, an array or a table.", callback=_dataset
    ),
]
WholeOption = Annotated[bool, typer.Option("--whole", help="Read what lies around a sheet of paper, too.")]
FaintOption = Annotated[
    bool | None,
    typer.Option(
        "--faint/--no-faint",
        show_default=False,
        help="Take every faint stroke in, or none.  [default: those that go on from dark ink]",
    ),
]
SecondOption = Annotated[
    bool,
    typer.Option(
        "--second-opinion",
        help="Where a single digit is normal, say how the network that knows all ten digits reads it.",
    ),
]
EvidenceOption = Annotated[Evidence, typer.Option(help="Which score decides.")]
