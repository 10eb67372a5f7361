"""Notes: what is to be said about a batch as a whole, and of how many of its pictures."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from core.readers.rows import Row

SAID = {"faint": "Faint strokes were left out", "fold": "Gaps that are cut straight, as by a fold, were closed"}


class Note(NamedTuple):
    """Something to be said about a batch as a whole.

    Attributes:
        kind: a key of ``SAID``, of what can be read otherwise; empty for a plain sentence.
        pictures: of how many it is said.
        text: the sentence, where it is of no kind.

    >>> str(Note("faint", 2)), Note.of("Faint strokes were left out in 1,200 pictures.")
    ('Faint strokes were left out in 2 pictures.', Note(kind='faint', pictures=1200, text=''))
    """

    kind: str = ""
    pictures: int = 0
    text: str = ""

    def __str__(self) -> str:
        where = "one picture" if self.pictures == 1 else f"{self.pictures:,} pictures"
        return f"{SAID[self.kind]} in {where}." if self.kind in SAID else self.text

    @classmethod
    def of(cls, line: str) -> "Note":
        """A note as it was stored: as JSON, and as the sentence alone by versions of before."""
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError):
            kind = next((kind for kind, begins in SAID.items() if line.startswith(begins)), "")
            return cls(kind, int("".join(filter(str.isdecimal, line)) or 1)) if kind else cls(text=line)


def of_rows(rows: "Sequence[Row]") -> list[Note]:
    """What the pictures of some rows give rise to say, and of how many."""
    counts = {kind: len({row.item for row in rows if kind in row.noted}) for kind in SAID}
    return [Note(kind, pictures) for kind, pictures in counts.items() if pictures]


def added_up(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Notes in the order in which they came up, each thing once; pictures of one kind add up."""
    counts: Counter[tuple[str, str]] = Counter()
    for note in notes:
        counts[note.kind, note.text] += note.pictures
    return tuple(Note(kind, pictures, text) for (kind, text), pictures in counts.items())


def left_out(files: Sequence[Path]) -> str:
    """What is said of files of a folder that systems leave there; nothing where there are none."""
    names = ", ".join(sorted({path.name for path in files})[:5])
    return f"Left out: {len(files):,} of the system's files ({names})." if files else ""
