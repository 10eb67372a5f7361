"""The command line's entry: ``python -m core``, and ``odd-digit`` once it is installed."""

import sys

from core.cli.app import app
from core.cli.output import program


def main() -> None:
    """Run the command line under the name it was called by."""
    # A file name that the terminal cannot show is shown with its codes instead of ending the command.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    app(prog_name=program())


if __name__ == "__main__":
    main()
