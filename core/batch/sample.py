"""A pile to try the page with: digits drawn by this program, some odd, two in the wrong folder, one no picture."""

import io

from core.batch.queue import Upload
from core.datasets.examples import Example, for_normal

TURNS = (-9, -3, 3, 9)  # degrees
BROKEN = ("3", "5", "8")
MISPLACED = {("4", 1): "9", ("7", 2): "1"}


def pile() -> list[Upload]:
    """Some 45 files in folders named after the digits."""
    uploads = []
    for digit in "0123456789":
        good, broken, *_ = for_normal((digit,))
        for i, turn in enumerate(TURNS):
            folder = MISPLACED.get((digit, i), digit)
            uploads.append(Upload(f"{folder}/drawn-{digit}-{i + 1}.png", _png(good, turn)))
        if digit in BROKEN:
            uploads.append(Upload(f"{digit}/drawn-{digit}-5.png", _png(broken, 0)))
    *_, letter, scribble = for_normal(("5",))
    uploads.append(Upload("found/letter.png", _png(letter, 0)))
    uploads.append(Upload("found/scribble.png", _png(scribble, 0)))
    uploads.append(Upload("found/notes.png", b"These are no pixels."))
    return uploads


def _png(example: Example, turn: float) -> bytes:
    buffer = io.BytesIO()
    example.picture().rotate(turn, fillcolor=255).save(buffer, "PNG")
    return buffer.getvalue()
