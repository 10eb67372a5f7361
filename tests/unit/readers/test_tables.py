"""Tables as different programs write them: each is the same labelled digits, or says why not."""

import base64
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import datasets
from core.errors import DatasetError
from core.readers import csv, sources
from core.readers.columns import in_order
from core.readers.items import Item, place_of
from tests.support.formats import (
    FIRST,
    FLAT,
    IMAGES,
    LABELS,
    ONE_HOT,
    PIXELS,
    PLAIN,
    WORDS,
    N,
    assert_same,
    images_of,
    read,
    table,
)
from tests.support.piles import digits, png


def one_a_line(form: str, rows: Iterable[np.ndarray | str], between: str = " ") -> str:
    texts = [row if isinstance(row, str) else between.join(map(str, row)) for row in rows]
    return "".join(form.format(label, text) + "\n" for label, text in zip(LABELS, texts, strict=True))


def sparse(pair: str, between: str, start: int) -> list[str]:
    """The pixels of each image that are not 0, each with its number from ``start`` on."""
    return [between.join(pair.format(i + start, row[i]) for i in np.flatnonzero(row)) for row in FLAT]


SHARES = np.array([[f"{value:.4f}" for value in row] for row in FLAT / 255])
TABLES: dict[str, str] = {
    "Kaggle's": PLAIN,
    "without a head": table(None, FIRST),
    "the label last, as UCI's": table(None, np.column_stack([FLAT, LABELS]), ";"),
    "shares with an index": pd.DataFrame(FLAT / 255).assign(digit=LABELS).to_csv(),
    "commas at the end": table(None, FIRST, end=",\n"),
    "a head and commas at the end": table(["label", *PIXELS], FIRST, end=",\n"),
    "after blank lines": "\n\n" + PLAIN,
    "Excel's with decimal commas": "sep=;\r\n"
    + pd.DataFrame(FLAT / 255).assign(label=LABELS).to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n"),
    "R's": table(["label", *PIXELS], np.column_stack([np.arange(1, N + 1), FIRST])),
    "numbered, without a head": table(None, np.column_stack([np.arange(N), FIRST])),
    "other columns": pd.DataFrame(FLAT).assign(writer="someone", label=LABELS).to_csv(index=False),
    "quoted": pd.DataFrame(FIRST).to_csv(index=False, header=False, quoting=1),
    "NumPy's text": "# label and pixels\n" + table(None, FIRST, " "),
    "a title": "My digits, of 2024\n\n" + PLAIN,
    "a title of as many cells": "My digits" + "," * 784 + "\n" + PLAIN,
    "the head again": PLAIN + PLAIN.splitlines()[0] + "\n",
    "a label of another name": table(["Ziffer", *PIXELS], FIRST),
    "a label named like a pixel": table(["5", *PIXELS], FIRST),
    "columns that are counted": table([*map(str, range(785))], FIRST),
    "columns and rows that are counted": table(["", *map(str, range(785))], np.column_stack([np.arange(N), FIRST])),
    "columns of one name": table([f"V{i}" for i in range(785)], FIRST),
    "names of files": "".join(f"{i}.png,{line}\n" for i, line in enumerate(PLAIN.splitlines()[1:])),
    "words": table(None, np.column_stack([np.array([WORDS[label] for label in LABELS]), FLAT])),
    "one-hot last": table(None, np.column_stack([FLAT, ONE_HOT])),
    "one-hot first": table([*map(str, range(10)), *PIXELS], np.column_stack([ONE_HOT, FLAT])),
    "one-hot of words": table([*PIXELS, *(f"is_{word}" for word in WORDS)], np.column_stack([FLAT, ONE_HOT])),
    "one-hot of truths": table([*PIXELS, *(f"class_{i}" for i in range(10))], np.column_stack([FLAT, ONE_HOT == 1])),
    "one-hot beside a label": table(["label", *PIXELS, *WORDS], np.column_stack([FIRST, ONE_HOT])),
    "standardised": table(["label", *PIXELS], np.column_stack([LABELS, np.round((FLAT / 255 - 0.13) / 0.3, 4)])),
    "one text cell": "emotion,pixels,Usage\n" + one_a_line("{0},{1},Training", FLAT),
    "one text cell, of shares": "label;pixels\n" + one_a_line("{0};{1}", SHARES),
    "lists of rows in one cell": one_a_line('{0},"{1}"', [str(image.tolist()) for image in IMAGES]),
    "rows in one cell, a line each": one_a_line('{0},"{1}"', [str(i).replace("[", "") for i in IMAGES]),
    "an array as it is printed": "label,image\n" + one_a_line('{0},"{1}"', map(str, FLAT)),
    "a note of two lines": ",".join(["label", "note", *PIXELS]) + "\n" + one_a_line('{0},"two\nlines",{1}', FLAT, ","),
    "a label in single quotes": one_a_line("'{0}',{1}", FLAT, ","),
    "single quotes": one_a_line("'{0}','{1}'", FLAT, "','"),
    "decimal commas in quotes": one_a_line('{0},"{1}"', np.char.replace(SHARES, ".", ","), '","'),
    "decimal commas between blanks": one_a_line("{0} {1}", np.char.replace(SHARES, ".", ",")),
    "LIBSVM's": one_a_line("{0} {1}", sparse("{}:{}", " ", 1)),
    "LIBSVM's with signs, queries and comments": one_a_line("+{0} qid:3 {1} # a digit", sparse("{}:{}", " ", 1)),
    "sparse ARFF": "@RELATION m\n"
    + "".join(f"@ATTRIBUTE pixel{i} real\n" for i in range(784))
    + "@ATTRIBUTE class {0,1}\n@DATA\n"
    + one_a_line("{{{1}, 784 {0}}}", sparse("{} {}", ", ", 0)),
    "Weka's ARFF": "% MNIST\n@RELATION m\n"
    + "".join(f"@ATTRIBUTE pixel{i} real\n" for i in range(784))
    + "@ATTRIBUTE class {0,1}\n@DATA\n"
    + table(None, np.column_stack([FLAT, LABELS])),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_any_layout_is_the_same_labelled_digits(name: str, tmp_path: Path) -> None:
    path = tmp_path / ("digits.arff" if "ARFF" in name else "digits.csv")
    path.write_text(TABLES[name])

    assert_same([item for item in read(path) if not item.note])
    assert abs(sources.count(sources.places([path])) - N) <= (N * 40 if "ARFF" in name else 3)  # by lines


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(TABLES["a title"], "1 lines above", id="a title"),
        pytest.param(TABLES["a label of another name"], "labels are read from 'Ziffer'", id="another name"),
        pytest.param(table(["writer", *PIXELS], FIRST + 100), "none of its columns is one ('writer')", id="no label"),
    ],
)
def test_what_was_guessed_or_passed_over_is_said(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "digits.csv").write_text(text)

    assert said in " ".join(item.note for item in read(tmp_path / "digits.csv"))


