"""The command line's entry: ``python -m core``, and ``odd-digit`` once it is installed."""

import sys
from pathlib import Path

from core.cli.app import app


def main() -> None:
    """Run the command line under the name it was called by."""
    # A file name that the terminal cannot show is shown with its codes instead of ending the command.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    called = Path(sys.argv[0])
    app(prog_name="python -m core" if called.name == "__main__.py" else called.stem)


if __name__ == "__main__":
    main()
