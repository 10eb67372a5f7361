"""Quotas of a shared server: how much a visitor, and all of them together, may keep there, and have opened at a time.

On one person's machine disk and processes are that person's, and there are none.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core import paths, settings
from core.errors import QuotaError
from core.files.folder import folders

_MB = 1_000_000
SEEN = "seen"  # in a visitor's folder: by what they are known; when it was written they were here last
NEARLY_FULL = 0.9  # of a quota
TURN_SECONDS = 30.0  # that files wait to be opened, before they are refused
_KINDS = {"uploads": "pictures to train on", "runs": "trainings", "jobs": "trainings", "batches": "batches"}
_opening: set[str] = set()  # visitors whose files are being opened
_turns = threading.Condition()


@dataclass(frozen=True)
class Usage:
    """What a visitor of a shared server keeps there.

    Attributes:
        kinds: bytes of "models", "pictures to train on", "trainings" and "batches".
        verdicts: rows of the history.
    """

    kinds: dict[str, int]
    verdicts: int = 0

    @property
    def bytes(self) -> int:
        """Bytes in all, without the history."""
        return sum(self.kinds.values())

    def say(self) -> str:
        """How much it is of how much."""
        parts = ", ".join(f"{kind} {size / _MB:,.0f}" for kind, size in self._largest_first())
        return (
            f"You keep {self.bytes / _MB:,.0f} of {settings.VISITOR_MB:,} MB on this server"
            f"{f' ({parts})' if parts else ''}, and {self.verdicts:,} of {settings.ROWS:,} verdicts."
        )

    def remedy(self) -> str:
        """What to delete where a quota is nearly used up; else empty."""
        remedies = []
        if self.bytes > NEARLY_FULL * settings.VISITOR_MB * _MB:
            remedies.append(f"{self._largest_first()[0][0]}, which take the most")
        if self.verdicts > NEARLY_FULL * settings.ROWS:
            remedies.append("verdicts in the history")
        return f"That is nearly all you may keep: delete {', and '.join(remedies)}." if remedies else ""

    def _largest_first(self) -> list[tuple[str, int]]:
        return sorted(((kind, size) for kind, size in self.kinds.items() if size), key=lambda one: -one[1])


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
    own = usage(visitor)
    if own.bytes + more > settings.VISITOR_MB * _MB:
        raise QuotaError(
            f"your models, pictures, trainings and batches take {own.bytes / _MB:,.0f} of the {settings.VISITOR_MB:,} "
            f"MB that a visitor has here, and this takes {max(more / _MB, 0.1):,.1f} MB more: delete what you do not "
            f"need. {own.remedy()}".rstrip()
        )
    if size(paths.state_dir()) + more > settings.ALL_MB * _MB:
        raise QuotaError(
            f"all visitors together have used up the {settings.ALL_MB:,} MB of this server: delete what you do not "
            "need, or try again later."
        )


def usage(visitor: str, verdicts: int = 0) -> Usage:
    """What a visitor keeps: models, runs and uploads, and the batches and training jobs that are theirs.

    Args:
        visitor: who.
        verdicts: how many rows of the history are theirs.
    """
    kinds = dict.fromkeys(("models", *_KINDS.values()), 0)
    for folder in [*paths.visitor_dir(visitor).glob("*/"), *tasks(visitor)]:
        kinds[_KINDS.get(folder.name) or _KINDS.get(folder.parent.name, "models")] += size(folder)
    return Usage(kinds, verdicts)


@contextmanager
def turn(visitor: str) -> Iterator[None]:
    """Around what opens a visitor's files: their own one after the other, those of all so many at a time.

    Raises:
        QuotaError: too many are being opened; the text says to hand them in again.
    """
    if not settings.shared_server():
        yield
        return
    with _turns:
        if not _turns.wait_for(lambda: visitor not in _opening and len(_opening) < settings.OPENED, TURN_SECONDS):
            whose = "others of your files are" if visitor in _opening else "so many visitors' files are just"
            raise QuotaError(f"{whose} being opened: hand these in again in a moment.")
        _opening.add(visitor)
    try:
        yield
    finally:
        with _turns:
            _opening.remove(visitor)
            _turns.notify_all()


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
