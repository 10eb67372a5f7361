"""A state folder on a disk of 1 MB: every command and every page ends in words there, and nothing kept is lost.

    python -m benchmarks.robustness.small_disk [--write]

Mounts a file system of 1 MB in a name space of its own (`unshare -rm`, Linux; where that is not allowed it says so and
ends), keeps some verdicts there, and then has every command of the command line work and every page open: first with
what room there is, then with none. Once there is room again everything that was kept must still be there, whole. Ends
with 1 where there is a fault.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import typer
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from benchmarks.harness import Sections, run, say
from benchmarks.results import table
from benchmarks.robustness import apart, operations
from core import paths, settings
from core.cli.app import app
from core.history import History

MODEL, KEPT = "mnist-5", 20
FIVE = str(paths.ROOT / "assets" / "five.png")
DISK = Path("/tmp/odd-digit-small-disk")
COMMANDS: dict[str, tuple[str, ...]] = {
    "score": ("score", FIVE, "--model", MODEL),
    "train": ("train", "--dataset", "digits", "--normal", "5", "--architecture", "dense", "--epochs", "1"),
    "evaluate": ("evaluate", "--model", MODEL, "--dataset", "digits"),
    "calibrate": ("calibrate", "--model", MODEL, "--images", str(paths.ASSETS), "--name", "fives"),
    "batch": ("batch", FIVE, "--output", str(DISK / "found.csv"), "--model", MODEL),
    "models": ("models",),
}
PAGES = ("dashboard.py", *(f"pages/{file.name}" for file in sorted((paths.ROOT / "pages").glob("[0-9]_*.py"))))


def main() -> Sections:
    """Go onto the small disk, if not there yet, and try everything."""
    if not os.path.ismount(DISK):
        DISK.mkdir(exist_ok=True)
        again = shlex.join([sys.executable, "-m", "benchmarks.robustness.small_disk", *sys.argv[1:]])
        inside = f"mount -t tmpfs -o size=1m none {DISK} && exec {again}"
        done = subprocess.run(["unshare", "-rm", "sh", "-c", inside], check=False, cwd=paths.ROOT)
        raise typer.Exit(done.returncode)
    os.environ[settings.STATE] = str(DISK)
    apart.forked(_keep)
    tries = {name: partial(_command, words) for name, words in COMMANDS.items()}
    tries |= {file: partial(_page, file) for file in PAGES}
    rows = [[name, _try(name, work, True), _try(name, work, False)] for name, work in tries.items()]
    (DISK / "filling").unlink(missing_ok=True)
    subprocess.run(["mount", "-o", "remount,size=100m", str(DISK)], check=True)
    after = apart.forked(_kept)
    rows.append(["verdicts there afterwards", f"{after}, {KEPT} were kept before", ""])
    faults = sum("fault" in str(cell) for row in rows for cell in row) + (int(after) < KEPT)
    yield "A disk of 1 MB", table(["what", "some room", "no room"], rows), f"Faults: {faults}."
    if faults:
        raise typer.Exit(1)


def _keep() -> None:
    History().record_all(operations.verdict(i) for i in range(KEPT))


def _kept() -> str:
    operations.shown()  # raises where something is damaged
    return str(History().count().judged)


def _try(name: str, work: Callable[[], str], room: bool) -> str:
    (DISK / "filling").unlink(missing_ok=True)
    if not room:
        with (DISK / "filling").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(1024)):
                pass
    try:
        said = apart.forked(work) or "fault: not a word"
    except RuntimeError as error:
        said = f"fault: {' '.join(str(error)[-300:].split())}"
    say(f"{name}, {'some' if room else 'no'} room: {said}")
    return said


def _command(words: tuple[str, ...]) -> str:
    os.chdir("/tmp")
    done = CliRunner().invoke(app, words)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return f"ends with {done.exit_code}: {_last(done.output)}"


def _page(file: str) -> str:
    page = AppTest.from_file(str(paths.ROOT / file), default_timeout=300)
    page.query_params["model"] = MODEL
    page.run()
    if page.exception:
        raise RuntimeError(page.exception[0].message)
    said = [str(box.value) for kind in (page.warning, page.error) for box in kind]
    return f"opens{': ' if said else ''}{_last(chr(10).join(said))}"


def _last(text: str) -> str:
    """The last line of what was said, short enough for a table."""
    lines = [line for line in text.replace("|", "/").splitlines() if line.strip()]
    return lines[-1].strip()[:90] if lines else ""


if __name__ == "__main__":
    run(main, threads=None)
