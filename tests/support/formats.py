"""The same twenty digits in the formats that people have, and what is read from them."""

from pathlib import Path

import numpy as np

from core.readers import sources
from core.readers.items import Item
from core.readers.rows import read_item
from tests.support.piles import digits

N = 20
IMAGES, LABELS = digits(N)
FLAT, SHARE, ONE_HOT = IMAGES.reshape(N, -1), IMAGES / 255, np.eye(10, dtype=int)[LABELS]
FIRST = np.column_stack([LABELS, FLAT])
PIXELS = [f"pixel{i}" for i in range(784)]
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def table(head: list[str] | None, columns: np.ndarray, separator: str = ",", end: str = "\n") -> str:
    rows = [] if head is None else [head]
    return "".join(separator.join(map(str, row)) + end for row in [*rows, *columns.tolist()])


PLAIN = table(["label", *PIXELS], FIRST)


def read(*paths: Path) -> list[Item]:
    return list(sources.read(sources.places(paths)))


def images_of(items: list[Item]) -> np.ndarray:
    """What the pictures of items become on the one road, uint8."""
    rows = [row for at, item in enumerate(items) for row in read_item(at, item)]
    assert [row.error for row in rows] == [""] * len(rows)
    return np.stack([np.rint(row.image * 255) for row in rows if row.image is not None]).astype(np.uint8)


def assert_same(items: list[Item], times: int = 1) -> None:
    """The digits with their labels, so many times over."""
    assert [item.label for item in items] == [str(label) for label in LABELS] * times
    np.testing.assert_array_equal(images_of(items), np.concatenate([IMAGES] * times))
