"""Where things lie: data sets, state and shipped models, and the one way a file is written."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINTS = ROOT / "checkpoints"


def datasets_dir() -> Path:
    """Folder of data sets in torchvision's layout (``ODD_DIGIT_DATASETS``); may be read-only or missing."""
    return Path(os.environ.get("ODD_DIGIT_DATASETS") or ROOT / "data" / "datasets").expanduser().resolve()


def state_dir() -> Path:
    """Folder of history, jobs and people's own models (``ODD_DIGIT_STATE``); created when missing."""
    folder = Path(os.environ.get("ODD_DIGIT_STATE") or ROOT / "data" / "state").expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shared_server() -> bool:
    """Whether several people use this server, so that each sees only what is theirs (``ODD_DIGIT_SHARED=1``)."""
    return os.environ.get("ODD_DIGIT_SHARED", "") == "1"


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all: ``write`` fills a neighbour, which then takes the name in one step.

    Args:
        path: the file to make or replace; its folder is created when missing.
        write: called with the temporary path to fill.

    Raises:
        OSError: the disk is full or the folder is not writable; an older file stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
