"""Pages of a picture file: a TIFF or a PDF may hold many, each read as a picture under a name of its own."""

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from core.errors import InkError
from core.ink import pdf, storage
from core.ink.containers import TIFF
from core.ink.picture import Source
from core.ink.read import Ink, Step, read

MOST_PAGES = 1_000  # of a TIFF file
_REDUCED = 254  # TIFF tag NewSubfileType, whose lowest bit says that a page is a preview of another


def pages(picture: Source, name: str) -> Iterator[tuple[str, Source]]:
    """A picture under its name, or each page of a file that has several; previews among them are left out.

    Args:
        picture: as ``ink.read`` takes it.
        name: what to call it; pages are called ``"scan.pdf page 3"``.

    Yields:
        name and page, for ``ink.read``; where a document cannot be read on, the last is the error that says why.
    """
    try:
        yield from _pages(picture, name)
    except InkError as error:
        yield name, error


def read_pages(picture: Source, name: str, **choices: Any) -> Iterator[tuple[str, Ink | InkError]]:
    """Each page of a picture read, or why it cannot be; for ``apart``, which bounds what that takes.

    Args:
        picture: as ``ink.read`` takes it.
        name: what to call it.
        choices: as ``ink.read`` takes them.
    """
    for called, page in pages(picture, name):
        try:
            # How it was read is for pages to show, and much to hand over.
            yield called, replace(read(page, name=called, **choices), explain=_unexplained)
        except InkError as error:
            yield called, error


def _unexplained() -> tuple[Step, ...]:
    return ()


def as_files(data: bytes, name: str, most: int) -> list[tuple[str, bytes | InkError]]:
    """A picture file under its name; of a PDF each page as a PNG file under a name of its own, and why it ends early.

    Args:
        data: the bytes of the file.
        name: what to call it.
        most: how many pages are enough.
    """
    if not pdf.is_pdf(data):
        return [(name, data)]
    files: list[tuple[str, bytes | InkError]] = []
    for called, page in pages(data, name):
        if len(files) == most:
            files.append((name, InkError(f"{name}: its first {most} pages are here; a batch reads all of them.")))
            break
        files.append((called, storage.png(page, 1) if isinstance(page, np.ndarray) else cast(InkError, page)))
    return files


def _pages(picture: Source, name: str) -> Iterator[tuple[str, Source]]:
    head, data = _head(picture), b""
    if pdf.is_pdf(head) or head.startswith(TIFF):
        with suppress(OSError):  # which is said when the picture is read
            data = picture.read_bytes() if isinstance(picture, Path) else cast(bytes, picture)
    if not data:
        yield name, picture
        return
    if pdf.is_pdf(head):
        for number, (total, page) in enumerate(pdf.pages(data, name), 1):
            yield f"{name} page {number}" if total > 1 else name, page
        return
    count, breaks_off = _page_count(data)
    if count > 1:
        if count > MOST_PAGES:
            raise InkError(f"{name} has more than {MOST_PAGES:,} pages: split it.")
        with Image.open(io.BytesIO(data), formats=["TIFF"]) as file:
            for at in range(count):
                file.seek(at)
                if not cast(TiffImageFile, file).tag_v2.get(_REDUCED, 0) & 1:
                    yield f"{name} page {at + 1}", file
    else:
        yield name, picture
    if breaks_off:
        raise InkError(f"{name} is damaged after page {count}: copy or scan it again.")


def _head(picture: Source) -> bytes:
    """The first bytes of a file; none where it is none that can be opened, which is said when it is read."""
    if isinstance(picture, Path):
        try:
            if picture.is_file():  # a pipe would be waited for, for ever
                with picture.open("rb") as file:
                    return file.read(512)
        except (OSError, ValueError):
            pass
        return b""
    return bytes(picture[:512]) if isinstance(picture, bytes) else b""


def _page_count(data: bytes) -> tuple[int, bool]:
    """How many pages of a TIFF file can be found, and whether it breaks off after them; (1, False) of another file."""
    count, breaks_off = 1, False
    with suppress(Exception), Image.open(io.BytesIO(data), formats=["TIFF"]) as file:
        try:
            while count <= MOST_PAGES:  # counting them all would look at each, for half a minute
                file.seek(count)
                count += 1
        except EOFError:
            pass
        except Exception:
            breaks_off = True
    return count, breaks_off
