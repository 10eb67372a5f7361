"""Arrays as different programs shape, scale and label them: each is the same digits, or says why not."""

import itertools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import datasets, ink
from core.errors import DatasetError
from tests.support.formats import FLAT, IMAGES, LABELS, ONE_HOT, SHARE, WORDS, N, assert_same, images_of, read
from tests.support.piles import idx, png

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
        pytest.param(
            np.zeros(N, dtype=[("label", "i4"), ("image", "u1", (28, 28))]),
            "holds records of label, image: save each as an array",
            id="records",
        ),
        pytest.param(IMAGES.transpose(1, 0, 2), "has shape (28, 20, 28)", id="an axis like the others"),
    ],
)
def test_what_nobody_can_put_right_is_refused_once(array: np.ndarray, said: str, tmp_path: Path) -> None:
    np.save(tmp_path / "digits.npy", array)

    [item] = read(tmp_path / "digits.npy")

    assert said in item.error


LABELLED: dict[str, dict[str, Any]] = {
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
    "Keras's": {"x_train": IMAGES[:8], "y_train": LABELS[:8], "x_test": IMAGES[8:], "y_test": LABELS[8:]},
    "one-hot floats": {"x_test": IMAGES, "y_test": ONE_HOT.astype(np.float32)},
    "a column": {"x_test": IMAGES, "y_test": LABELS[:, None]},
    "in colour": {"images": np.repeat(IMAGES[..., None], 3, 3), "labels": LABELS},
    "in colour, channels first": {"images": np.repeat(IMAGES[:, None], 3, 1), "labels": LABELS},
    "in colour, opaque": {"images": np.stack([*[IMAGES] * 3, np.full_like(IMAGES, 255)], 3), "labels": LABELS},
    "beside their mean": {"images": IMAGES, "labels": LABELS, "mean": IMAGES.mean(0), "ids": np.arange(N), "by": 2.0},
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
    np.testing.assert_array_equal(images_of(items), IMAGES)
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
