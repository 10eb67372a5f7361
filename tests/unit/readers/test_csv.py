"""Tables of pixels: many lines at once give what one at a time gives, whatever is wrong with some of them."""

from pathlib import Path

import numpy as np
import pytest

from core.readers import csv
from core.readers.columns import in_order
from core.readers.items import Item, place_of
from tests.support.piles import digits


def table() -> list[list[str]]:
    """A digit a line, its label first."""
    images, labels = digits(12)
    return [[str(label), *map(str, image.ravel())] for image, label in zip(images, labels, strict=True)]


def shares(picture: np.ndarray) -> np.ndarray:
    return picture if picture.dtype == np.float32 else picture / np.float32(255)


def said(items: list[Item]) -> list[tuple[object, ...]]:
    pictures = [shares(item.picture).tolist() if isinstance(item.picture, np.ndarray) else None for item in items]
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

    monkeypatch.setattr(csv, "_parse", lambda *_: None)

    assert said(at_once) == said(list(csv.read_csv(place_of(tmp_path / "digits.csv"))))
    assert len(at_once) == 12


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([f"pixel{i}" for i in range(784)], id="pixel0 to pixel783"),
        pytest.param([str(i + 1) for i in range(784)], id="1 to 784"),
        pytest.param([f"{i // 28 + 1}x{i % 28 + 1}" for i in range(784)], id="1x1 to 28x28"),
    ],
)
@pytest.mark.parametrize("label", ["label", "Digit Label", "y_true"])
def test_pixels_whose_columns_were_sorted_as_text_or_shuffled_stand_in_the_order_of_their_names(
    names: list[str], label: str, tmp_path: Path
) -> None:
    images, labels = digits(3)
    for order in (sorted(range(784), key=names.__getitem__), np.random.default_rng(0).permutation(784).tolist()):
        rows = [[label, *(names[i] for i in order)]]
        rows += [[str(of), *(str(image.ravel()[i]) for i in order)] for image, of in zip(images, labels, strict=True)]
        (tmp_path / "digits.csv").write_text("\n".join(",".join(row) for row in rows))
        items = list(csv.read_csv(place_of(tmp_path / "digits.csv")))

        assert [item.label for item in items] == [str(of) for of in labels]
        assert np.array_equal([item.picture for item in items], images)


def test_columns_that_are_named_by_column_first_or_by_chance_stay_as_they_are() -> None:
    by_column = [f"{i % 3}x{i // 3}" for i in range(9)]

    for names in (by_column, ["a", "b", "c", "d"], ["5", "0", "0.1", "0.2"], ["p1", "p1", "p2", "p9"]):
        assert in_order(names) == list(range(len(names)))


def test_cells_that_are_missing_in_one_line_and_too_many_in_the_next_are_not_shifted(tmp_path: Path) -> None:
    rows = table()
    rows[3].append(rows[2].pop())
    (tmp_path / "digits.csv").write_text("\n".join(",".join(row) for row in rows))

    errors = [item.error for item in csv.read_csv(place_of(tmp_path / "digits.csv"))]

    assert [bool(error) for error in errors] == [False, False, True, True] + [False] * 8
