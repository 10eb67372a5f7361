"""Tables of pixels: many lines at once give what one at a time gives, whatever is wrong with some of them."""

from pathlib import Path

import numpy as np
import pytest

from core.batch import csv
from core.batch.items import Item, place_of
from tests.support.piles import digits


def table() -> list[list[str]]:
    """A digit a line, its label first."""
    images, labels = digits(12)
    return [[str(label), *map(str, image.ravel())] for image, label in zip(images, labels, strict=True)]


def said(items: list[Item]) -> list[tuple[object, ...]]:
    pictures = [item.picture.tolist() if isinstance(item.picture, np.ndarray) else None for item in items]
    return [(item.source, item.label, item.error, picture) for item, picture in zip(items, pictures, strict=True)]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        pytest.param(None, "", id="all whole"),
        pytest.param(300, "", id="an empty cell"),
        pytest.param(300, "-1", id="below 0"),
        pytest.param(300, "300", id="above 255"),
        pytest.param(300, "1.5", id="a fraction"),
        pytest.param(300, "black", id="a word"),
        pytest.param(300, " 7 ", id="blanks"),
        pytest.param(0, "007", id="a label with noughts"),
        pytest.param(0, "12345678901234567890", id="a label of twenty digits"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", ",\n"], ids=["unix", "windows", "a comma at the end"])
def test_many_lines_at_once_are_read_as_one_at_a_time(
    cell: int | None, text: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = table()
    if cell is not None:
        rows[7][cell] = text
    (tmp_path / "digits.csv").write_text("".join(",".join(row) + end for row in rows), newline="")
    at_once = list(csv.read_csv(place_of(tmp_path / "digits.csv")))

    for name in ("_whole_numbers", "_parse"):
        monkeypatch.setattr(csv, name, lambda *_: None)

    assert said(at_once) == said(list(csv.read_csv(place_of(tmp_path / "digits.csv"))))
    assert len(at_once) == 12


def test_cells_that_are_missing_in_one_line_and_too_many_in_the_next_are_not_shifted(tmp_path: Path) -> None:
    rows = table()
    rows[3].append(rows[2].pop())
    (tmp_path / "digits.csv").write_text("\n".join(",".join(row) for row in rows))

    errors = [item.error for item in csv.read_csv(place_of(tmp_path / "digits.csv"))]

    assert [bool(error) for error in errors] == [False, False, True, True] + [False] * 8
