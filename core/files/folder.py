"""Folders: what lies in those that people hand over, through links too, and how one's own go away."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from core.files.atomic import writing
from core.files.leftovers import is_leftover

TRASH = ".deleted-"


def files_in(folder: Path, left_out: Callable[[Path], object] = id) -> Iterator[Path]:
    """The files in a folder and all folders in it, in no order; links are followed, but never in a circle.

    Args:
        folder: where to look.
        left_out: called with each file that is passed over: what systems leave beside people's files.

    Yields:
        paths below ``folder``; a link that leads nowhere is one of them, to be refused when it is read.
    """
    above: dict[str, frozenset[str]] = {str(folder): frozenset({os.path.realpath(folder)})}
    for parent, folders, names in os.walk(folder, followlinks=True):
        seen = above.pop(parent)
        real = {name: os.path.realpath(Path(parent, name)) for name in folders}
        folders[:] = [name for name in folders if real[name] not in seen]
        above |= {f"{parent}{os.sep}{name}": seen | {real[name]} for name in folders}
        for path in (Path(parent, name) for name in names):
            if is_leftover(path.relative_to(folder).parts):
                left_out(path)
            elif path.is_file() or not path.exists():
                yield path


def folders(parent: Path) -> list[Path]:
    """The folders in one that are a job each, by its ``job.json``; what is being removed is none of them any more."""
    return sorted(task.parent for task in parent.glob("*/job.json") if not task.parent.name.startswith(TRASH))


def trash(folder: Path) -> None:
    """Remove a folder, renamed first: a kill on the way leaves rubbish to be swept up, and never half of anything.

    Raises:
        WriteError: it cannot be renamed, and is all there.
    """
    rubbish = folder.with_name(f"{TRASH}{uuid.uuid4().hex}")
    with writing(folder):
        try:
            folder.rename(rubbish)
        except FileNotFoundError:
            return
    shutil.rmtree(rubbish, ignore_errors=True)
