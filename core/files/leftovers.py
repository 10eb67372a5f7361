"""Leftovers of systems: what Windows, macOS, a NAS or an editor puts beside people's files and nobody means to read."""

from collections.abc import Sequence
from fnmatch import fnmatch

# Folders whose whole content is passed over, and files; all beginning with a point come on top.
FOLDERS = ("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "__pycache__")
FILES = ("thumbs.db*", "ehthumbs*.db", "desktop.ini", "folder.htt", "picasa.ini", "zbthumbnail.info", "icon\r", "~$*")
UNFINISHED = ("*.part", "*.tmp", "*.crdownload", "*~")


def is_leftover(parts: Sequence[str]) -> bool:
    """Whether a file, given by its folders and its name, is a system's and not a person's.

    >>> is_leftover(("scans", "Thumbs.db")), is_leftover(("@eaDir", "7.png", "SYNO.jpg")), is_leftover(("7", "a.png"))
    (True, True, False)
    """
    *folders, name = (part.lower() for part in parts)
    hidden = any(part.startswith(".") and part not in (".", "..") for part in (*folders, name))
    patterns = (*FILES, *UNFINISHED)
    return hidden or any(part in FOLDERS for part in folders) or any(fnmatch(name, pattern) for pattern in patterns)
