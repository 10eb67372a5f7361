"""Columns of a table of digits: which hold the label, which only count, and in what order the pixels stand."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from core.readers.items import LABELS, as_label

LABEL_NAMES = ("label", "labels", "digit", "digits", "target", "targets", "class", "classes", "category", "y")
# Which a name of several words may be made of.
_LABEL_WORDS = {"true", "truth", "name", "names", "id", "ids", "train", "test", "val", "valid", "validation"}
_LABEL_WORDS |= {*LABEL_NAMES}
NUMBERING = ("", "id", "ids", "index", "indices", "unnamed: 0", "imageid", "image_id", "rowid", "__index_level_0__")
LOOK = 200  # rows that decide
MOST = 1 << 20  # columns
_NUMBERED = re.compile(r"(\D*)(\d+)(?:[x_,-](\d+))?")
_PIXEL = re.compile(r"(\D{0,10})\d+([x_,.-]\d+)?")


class Columns(NamedTuple):
    """Places of a table's columns.

    Attributes:
        label: of the label; ten where it is one-hot, none where there is none.
        pixels: of the pixels, in reading order.
        note: something to say about the labels, or nothing.
    """

    label: tuple[int, ...]
    pixels: tuple[int, ...]
    note: str = ""

    def labels(self, rows: Sequence[Sequence[object]]) -> list[object]:
        """The label of each row."""
        if len(self.label) == 1:
            return [row[self.label[0]] if self.label[0] < len(row) else None for row in rows]
        return [hot([row[i] for i in self.label]) if self.label and self.label[-1] < len(row) else None for row in rows]


def named(names: Sequence[str], rows: Sequence[Sequence[object]]) -> Columns | None:
    """The columns of a table by its head, and by its first rows where names do not tell; None without square images."""
    lowered = [name.strip().lower() for name in names]
    exact = next((i for i, name in enumerate(lowered) if name in LABEL_NAMES), None)
    plain = [i for i, name in enumerate(lowered) if i != exact and name not in NUMBERING]
    groups: dict[str, list[int]] = {}
    for i in plain:
        if part := _PIXEL.fullmatch(lowered[i]):
            groups.setdefault(part[1], []).append(i)
    largest = max(groups.values(), key=len, default=[])
    numbered = sorted(i for group in groups.values() for i in group)
    pixels = next((chosen for chosen in (largest, plain, numbered) if is_square(len(chosen))), None)
    if pixels is None:
        return None
    others = [i for i in plain if i not in set(pixels)]
    label: tuple[int, ...] = () if exact is None else (exact,)
    note = ""
    if not label and len(others) >= 10:
        tens = [group for group in [*groups.values(), others] if len(group) == 10 and set(group) <= set(others)]
        label = next((tuple(ten) for ten in tens if _one_hot(rows, ten)), ())
    if not label and (near := label_column([lowered[i] for i in others])) is not None:
        label = (others[near],)
    if not label:
        label, note = guessed(names, rows, others)
    return Columns(label, tuple(pixels[i] for i in in_order([lowered[i] for i in pixels])), note)


def guessed(
    names: Sequence[str], rows: Sequence[Sequence[object]], others: Sequence[int]
) -> tuple[tuple[int, ...], str]:
    """The one column among others that holds digits, though its name does not say so, and what is to be said of it."""
    able = [i for i in others if rows and _are_digits([row[i] for row in rows])]
    if len(able) == 1:
        return (able[0],), f"labels are read from '{names[able[0]]}'."
    shown = ", ".join(f"'{names[i]}'" for i in others[:5])
    return (), f"no labels are read: by its name, none of its columns is one ({shown})." if others else ""


def unnamed(rows: Sequence[Sequence[object]]) -> Columns | None:
    """The columns of a table without a head, by its first rows, all of one length; None without square images.

    The label stands first, as on Kaggle, or last, as in UCI's data sets, where it may be one-hot; a column that counts
    the rows or names files may come before.
    """
    total = len(rows[0])
    for first in (0, 1):
        rest = total - first
        if first and not _tells_rows_apart([row[0] for row in rows]):
            break
        if is_square(rest):
            return Columns((), tuple(range(first, total)))
        if is_square(rest - 1) and not (first == 0 and _are_names([row[0] for row in rows])):
            label = _label_at(rows, first) % total
            return Columns((label,), tuple(i for i in range(first, total) if i != label))
        for ten in (range(total - 10, total), range(first, first + 10)):
            if is_square(rest - 10) and _one_hot(rows, ten):
                return Columns(tuple(ten), tuple(i for i in range(first, total) if i not in ten))
    return None


def is_square(count: int) -> bool:
    """Whether so many pixels make a square image of a usable size."""
    return count >= 64 and math.isqrt(count) ** 2 == count


def label_column(names: Sequence[str]) -> int | None:
    """Where the label stands among a table's columns: ``label``, or words such as ``Digit Label`` and ``y_true``."""
    words = [set(re.findall("[a-z]+", name.lower())) for name in names]
    exact = [i for i, name in enumerate(names) if name.strip().lower() in LABEL_NAMES]
    near = [i for i, said in enumerate(words) if said <= _LABEL_WORDS and not said.isdisjoint(LABEL_NAMES)]
    return next(iter(exact + near), None)


