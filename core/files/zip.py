"""The one reader of zip archives from people: hostile until checked, never unpacked to disk, one member at a time."""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from stat import S_ISLNK

from core.errors import ArchiveError
from core.files.leftovers import is_leftover
from core.words import visible

MOST_ENTRIES = 100_000
LARGEST_MEMBER = 64 * 2**20  # bytes unpacked
LARGEST_TOTAL = 4 * 2**30  # bytes unpacked
BOMB_RATIO, BOMB_BYTES = 100, 256 * 2**20  # what unpacks to both more than this many times its size and this much
NESTED = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".npz", ".jar")
_ENTRY = b"PK\x01\x02"
_LONGEST_ENDING = 22 + 0xFFFF  # bytes, comment and all
_PIECE = 1 << 20  # bytes of a file looked through at a time
_STARTS_ARCHIVE = (b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x1f\x8b\x08", b"\xfd7zXZ\x00", b"BZh")
_ENCRYPTED, _UTF8 = 0x1, 0x800
_DAMAGE = (OSError, EOFError, RuntimeError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error)

Refused = Callable[[str, str], None]


def members(source: bytes | Path, name: str = "", refused: Refused | None = None) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files in a zip archive, in its order; folders and hidden files are left out.

    The list of contents is checked as a whole before anything is unpacked, and no more is unpacked than it promised.

    Args:
        source: the archive, or where it lies.
        name: what to call it in errors; a path names itself.
        refused: called with (file, reason) for a file that alone cannot be used: encrypted, damaged, too large, a
            link, or an archive itself. Without it such a file ends the reading.

    Yields:
        (path inside the archive, bytes), one at a time.

    Raises:
        ArchiveError: it is not a zip archive, holds too many entries, points outside itself, or unpacks to far more
            than it is.

    >>> import io, zipfile
    >>> file = io.BytesIO()
    >>> with zipfile.ZipFile(file, "w") as archive:
    ...     archive.writestr("fives/one.png", b"...")
    >>> list(members(file.getvalue()))
    [('fives/one.png', b'...')]
    """
    name = name or (source.name if isinstance(source, Path) else "the archive")
    with closing(_open(source, name)) as archive:
        for entry in _checked(archive, name):
            shown = _shown(_named(entry))
            try:
                data = _unpack(archive, entry)
            except ArchiveError as error:
                if refused is None:
                    raise ArchiveError(f"{name}: '{shown}' {error}") from error
                refused(shown, str(error))
                continue
            yield shown, data


def count(source: bytes | Path, name: str = "") -> int:
    """How many files ``members`` will come to, refused ones included; raises as it does, but unpacks nothing."""
    name = name or (source.name if isinstance(source, Path) else "the archive")
    with closing(_open(source, name)) as archive:
        return len(_checked(archive, name))


def looks_like_zip(data: bytes) -> bool:
    """Whether these bytes start as a zip archive does, whatever the file is called."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def _open(source: bytes | Path, name: str) -> zipfile.ZipFile:
    try:
        # Python builds an object an entry as soon as it opens the list, so entries are counted before that.
        if _entries(source) > MOST_ENTRIES:
            raise ArchiveError(f"{name}: has more than {MOST_ENTRIES:,} entries. Split it into several archives.")
        return zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except ArchiveError:
        raise
    except _DAMAGE as error:
        raise ArchiveError(f"{name}: is not a whole zip archive ({error}). Pack or copy it again.") from error


def _entries(source: bytes | Path) -> int:
    """At least the number of entries that `zipfile` will find: it takes nothing for one that lacks the signature."""
    if isinstance(source, bytes):
        return source.count(_ENTRY)
    # Read and not mapped: whoever cuts the file short meanwhile must not end this process.
    with source.open("rb") as file:
        count, end = 0, b""
        while count <= MOST_ENTRIES and (piece := file.read(_PIECE)):
            block = end + piece
            count, end = count + block.count(_ENTRY), block[1 - len(_ENTRY) :]
        return count


def _checked(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The entries that are files for people, once the list as a whole is known to be harmless."""
    entries = archive.infolist()
    size, promised = _ending(archive)
    if len(entries) < promised:
        raise ArchiveError(f"{name}: lists {len(entries):,} of its {promised:,} files. Pack or copy it again.")
    for entry in entries:
        path = entry.filename.replace("\\", "/")
        if path.startswith("/") or path[1:2] == ":" or ".." in path.split("/"):
            raise ArchiveError(f"{name}: '{_shown(path)}' points outside the archive: refused. Pack its folder again.")
    total = sum(entry.file_size for entry in entries)
    # Its own size, not the sum of packed sizes: entries that share one packed piece would count it many times.
    if total > LARGEST_TOTAL or (total > BOMB_BYTES and total > BOMB_RATIO * size):
        raise ArchiveError(
            f"{name}: {size / 1e6:,.1f} MB that unpack to {total / 1e6:,.0f} MB. "
            "No pile of pictures is packed like that; refused."
        )
    paths = [entry.filename.replace("\\", "/") for entry in entries]  # the separator of old PowerShells
    wanted = [not path.endswith("/") and not is_leftover(path.split("/")) for path in paths]
    return [entry for entry, is_wanted in zip(entries, wanted, strict=True) if is_wanted]


def _ending(archive: zipfile.ZipFile) -> tuple[int, int]:
    """Bytes of an archive, and how many files it says it has (APPNOTE.TXT, 4.3.16); 0 where that stands elsewhere."""
    file = archive.fp
    assert file is not None
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _LONGEST_ENDING))
    _, _, ending = file.read().rpartition(b"PK\x05\x06")
    count = int.from_bytes(ending[6:8], "little")
    return size, count if count < 0xFFFF else 0


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.flag_bits & _ENCRYPTED:
        raise ArchiveError("is encrypted: pack it again without a password.")
    if S_ISLNK(entry.external_attr >> 16):
        raise ArchiveError("is a link, not a file: pack the file itself.")
    if entry.file_size > LARGEST_MEMBER:
        raise ArchiveError(f"has {entry.file_size / 2**20:,.0f} MB; a file may have {LARGEST_MEMBER >> 20} MB.")
    if entry.filename.lower().endswith(NESTED):
        raise ArchiveError("is an archive itself: unpack it first.")
    # Others may unpack a small piece to gigabytes in one call, and nobody packs pictures so.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveError("is packed in an unusual way: pack it again as an ordinary zip.")
    try:
        with archive.open(entry) as file:
            data = file.read(entry.file_size + 1)
    except _DAMAGE as error:
        raise ArchiveError(f"is damaged ({error}): pack it again.") from error
    if data.startswith(_STARTS_ARCHIVE):
        raise ArchiveError("is an archive itself: unpack it first.")
    return data


def _named(entry: zipfile.ZipInfo) -> str:
    """An entry's name; without the mark of UTF-8, most packers write it nonetheless, where it is not an old PC's."""
    if entry.flag_bits & _UTF8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode()
    except UnicodeError:
        return entry.filename


def _shown(path: str) -> str:
    """A path fit to be printed, with forward slashes."""
    return visible(path.replace("\\", "/"))
