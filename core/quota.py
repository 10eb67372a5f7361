"""Quotas of a shared server: how many bytes a visitor, and all of them together, may keep there, and for how long.

On one person's machine the disk is that person's, and there are none.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from core import paths, settings
from core.errors import QuotaError
from core.files.folder import folders

_MB = 1_000_000
SEEN = "seen"  # in a visitor's folder: by what they are known; when it was written they were here last


def check(visitor: str, more: int = 0) -> None:
    """Refuse what would go beyond a quota.

    Args:
        visitor: whose it will be.
        more: how many bytes it will take.

    Raises:
        QuotaError: it would; the text says how much there is and what to do.
    """
    if not settings.shared_server():
        return
    own = kept(visitor)
    if own + more > settings.VISITOR_MB * _MB:
        raise QuotaError(
            f"your models, pictures, trainings and batches take {own / _MB:,.0f} of the {settings.VISITOR_MB:,} MB "
            f"that a visitor has here, and this takes {max(more / _MB, 0.1):,.1f} MB more: delete what you do not need."
        )
    if size(paths.state_dir()) + more > settings.ALL_MB * _MB:
        raise QuotaError(
            f"all visitors together have used up the {settings.ALL_MB:,} MB of this server: delete what you do not "
            "need, or try again later."
        )


def kept(visitor: str) -> int:
    """Bytes that a visitor keeps: models, runs and uploads, and the batches and training jobs that are theirs."""
    return size(paths.visitor_dir(visitor)) + sum(size(folder) for folder in tasks(visitor))


def tasks(visitor: str) -> list[Path]:
    """The folders of the batches and training jobs that are a visitor's."""
    kept = [folder for kind in ("batches", "jobs") for folder in folders(paths.state_dir() / kind)]
    return [folder for folder in kept if owner(folder) == visitor]


def owner(folder: Path) -> str | None:
    """Whose a batch or a training job is; None where its file does not say."""
    try:
        task = json.loads((folder / "job.json").read_text())
        return str(task["visitor"] if "visitor" in task else task["spec"]["visitor"])
    except (OSError, ValueError, TypeError, LookupError):
        return None


def seen(visitor: str, known_by: str) -> None:
    """Note that a visitor of a shared server is here.

    Args:
        visitor: who.
        known_by: ``"cookie"``, ``"session"`` or ``"proxy"``; it decides for how long they can come back.
    """
    if settings.shared_server():
        with suppress(OSError):
            folder = paths.visitor_dir(visitor)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / SEEN).write_text(known_by)


def size(folder: Path) -> int:
    """Bytes of all files in a folder; what goes away meanwhile counts nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).lstat().st_size
            except OSError:
                continue
    return total
