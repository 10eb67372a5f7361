"""Arrays and tables as different programs shape, scale and label them: each is the same digits, or says why not."""

import base64
import itertools
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import datasets, ink
from core.errors import DatasetError
from core.readers.items import Item
from tests.support.formats import PIXELS, images_of, read
from tests.support.piles import digits, idx, png

N = 20
IMAGES, LABELS = digits(N)
FLAT, SHARE, ONE_HOT = IMAGES.reshape(N, -1), IMAGES / 255, np.eye(10, dtype=int)[LABELS]
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

ARRAYS = {
    "shares": SHARE,
    "flat": FLAT,
    "flat shares": (FLAT / 255).astype(np.float32),
    "column by column": np.asfortranarray(IMAGES),
    "with a channel": IMAGES[..., None],
    "from -1 to 1": IMAGES / np.float32(127.5) - 1,
    "wrapped to signed bytes": IMAGES.astype(np.int8),
    "standardised": (SHARE - SHARE.mean()) / SHARE.std(),
    "standardised one by one": np.stack([(image - image.mean()) / image.std() for image in SHARE]),
    "torchvision's Normalize": ((SHARE - 0.1307) / 0.3081).astype(np.float32)[:, None],
    "around 0": SHARE - 0.5,
    "signed bytes around 0": IMAGES.astype(np.int16) - 128,
    "half floats": SHARE.astype(np.float16),
    "big-endian": IMAGES.astype(">f4"),
    "16 bits": IMAGES.astype(np.uint16) * 257,
    "the last axis counts": IMAGES.transpose(1, 2, 0),
    "the last axis counts, in colour": np.repeat(IMAGES.transpose(1, 2, 0)[:, :, None], 3, 2),
    "a column an image": FLAT.T,
    "batches": IMAGES.reshape(4, 5, 28, 28),
    "batches with a channel": IMAGES.reshape(4, 5, 1, 28, 28),
    "a stack in a stack": IMAGES[None],
    "a row of 784": FLAT[:, None],
    "dark on light": 255 - IMAGES,
    "dark on light, shares": 1 - SHARE,
    "every other one dark on light": np.where(np.arange(N)[:, None, None] % 2, IMAGES, 255 - IMAGES),
}


def assert_same(items: list[Item], times: int = 1) -> None:
    """The digits with their labels, so many times over."""
    assert [item.label for item in items] == [str(label) for label in LABELS] * times
    np.testing.assert_array_equal(images_of(items), np.concatenate([IMAGES] * times))


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_of_any_scale_and_shape_is_the_same_digits(name: str, tmp_path: Path) -> None:
    np.save(tmp_path / "digits.npy", ARRAYS[name])

    np.testing.assert_array_equal(images_of(read(tmp_path / "digits.npy")), IMAGES)


def test_a_picture_that_is_the_negative_of_an_ink_image_is_that_to_the_bit() -> None:
    for source in (png(255 - IMAGES[0]), 255 - IMAGES[0], (255 - IMAGES[0]) / np.float32(255)):
        np.testing.assert_array_equal(ink.read(source).images[0], IMAGES[0] / np.float32(255))


@pytest.mark.parametrize("steps", [1, 3, 7, 15, 16, 100])
@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32])
def test_the_brightest_of_few_steps_is_white(steps: int, kind: type, tmp_path: Path) -> None:
    np.save(tmp_path / "digits.npy", np.rint(SHARE * steps).astype(kind))

    for item in read(tmp_path / "digits.npy"):
        assert isinstance(item.picture, np.ndarray)
        assert item.picture.max() / (255 if item.picture.dtype == np.uint8 else 1) == 1


NOISY = SHARE + np.random.default_rng(0).normal(0, 0.1, SHARE.shape)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        pytest.param((NOISY - NOISY.mean(axis=0)) / NOISY.std(axis=0), "pixel by pixel", id="standardised by pixel"),
        pytest.param(IMAGES.transpose(1, 0, 2), "has shape (28, 20, 28)", id="an axis like the others"),
    ],
)
def test_what_nobody_can_put_right_is_refused_once(array: np.ndarray, said: str, tmp_path: Path) -> None:
    np.save(tmp_path / "digits.npy", array)

    [item] = read(tmp_path / "digits.npy")

    assert said in item.error


