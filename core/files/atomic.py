"""Atomic writes: the one way a file is written, whole or not at all, and the one error for a disk that refuses."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from core import paths
from core.errors import OddDigitError, WriteError

_FULL, _NO_FOLDER = "the disk is full", "a file lies where a folder should be"
_REASONS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "the system lets no file here grow so large",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "the system does not let you write there",
    errno.EPERM: "the system does not let you write there",
    errno.EEXIST: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.ENAMETOOLONG: "the name is too long",
}


def write_whole(path: Path, write: Callable[[Path], object], new: bool = False) -> None:
    """Write a file whole or not at all: ``write`` fills a neighbour, which then takes the name in one step.

    Args:
        path: the file to make or replace; its folder is created when missing.
        write: called with the temporary path to fill.
        new: refuse where the name is taken, whoever took it a moment ago.

    Raises:
        WriteError: the disk is full, the folder is not writable, or the name of a ``new`` file is taken; an older file
            stays as it was.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}"[:200] + ".", suffix=".part", dir=path.parent)
        os.close(handle)
        part = Path(name)
        try:
            write(part)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            part.chmod(0o666 & ~umask)
            if new:
                _take(path, part)
            else:
                part.replace(path)
        finally:
            with suppress(OSError):  # swept up later
                part.unlink()


def _take(path: Path, part: Path) -> None:
    """Give a file a name that nobody has; a kill on the way leaves no empty file of that name."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name is taken first, and filled then
        path.touch(exist_ok=False)
        part.replace(path)


def why_not(folder: Path) -> str:
    """Why nothing can be written below a folder, in a sentence; empty where it can be, perhaps after making it."""
    there = next((place for place in (folder, *folder.parents) if os.path.lexists(place)), folder)
    try:
        with writing(folder):
            if not there.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "")
            by_present_user = os.access in os.supports_effective_ids
            if not os.access(there, os.W_OK | os.X_OK, effective_ids=by_present_user):
                raise PermissionError(errno.EACCES, "")
    except WriteError as error:
        return str(error)
    return ""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around whatever writes below ``path``: what the system raises becomes a sentence for people.

    Raises:
        WriteError: naming the path, what is in the way, and what to do.
    """
    try:
        yield
    except (WriteError, filelock.Timeout):  # what is locked can be written, later
        raise
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
        remedy = "Make room there" if reason == _FULL else "Make it writable"
        elsewhere = "set ODD_DIGIT_STATE to another folder" if _is_state(path) else "choose another place"
        raise WriteError(f"{path} cannot be written: {reason}. {remedy}, or {elsewhere}.", error.errno) from error


@contextmanager
def alone(lock: Path, taken: OddDigitError) -> Iterator[None]:
    """Hold a lock, a file, for oneself; released by the system when the process dies.

    Raises:
        OddDigitError: ``taken``, where another process or thread has it.
        WriteError: the lock cannot be written.
    """
    held = filelock.FileLock(lock, timeout=0, thread_local=False)
    try:
        with writing(lock.parent):
            held.acquire()
    except filelock.Timeout as error:
        raise taken from error
    try:
        yield
    finally:
        held.release()


def _is_state(path: Path) -> bool:
    return path.is_relative_to(paths.state_dir())
