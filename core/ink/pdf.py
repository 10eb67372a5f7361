"""PDF documents: each page rendered as a picture by PDFium, in a process that may be lost, for this one must not be."""

import math
import multiprocessing
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress

import numpy as np
from numpy.typing import NDArray

from core import paths
from core.errors import InkError
from core.ink.limits import MEMORY, limit_memory

MOST_PAGES = 1_000
LARGEST_BYTES = 100_000_000
SIDE = 1_600  # pixels of a page's longest side
PAGE_SECONDS = 10.0  # of processor time for one page
_FRAME = struct.Struct("<4I")  # pages in all, height, width, channels; as many bytes follow
_ERROR, _NAME = 0xFFFFFFFF, "\0"  # instead of the number of pages, where a text follows; what stands in it for the name
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
    # A process of a pool has limits of its own, and no other process to lose.
    return _render(data, name) if multiprocessing.parent_process() else _render_apart(data, name)


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


def _render_apart(data: bytes, name: str) -> Pages:
    process = subprocess.Popen(
        [sys.executable, "-m", "core.ink.pdf"],
        cwd=paths.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    done, total = 0, 1
    try:
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(data)
        while done < total:
            head = process.stdout.read(_FRAME.size)
            total, *shape = _FRAME.unpack(head) if len(head) == _FRAME.size else (0, 0, 0, 0)
            body = process.stdout.read(min(math.prod(shape), 4 * SIDE * SIDE))
            if total == _ERROR:
                raise InkError(body.decode().replace(_NAME, name))
            if not body or len(body) < math.prod(shape):
                limits = f"{MEMORY >> 30} GB of memory and {PAGE_SECONDS:g} seconds of work"
                raise InkError(f"{name} page {done + 1} cannot be read within {limits}: save it as a picture.")
            done += 1
            pixels = np.frombuffer(body, np.uint8).reshape(shape)
            yield total, pixels[:, :, 0] if shape[2] == 1 else pixels
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _main() -> None:
    """What the other process does: a document comes in, a frame a page goes out."""
    data = sys.stdin.buffer.read()
    limit_memory()

    def start_clock() -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, PAGE_SECONDS)  # which ends the process

    def send(total: int, shape: tuple[int, int, int], body: bytes) -> None:
        sys.stdout.buffer.write(_FRAME.pack(total, *shape) + body)
        sys.stdout.buffer.flush()
        start_clock()

    start_clock()
    try:
        for total, pixels in _render(data, _NAME):
            height, width = pixels.shape[:2]
            send(total, (height, width, pixels.size // (height * width)), pixels.tobytes())
    except InkError as error:
        text = str(error).encode()
        send(_ERROR, (len(text), 1, 1), text)


if __name__ == "__main__":
    _main()
