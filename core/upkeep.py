"""Upkeep of the state folder: what kills left behind, what nobody can reach any more, and caches beyond their share.

It runs when the server starts and some times a day, beside everything else, and takes nothing that anyone still uses.
"""

import json
import threading
import time
from contextlib import suppress
from pathlib import Path

from core import paths, quota, settings
from core.errors import HistoryError
from core.files.folder import folders, trash

EVERY_SECONDS = 6 * 3600.0
UNUSED_SECONDS = 3600.0  # after which what no process finishes any more is rubbish
DAY = 24 * 3600.0
# How long after that somebody can still come back: a browser keeps the cookie for 400 days, a session without one is
# over when its tab is closed, and who logs in at a proxy can always come.
LIFETIMES = {"cookie": 401 * DAY, "session": 30 * DAY}


def begin() -> None:
    """Look after the state folder from now on, in a thread of its own."""
    threading.Thread(target=_go_on, name="upkeep", daemon=True).start()


def _go_on() -> None:
    while True:
        with suppress(OSError):  # another time: nothing of this is needed to work on
            sweep()
        time.sleep(EVERY_SECONDS)


def sweep() -> None:
    """Remove what kills left behind and nobody can reach, and the caches used longest ago beyond their share."""
    state = paths.state_dir()
    for pattern in ("**/.*.part", "import-*", "**/.deleted-*"):
        for left in list(state.glob(pattern)):
            if _age(left) > UNUSED_SECONDS:
                _remove(left)
    for pattern, task in (("jobs/*/", "job.json"), ("batches/*/", "job.json"), ("**/runs/*/", "spec.json")):
        for folder in list(state.glob(pattern)):
            # Ray writes rows into a folder of a batch's for hours before it becomes one.
            if not (folder / task).exists() and min(map(_age, (folder, *folder.glob("rows")))) > UNUSED_SECONDS:
                _remove(folder)
    if settings.shared_server():
        for folder in paths.visitors_dir().glob("*/"):
            with suppress(OSError, ValueError):
                _expire(folder)
        with suppress(OSError, ValueError, LookupError, TypeError):  # a damaged job may want any run
            _remove_orphans()
    _evict(state / "cache", settings.CACHE_MB * 1_000_000)


def forget(visitor: str) -> None:
    """Remove everything that is a visitor's."""
    for folder in quota.tasks(visitor):
        _remove(folder)
    from core.history import History

    with suppress(HistoryError):
        History(visitor=visitor).forget()
    _remove(paths.visitor_dir(visitor))


def _remove_orphans() -> None:
    """Remove visitors' runs that no job goes on with: a visitor has no command line to resume them by."""
    kept = folders(paths.state_dir() / "jobs")
    specs = [json.loads((folder / "job.json").read_text())["spec"] for folder in kept]
    wanted = {(spec["visitor"], spec["name"]) for spec in specs}
    for run in paths.visitors_dir().glob("*/runs/*/"):
        if (run.parents[1].name, run.name) not in wanted and _age(run) > DAY:
            _remove(run)


def _expire(folder: Path) -> None:
    note = folder / quota.SEEN
    if not note.exists():
        quota.seen(folder.name, "cookie")  # from before this was noted: the time begins now
    elif _age(note) > LIFETIMES.get(note.read_text(), float("inf")):
        forget(folder.name)


def _evict(cache: Path, most: int) -> None:
    """Remove the files of a cache that were used longest ago, until it takes at most so many bytes."""
    with suppress(OSError):
        files = [
            (max(stat.st_atime, stat.st_mtime), stat.st_size, file) for file in cache.iterdir() if (stat := file.stat())
        ]
        total = sum(bytes_ for _, bytes_, _ in files)
        for _, bytes_, file in sorted(files):
            if total <= most:
                break
            _remove(file)
            total -= bytes_


def _age(path: Path) -> float:
    """Seconds since it was last changed; 0 for what is gone, and for what a clock put into the future."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _remove(path: Path) -> None:
    """A folder gets another name first: a kill on the way leaves no half of anything."""
    if path.is_dir() and not path.is_symlink():
        trash(path)
    else:
        with suppress(OSError):
            path.unlink()
