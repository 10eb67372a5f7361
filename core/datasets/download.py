"""Fetch one public file into a folder: mirrors in turn, broken transfers resumed, checksum verified."""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import DatasetError

CHUNK = 1 << 18  # bytes between two progress reports: 256 KiB
ATTEMPTS = 5  # per mirror, and only while each one brings new bytes


@dataclass(frozen=True)
class Remote:
    """A file somewhere on the network.

    Attributes:
        name: file name to store it under.
        urls: the same bytes at several addresses, best first.
        md5: checksum of the whole file, as its publisher states it.
        size: about how many bytes it has; a server that sends far more is refused.
    """

    name: str
    urls: tuple[str, ...]
    md5: str
    size: int


def fetch(
    remote: Remote, folder: Path, progress: Callable[[int, int], None] | None = None, timeout: float = 10.0
) -> Path:
    """Bring a remote file into a folder, whole and verified, or raise.

    What a broken transfer left behind stays as ``NAME.part`` and the next attempt, on this mirror, another one or
    another day, goes on where it ended. A file that is already there with the right checksum is not fetched again.

    Args:
        remote: what to fetch.
        folder: where to put it; created when missing.
        progress: called with (bytes so far, bytes in all); may raise to cancel, which keeps the part.
        timeout: seconds of silence after which a mirror counts as dead.

    Returns:
        Path of the verified file.

    Raises:
        DatasetError: no mirror delivered the file, or the folder takes no files.
    """
    target, part = folder / remote.name, folder / f"{remote.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if target.is_file() and _md5(target) == remote.md5:
            return target
        troubles = []
        for url in remote.urls:
            try:
                _bring(url, part, remote, progress, timeout)
            except _MirrorError as error:
                troubles.append(f"{urlsplit(url).netloc} ({error})")
            else:
                part.replace(target)
                return target
        if part.is_file() and part.stat().st_size == 0:
            part.unlink()
    except OSError as error:
        raise DatasetError(
            f"{remote.name}: cannot be written to {folder} ({error.strerror or error}). Free some space there, "
            "or choose another folder with ODD_DIGIT_DATASETS."
        ) from error
    raise DatasetError(f"{remote.name}: no mirror delivered it: {', '.join(troubles)}.")


def _bring(url: str, part: Path, remote: Remote, progress: Callable[[int, int], None] | None, timeout: float) -> None:
    """Fill ``part`` from one mirror and verify it, resuming while bytes come; useless remains deserve a clean start."""
    for attempt in range(ATTEMPTS):
        start = part.stat().st_size if part.is_file() else 0
        try:
            _append(url, part, remote, start, progress, timeout)
            if _md5(part) == remote.md5:
                return
            raise _MirrorError("wrong checksum", part_is_useless=True)
        except _MirrorError as error:
            if error.part_is_useless:
                part.unlink(missing_ok=True)
            goes_on = start > 0 if error.part_is_useless else part.is_file() and part.stat().st_size > start
            if not goes_on or attempt == ATTEMPTS - 1:
                raise


def _append(
    url: str, part: Path, remote: Remote, start: int, progress: Callable[[int, int], None] | None, timeout: float
) -> None:
    """Append what the mirror sends from byte ``start`` on; a mirror that cannot resume starts over."""
    done, limit = start, 2 * remote.size + (1 << 20)
    with part.open("ab") as file:
        for chunk, offset, total in _body(url, start, timeout):
            if offset != done:
                file.truncate(offset)
                done = offset
            file.write(chunk)
            done += len(chunk)
            if done > limit:
                raise _MirrorError(f"sent more than {limit:,} bytes, another file?", part_is_useless=True)
            if progress is not None:
                progress(done, max(total or remote.size, done))


class _MirrorError(Exception):
    """A mirror failed; ``part_is_useless`` when what it left cannot be continued."""

    def __init__(self, text: str, part_is_useless: bool = False) -> None:
        super().__init__(text)
        self.part_is_useless = part_is_useless


def _body(url: str, start: int, timeout: float) -> Iterator[tuple[bytes, int, int | None]]:
    """Yield (chunk, its offset in the file, bytes in all if told); every network trouble becomes `_MirrorError`."""
    headers = {"User-Agent": "odd-digit-out", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout) as response:
            resumed = response.status == 206
            if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                raise _MirrorError("resumed at the wrong place", part_is_useless=True)
            offset = start if resumed else 0
            total = None if response.length is None else offset + response.length
            while chunk := response.read(CHUNK):
                yield chunk, offset, total
                offset += len(chunk)
    except urllib.error.HTTPError as error:
        raise _MirrorError(f"HTTP {error.code}", part_is_useless=error.code == 416) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise _MirrorError(str(reason) or type(error).__name__) from error
    if total is not None and offset < total:
        raise _MirrorError(f"broke off after {offset:,} of {total:,} bytes")


def _md5(path: Path) -> str:
    # MD5 because that is what the data sets' publishers state; it guards against broken transfers, not against malice.
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
