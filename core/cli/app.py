"""The command line: the same detectors, the same readings and the same history as the pages.

JSON and tables go to standard output, everything else to standard error. Exit codes: 0 all judged or done, 1 some
refused or failed, 2 asked for wrongly, so that nothing was begun (an unknown model or data set, a path that leads
nowhere, a name that is taken), 130 interrupted.
"""

import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from core.cli import batch, models, score, train
from core.cli.output import program


class Command(TyperCommand):
    """A command whose help and refusals are in no programmer's words."""

    def __init__(self, *given: Any, **how: Any) -> None:
        super().__init__(*given, **how)
        for parameter in self.params:
            if parameter.nargs == -1:
                parameter.display_type = lambda _: ""  # type: ignore[attr-defined] # which is "<list[str]>"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments that no option takes; raises what the base does."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise


app = typer.Typer(
    no_args_is_help=True,
    add_completion=program() == "odd-digit",  # a shell completes the name of a command, not of a module
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command, examples in (
    (score.score, score.EXAMPLES),
    (train.train, train.EXAMPLES),
    (models.evaluate, models.EVALUATE_EXAMPLES),
    (models.calibrate, models.CALIBRATE_EXAMPLES),
    (batch.batch, batch.EXAMPLES),
    (models.models, models.MODELS_EXAMPLES),
):
    app.command(epilog=examples, cls=Command)(command)


@app.command("help")
def help_(
    context: typer.Context,
    command: Annotated[str | None, typer.Argument(metavar="COMMAND", help="The command in question.")] = None,
) -> None:
    """Say what there is, or how to use a command."""
    assert context.parent is not None
    group: Any = context.parent.command
    group.main([*([command] if command else []), "--help"], prog_name=program())


def _say_version(wanted: bool) -> None:
    if wanted:
        from core import paths

        typer.echo(f"odd-digit {paths.version()}")
        raise typer.Exit


@app.callback(epilog=score.EXAMPLES)
def _options(
    version: Annotated[  # noqa: ARG001 - said by its own callback
        bool, typer.Option("--version", "-V", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Tell odd digits from normal ones."""
    # What is wrong with a picture is said in the project's own words.
    warnings.filterwarnings("ignore", module=r"PIL\.")