def in_order(names: Sequence[str]) -> list[int]:
    """Places of the pixels' columns in reading order, by the numbers in their names where these are whole.

    Tables whose columns were sorted as text (pixel0, pixel1, pixel10, ...) or shuffled are put right; of names by row
    and column (1x1, 1x2, ...) those that already run by either stay as they are.
    """
    given = list(range(len(names)))
    parts = [_NUMBERED.fullmatch(name.strip()) for name in names]
    named = [(part[1], int(part[2]), part[3] and int(part[3])) for part in parts if part]
    if not named or len(named) < len(names) or len({prefix for prefix, *_ in named}) > 1:
        return given
    if all(column is None for _, _, column in named):
        numbers = [number for _, number, _ in named]
        whole = sorted(numbers) == list(range(min(numbers), min(numbers) + len(names)))
        return sorted(given, key=numbers.__getitem__) if whole else given
    places = [(row, -1 if column is None else column) for _, row, column in named]
    side = math.isqrt(len(names))
    grid = all(len(set(axis)) == side for axis in zip(*places, strict=True)) and len(set(places)) == len(names)
    if not grid or places == sorted(places, key=lambda place: place[::-1]):
        return given
    return sorted(given, key=places.__getitem__)


def hot(cells: Sequence[object]) -> int | None:
    """Which of the cells is 1 where all others are 0; None where that is not so."""
    marks = [str(as_label(cell)).lower() for cell in cells]
    ones = [i for i, mark in enumerate(marks) if mark in ("1", "true")]
    return ones[0] if len(ones) == 1 and sum(mark in ("0", "false") for mark in marks) == len(marks) - 1 else None


def _one_hot(rows: Sequence[Sequence[object]], ten: Sequence[int]) -> bool:
    return bool(rows) and all(hot([row[i] for i in ten]) is not None for row in rows)


def _are_digits(cells: Sequence[object]) -> bool:
    """Whether these could be the labels of digits, and are no numbers of rows."""
    labels = {as_label(cell) for cell in cells} - {None}
    return bool(labels) and labels <= LABELS and not _counts_up(cells)


def _counts_up(cells: Sequence[object]) -> bool:
    numbers = [as_label(cell) for cell in cells]
    return len(numbers) > 1 and numbers[1:] == [str(int(n) + 1) if n and n.isdigit() else "" for n in numbers[:-1]]


def _are_names(cells: Sequence[object]) -> bool:
    """Whether these are names of files: text, each another."""
    texts = [str(cell) for cell in cells]
    return len(set(texts)) == len(texts) > 1 and all(re.search(r"[a-z/\\]{2}", text, re.IGNORECASE) for text in texts)


def _tells_rows_apart(cells: Sequence[object]) -> bool:
    return _counts_up(cells) or _are_names(cells)


def _label_at(rows: Sequence[Sequence[object]], at: int) -> int:
    """Where the label stands: at ``at``, or last."""
    first, last = ({as_label(row[column]) for row in rows} for column in (at, -1))
    # A first column that is always 0 is the corner of the paper.
    paper = first == {"0"} or not first <= LABELS
    return -1 if paper and last <= LABELS and last != {"0"} else at
