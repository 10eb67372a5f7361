"""Options that commands share: model, evidence and alpha, which make an operating point."""

from enum import StrEnum
from typing import Annotated

import typer

from core.errors import OddDigitError
from core.operating_point import OperatingPoint


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


ModelOption = Annotated[
    str, typer.Option(help="Name of a model, or a .safetensors file.", autocompletion=model_names, metavar="NAME")
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
    typer.Option("--second-opinion", help="Where a single digit is normal, say how the model of all ten reads it."),
]
EvidenceOption = Annotated[Evidence, typer.Option(help="Which score decides.")]


def operating_point(model: str, evidence: Evidence, alpha: float) -> OperatingPoint:
    """The operating point that the options name.

    Raises:
        typer.BadParameter: alpha is no rate.
    """
    try:
        return OperatingPoint(model, evidence.value, alpha)
    except OddDigitError as error:
        raise typer.BadParameter(str(error)) from error
