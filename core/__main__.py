"""The command line's entry: ``python -m core``, and ``odd-digit`` once it is installed."""

import os
import sys

from core.cli import interrupt


def main() -> None:
    """Run the command line under the name it was called by."""
    interrupt.heed()  # before anything that takes time is imported
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        # A file name that the terminal cannot show is shown with its codes instead of ending the command.
        getattr(sys, name).reconfigure(errors="backslashreplace")
    from core.cli.app import app
    from core.cli.output import program

    try:
        app(prog_name=program())
    except SystemExit as end:
        if end.code == interrupt.INTERRUPTED:  # at once: tidying up after large libraries takes seconds
            sys.stdout.flush()
            os._exit(interrupt.INTERRUPTED)
        raise


if __name__ == "__main__":
    main()