LABELLED: dict[str, dict[str, np.ndarray]] = {
    "first column": {"data": np.column_stack([LABELS, FLAT])},
    "last column": {"data": np.column_stack([SHARE.reshape(N, -1), LABELS])},
    "one-hot columns": {"data": np.column_stack([FLAT, ONE_HOT])},
    "one-hot": {"x": IMAGES, "y": ONE_HOT.astype(bool)},
    "words": {"images": IMAGES, "labels": np.array([WORDS[label].title() for label in LABELS])},
    "bytes": {"images": IMAGES, "labels": np.array([str(label).encode() for label in LABELS])},
    "floats": {"imgs": IMAGES, "y": LABELS.astype(float)},
    "MATLAB's": {"X": FLAT.T, "y": LABELS[None]},
    "torchvision's": {
        "train_images": IMAGES,
        "train_labels": LABELS,
        "test_images": IMAGES[:0],
        "test_labels": LABELS[:0],
    },
    "beside masks": {"images": IMAGES, "labels": LABELS, "masks": IMAGES // 255},
    "of no name": {"arr_0": IMAGES, "arr_1": LABELS},
    "of another name": {"images": IMAGES, "ziffer": LABELS},
}


@pytest.mark.parametrize("name", LABELLED)
def test_a_batch_and_a_training_read_the_same_labels(name: str, tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    np.savez(path, **LABELLED[name])

    items = [item for item in read(path) if not item.note and not item.error]
    own = datasets.load(f"npz:{path}", "all")

    assert [item.label for item in items] == [str(label) for label in LABELS]
    assert [own.label_names[label] for label in own.labels] == [str(label) for label in LABELS]
    np.testing.assert_array_equal(np.rint(own.images * 255), IMAGES)


@pytest.mark.parametrize("n", [15, 25])
def test_labels_that_are_not_as_many_as_images_are_refused_and_not_dropped(n: int, tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", images=IMAGES, labels=np.arange(n) % 10)

    [item] = read(tmp_path / "digits.npz")

    assert f"{n} labels in 'labels' for 20 images" in item.error
    with pytest.raises(DatasetError, match=f"{n} labels"):
        datasets.load(f"npz:{tmp_path / 'digits.npz'}")


def test_confidences_are_no_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", images=IMAGES, confidence=np.linspace(0, 1, N))

    *items, note = read(tmp_path / "digits.npz")

    assert {item.label for item in items} == {None}
    assert "confidence" in note.note


def test_an_array_for_each_digit_is_its_label(tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", **{f"train{digit}": FLAT[digit == LABELS] for digit in range(10)})

    items = read(tmp_path / "digits.npz")

    assert [item.label for item in items] == [str(label) for label in sorted(LABELS)]


def test_labels_in_an_array_of_their_own_lie_beside_the_images(tmp_path: Path) -> None:
    np.save(tmp_path / "X_test.npy", IMAGES)
    np.save(tmp_path / "y_test.npy", LABELS)

    assert_same(read(tmp_path))


def test_arrays_that_are_named_the_wrong_way_round_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(idx(LABELS.astype(np.uint8)))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(IMAGES))
    np.save(folder / "x_test.npy", LABELS)
    np.save(folder / "y_test.npy", IMAGES)

    assert_same(read(folder), times=2)


@pytest.mark.parametrize("orders", ["".join(orders) for orders in itertools.product("<>", repeat=3)])
@pytest.mark.parametrize("kind", ["u1", "i4", "f8"])
def test_idx_is_read_whichever_way_its_magic_number_sizes_and_values_are_written(
    orders: str, kind: str, tmp_path: Path
) -> None:
    code = {"u1": 0x08, "i4": 0x0C, "f8": 0x0E}[kind] << 8
    for name, array in (("a-images-idx3", IMAGES), ("a-labels-idx1", LABELS)):
        head = struct.pack(f"{orders[0]}I", code + array.ndim) + struct.pack(f"{orders[1]}{array.ndim}I", *array.shape)
        (tmp_path / name).write_bytes(head + array.astype(orders[2] + kind).tobytes())

    assert_same(read(tmp_path))


def test_what_stands_after_the_images_that_a_head_counts_is_said(tmp_path: Path) -> None:
    (tmp_path / "a-images-idx3-ubyte").write_bytes(idx(IMAGES).replace(b"\0\0\0\x14", b"\0\0\0\x0f", 1))

    *items, note = read(tmp_path)

    assert (len(items), note.error) == (15, "")
    assert "goes on after the 15 images" in note.note


def test_records_and_lists_of_files_are_refused_with_the_remedy(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(20, dtype=[("label", "i4"), ("image", "u1", (28, 28))]))
    (tmp_path / "b.csv").write_text("file,label\n" + "".join(f"{i}.png,{i}\n" for i in range(10)))

    records, listed = read(tmp_path)

    assert "holds records of label, image: save each as an array" in records.error
    assert "names pictures and holds none: give the folder" in listed.error


def table(head: list[str] | None, columns: np.ndarray, separator: str = ",", end: str = "\n") -> str:
    rows = [] if head is None else [head]
    return "".join(separator.join(map(str, row)) + end for row in [*rows, *columns.tolist()])


def one_a_line(form: str, rows: Iterable[np.ndarray | str], between: str = " ") -> str:
    texts = [row if isinstance(row, str) else between.join(map(str, row)) for row in rows]
    return "".join(form.format(label, text) + "\n" for label, text in zip(LABELS, texts, strict=True))


def sparse(pair: str, between: str, start: int) -> list[str]:
    """The pixels of each image that are not 0, each with its number from ``start`` on."""
    return [between.join(pair.format(i + start, row[i]) for i in np.flatnonzero(row)) for row in FLAT]


FIRST = np.column_stack([LABELS, FLAT])
SHARES = np.array([[f"{value:.4f}" for value in row] for row in FLAT / 255])
PLAIN = table(["label", *PIXELS], FIRST)
TABLES: dict[str, str] = {
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
    pq.write_table(pa.table(COLUMNS[name]), tmp_path / "digits.parquet")

    assert_same([item for item in read(tmp_path / "digits.parquet") if not item.note])


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