def test_lines_below_a_table_are_refused_and_the_digits_above_them_read(tmp_path: Path) -> None:
    (tmp_path / "digits.csv").write_text(PLAIN + "20 rows\n" + "Total" + "," * 784 + "\n")

    items = read(tmp_path / "digits.csv")

    assert [bool(item.error) for item in items] == [False] * N + [True] * 2


@pytest.mark.parametrize("write", [lambda path: path.write_text(PLAIN), lambda path: np.save(path, FIRST)])
def test_a_table_and_an_array_can_be_trained_on(write: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "digits.npy"
    write(path)
    path = path.rename(tmp_path / "digits.csv") if path.read_bytes()[:5] == b"label" else path

    own = datasets.load(f"npz:{path}", "all")

    np.testing.assert_array_equal(np.rint(own.images * 255), IMAGES)
    with pytest.raises(DatasetError, match="Did you mean 'npz:"):
        datasets.load(str(path))


PICTURES = [png(image) for image in IMAGES]
COLUMNS: dict[str, dict[str, object]] = {
    "Hugging Face's": {"image": [{"bytes": picture, "path": "a.png"} for picture in PICTURES], "label": LABELS},
    "bytes": {"digit": LABELS, "png": PICTURES},
    "lists of pixels": {"pixels": list(FLAT), "y": LABELS},
    "a column a pixel": {"label": LABELS, **dict(zip(PIXELS, FLAT.T, strict=True))},
    "lists of rows": {"image": pa.array(IMAGES.tolist(), pa.list_(pa.list_(pa.uint8()))), "label": LABELS},
    "tensors": {"image": pa.FixedShapeTensorArray.from_numpy_ndarray(IMAGES), "label": LABELS},
    "base64": {"image": [base64.b64encode(picture).decode() for picture in PICTURES], "label": LABELS},
    "links of data": {
        "image": [f"data:image/png;base64,{base64.b64encode(p).decode()}" for p in PICTURES],
        "y": LABELS,
    },
    "bytes of pixels": {"image": [image.tobytes() for image in IMAGES], "label": LABELS},
    "channels first": {"image": IMAGES[:, None].tolist(), "label": LABELS},
    "one-hot lists": {"image": PICTURES, "label": ONE_HOT.astype(float).tolist()},
    "lists of one label": {"image": PICTURES, "label": LABELS[:, None].tolist()},
    "one-hot columns": {**dict(zip(PIXELS, FLAT.T, strict=True)), **{f"is_{i}": ONE_HOT[:, i] for i in range(10)}},
    "beside embeddings": {"embedding": np.ones((N, 64)).tolist(), "scan": PICTURES, "label": LABELS},
    "beside other columns": {"fold": np.arange(N) % 3, "label": LABELS, **dict(zip(PIXELS, FLAT.T, strict=True))},
    "a label of another name": {"image": PICTURES, "ziffer": LABELS},
    "text of pixels": {"image": [" ".join(map(str, row)) for row in FLAT], "label": LABELS},
    "dictionaries": {
        "image": pa.array(PICTURES).dictionary_encode(),
        "label": pa.array(map(str, LABELS)).dictionary_encode(),
    },
}


@pytest.mark.parametrize("name", COLUMNS)
def test_parquet_columns_of_any_kind_are_the_same_labelled_digits(name: str, tmp_path: Path) -> None:
    pq.write_table(pa.table(COLUMNS[name]), tmp_path / "digits.parquet", row_group_size=7)

    assert_same([item for item in read(tmp_path / "digits.parquet") if not item.note])
    assert sources.count(sources.places([tmp_path])) == N


def test_a_list_of_files_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("file,label\n" + "".join(f"{i}.png,{i}\n" for i in range(10)))

    assert "names pictures and holds none: give the folder" in read(tmp_path)[0].error


@pytest.mark.parametrize("cell", ["train/7.png", {"bytes": None, "path": "train/7.png"}], ids=["text", "Hugging Face"])
def test_paths_in_place_of_pictures_are_named_with_the_remedy(cell: object, tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [cell] * 3, "label": [7, 7, 7]}), tmp_path / "digits.parquet")

    assert "give the folder that they lie in" in read(tmp_path / "digits.parquet")[0].error


@pytest.mark.parametrize("name", ["digits.tra", "digits.data", "digits"])
def test_a_table_is_known_by_its_lines_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(PLAIN)
    (tmp_path / f"{name}.other").write_text(table(None, np.round(FLAT / 255, 3), " "))

    for path in tmp_path.iterdir():
        np.testing.assert_array_equal(images_of(read(path)), IMAGES)


def lines() -> list[list[str]]:
    """A digit a line, its label first."""
    return [[*map(str, row)] for row in FIRST[:12]]


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
    rows = lines()
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
    rows = lines()
    rows[3].append(rows[2].pop())
    (tmp_path / "digits.csv").write_text("\n".join(",".join(row) for row in rows))

    errors = [item.error for item in csv.read_csv(place_of(tmp_path / "digits.csv"))]

    assert [bool(error) for error in errors] == [False, False, True, True] + [False] * 8
