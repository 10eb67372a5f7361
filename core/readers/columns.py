"""Columns of a table of digits: which of them is the label, which only count, and in what order the pixels stand."""

import math
import re
from collections.abc import Sequence

LABEL_NAMES = ("label", "labels", "digit", "digits", "target", "targets", "class", "classes", "category", "y")
_LABEL_WORDS = {*LABEL_NAMES, "true", "truth", "name", "names"}  # which a name of several words may be made of
NUMBERING = ("", "id", "ids", "index", "indices", "unnamed: 0", "imageid", "image_id", "rowid", "__index_level_0__")
_NUMBERED = re.compile(r"(\D*)(\d+)(?:[x_,-](\d+))?")


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
