"""PDF documents: each page rendered as a picture by PDFium, in a process that may be lost, for this one must not be."""

import re
from collections.abc import Iterator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from core.errors import InkError
from core.ink import apart

MOST_PAGES = 1_000
LARGEST_BYTES = 100_000_000
SIDE = 1_600  # pixels of a page's longest side
PAGE_SECONDS = 10.0  # of processor time for one page
_PAGE = re.compile(rb"/Type\s*/Page\b")

Pages = Iterator[tuple[int, NDArray[np.uint8]]]


def is_pdf(head: bytes) -> bool:
    """Whether a file that begins like this is a PDF; some writers leave blanks before the mark."""
    return head[:512].lstrip(b"\xef\xbb\xbf\0 \t\r\n").startswith(b"%PDF-")


def count(data: bytes) -> int:
    """About how many pages there are, without a parser: those that are not packed away; 1 where none is in sight."""
    return max(1, len(_PAGE.findall(data)))


def pages(data: bytes, name: str) -> Pages:
    """Render a document page by page.

    Args:
        data: the bytes of the file.
        name: what to call it in errors.

    Yields:
        how many pages there are in all, and the next of them, uint8 ``(h, w)`` or ``(h, w, 3)``, its longest side
        ``SIDE`` pixels.

    Raises:
        InkError: damaged, locked, too large, too many pages, or a page beyond the limits; pages before it have come.
    """
    if len(data) > LARGEST_BYTES:
        raise InkError(f"{name} is {len(data) / 1e6:,.0f} MB: split the PDF into parts of at most 100 MB.")
    return apart.each(name, _render, data, name, seconds=PAGE_SECONDS)


def _render(data: bytes, name: str) -> Pages:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error)
        why = "locked with a password: save a copy without one." if locked else "damaged or incomplete: save it again."
        raise InkError(f"{name} is a PDF that is {why}") from error
    with closing(document):
        total = len(document)
        if not total or total > MOST_PAGES:
            raise InkError(f"{name} has {total:,} pages; a PDF is read from 1 to {MOST_PAGES:,}: split it.")
        for number in range(total):
            try:
                with closing(document[number]) as page:
                    scale = SIDE / max(page.get_size())
                    pixels = page.render(scale=scale, rev_byteorder=True, may_draw_forms=False).to_numpy()
            # What a page of hostile numbers makes of its size is for PDFium or Python to refuse.
            except (pypdfium2.PdfiumError, ArithmeticError, ValueError) as error:
                raise InkError(f"{name} page {number + 1} is damaged: save the PDF again.") from error
            first = pixels[:, :, 0].copy()  # side by side, the values of one channel are compared ten times as fast
            grey = all(np.array_equal(first, pixels[:, :, channel]) for channel in range(1, min(3, pixels.shape[2])))
            yield total, first if grey else pixels[:, :, :3].copy()
