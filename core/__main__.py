"""``python -m core``: the command line."""

import sys

from core.cli.app import app

# A file name that the terminal cannot show is shown with its codes instead of ending the command.
for stream in (sys.stdout, sys.stderr):
    stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
app(prog_name="python -m core")
