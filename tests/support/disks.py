"""Disks that refuse: a folder that may be read but not written, and one without room."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Take the right to write below a folder away for a while, from root too, who otherwise may do anything.

    Import what the body needs beforehand: nobody may not read everything.
    """
    root = os.geteuid() == 0
    inside = {path: 0o555 if path.is_dir() else 0o444 for path in (folder, *folder.rglob("*"))}
    # Pytest's own folders are closed to everyone else.
    above = {path: path.stat().st_mode | 0o055 for path in folder.parents if path.owner() == "root"} if root else {}
    before = {path: path.stat().st_mode for path in (*inside, *above)}
    for path, mode in (above | inside).items():
        path.chmod(mode)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in before.items():
            path.chmod(mode)


@contextmanager
def full(_: Path) -> Iterator[None]:
    """No file of this process grows for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
