"""Digits in every format that people have, written here by other libraries than the ones that read them."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.readers import sources
from core.readers.items import Item
from core.readers.rows import read_item
from tests.support.piles import folder_of, idx, png, zipped

N = 20
PIXELS = [f"pixel{i}" for i in range(784)]
HEAD = ",".join(["label", *PIXELS]) + "\n"
Pixels = np.ndarray
Writer = Callable[[Path, Pixels, Pixels], Path]  # folder, images (n, 28, 28) and labels (n,) -> what is read


def read(*paths: Path) -> list[Item]:
    return list(sources.read(sources.places(paths)))


def images_of(items: list[Item]) -> Pixels:
    """What the pictures of items become on the one road, uint8."""
    rows = [row for at, item in enumerate(items) for row in read_item(at, item)]
    assert [row.error for row in rows] == [""] * len(rows)
    return np.stack([np.rint(row.image * 255) for row in rows if row.image is not None]).astype(np.uint8)


def as_npz(arrays: Callable[[Pixels, Pixels], dict[str, Pixels]]) -> Writer:
    def write(folder: Path, images: Pixels, labels: Pixels) -> Path:
        np.savez(folder / "a.npz", **arrays(images, labels))
        return folder / "a.npz"

    return write


def as_text(text: Callable[[Pixels, Pixels], str], name: str = "a.csv", encoding: str = "utf-8") -> Writer:
    def write(folder: Path, images: Pixels, labels: Pixels) -> Path:
        (folder / name).write_text(text(images.reshape(len(images), -1), labels), encoding)
        return folder / name

    return write


def as_parquet(table: Callable[[Pixels, Pixels], pa.Table | pd.DataFrame], **options: int) -> Writer:
    def write(folder: Path, images: Pixels, labels: Pixels) -> Path:
        made = table(images, labels)
        made = pa.Table.from_pandas(made) if isinstance(made, pd.DataFrame) else made
        pq.write_table(made, folder / "a.parquet", **options)
        return folder / "a.parquet"

    return write


def as_files(content: Callable[[Pixels, Pixels], dict[str, bytes]]) -> Writer:
    """The first of these files is what is read, or the folder at its first part where it lies in one."""

    def write(folder: Path, images: Pixels, labels: Pixels) -> Path:
        files = content(images, labels)
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder / next(iter(files)).split("/")[0]

    return write


def lines(rows: Pixels, head: str = "", end: str = "\n") -> str:
    return head + "".join(",".join(map(str, row)) + end for row in rows.tolist())


def first(flat: Pixels, labels: Pixels) -> Pixels:
    """Rows of a label and its pixels."""
    return np.column_stack([labels, flat])


def table_of(flat: Pixels, labels: Pixels, columns: list[str] | None = None) -> pd.DataFrame:
    """A label, named so, and its pixels."""
    table = pd.DataFrame(flat, columns=columns)
    table.insert(0, "label", labels)
    return table


def excel(flat: Pixels, labels: Pixels) -> str:
    table = table_of(flat / 255, labels)
    return "sep=;\r\n" + table.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n")


def pair(images: Pixels, labels: Pixels, start: str, end: str = "", pack: Callable[[bytes], bytes] = bytes) -> dict:
    """The two files that MNIST comes in."""
    return {
        f"{start}-images-idx{images.ndim}-ubyte{end}": pack(idx(images)),
        f"{start}-labels-idx{1 if images.ndim == 3 else images.ndim}-ubyte{end}": pack(idx(labels.astype(np.uint8))),
    }


def in_parts(images: Pixels, labels: Pixels) -> dict[str, bytes]:
    """Pictures in folders of labels, in folders of training and testing."""
    parts = ("testing", "training")
    return {f"a/{parts[i % 2]}/{labels[i]}/{i}.png": png(image) for i, image in enumerate(images)}


def with_leftovers(images: Pixels, labels: Pixels) -> dict[str, bytes]:
    left = ("Thumbs.db", "desktop.ini", "@eaDir/7.png/SYNOPHOTO_THUMB_M.jpg", ".ipynb_checkpoints/0.png")
    return in_parts(images, labels) | {f"a/{name}": png(images[0]) for name in left}


def write_text_of_numpy(folder: Path, images: Pixels, labels: Pixels) -> Path:
    np.savetxt(folder / "a.txt", first(images.reshape(N, -1), labels), header="label and pixels")
    return folder / "a.txt"


def write_zip_of_old_powershell(folder: Path, images: Pixels, labels: Pixels) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        names = ["digits\\", "digits\\5\\", *(f"digits\\{label}\\{i:02d}.png" for i, label in enumerate(labels))]
        for name, data in zip(names, [b"", b"", *map(png, images)], strict=True):
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            archive.writestr(entry, data)
    return folder / "a.zip"


def write_folder_of_links(folder: Path, images: Pixels, labels: Pixels) -> Path:
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder_of(folder / "real" / str(label), []).joinpath(f"{i}.png").write_bytes(png(image))
    (folder / "a").mkdir()
    for real in (folder / "real").iterdir():
        (folder / "a" / real.name).symlink_to(real)
    (folder / "a" / "circle").symlink_to(folder / "a")
    return folder / "a"


def colours(images: Pixels, axis: int = 3) -> Pixels:
    return np.repeat(np.expand_dims(images, axis), 3, axis)


def opaque(images: Pixels) -> Pixels:
    return np.concatenate([colours(images), np.full((*images.shape, 1), 255, np.uint8)], axis=3)


WRITERS: dict[str, Writer] = {
    "IDX": as_files(lambda images, labels: pair(images, labels, "t10k")),
    "IDX, gzipped": as_files(lambda images, labels: pair(images, labels, "train", ".gz", gzip.compress)),
    "IDX, flat": as_files(lambda images, labels: pair(images.reshape(N, -1), labels, "a")),
    "IDX in a zip": as_files(
        lambda images, labels: {"idx.zip": zipped(reversed(pair(images, labels, "a/t10k").items()))}
    ),
    "EMNIST": as_files(
        lambda images, labels: pair(images.transpose(0, 2, 1), labels, "emnist-digits-test", ".gz", gzip.compress)
    ),
    "npz": as_npz(lambda images, labels: {"images": images, "labels": labels}),
    "npz of Keras": as_npz(
        lambda images, labels: {
            "x_train": images[: N // 2],
            "y_train": labels[: N // 2],
            "x_test": images[N // 2 :],
            "y_test": labels[N // 2 :],
        }
    ),
    "npz, one-hot": as_npz(lambda images, labels: {"x_test": images, "y_test": np.eye(10, dtype=np.float32)[labels]}),
    "npz, a column of labels": as_npz(lambda images, labels: {"x_test": images, "y_test": labels[:, None]}),
    "npz with mean and weights": as_npz(
        lambda images, labels: {
            "images": images,
            "labels": labels,
            "mean": images.mean(0),
            "std": images.std(0),
            "ids": np.arange(len(images)),
            "scale": np.float64(2),
        }
    ),
    "npz in colour": as_npz(lambda images, labels: {"images": colours(images), "labels": labels}),
    "npz, channels first": as_npz(lambda images, labels: {"images": colours(images, 1), "labels": labels}),
    "npz in colour, opaque": as_npz(lambda images, labels: {"images": opaque(images), "labels": labels}),
    "CSV of Kaggle": as_text(lambda flat, labels: table_of(flat, labels, PIXELS).to_csv(index=False)),
    "CSV without a head": as_text(lambda flat, labels: lines(first(flat, labels)), "mnist_test.csv"),
    "CSV of UCI": as_text(lambda flat, labels: lines(np.column_stack([flat, labels])).replace(",", ";")),
    "CSV of floats with an index": as_text(
        lambda flat, labels: pd.DataFrame(flat / 255).assign(digit=labels).to_csv(), "floats.csv"
    ),
    "CSV of EMNIST": as_text(
        lambda flat, labels: lines(first(flat.reshape(N, 28, 28).transpose(0, 2, 1).reshape(N, -1), labels)),
        "emnist-digits.csv",
    ),
    "CSV with trailing commas": as_text(lambda flat, labels: lines(first(flat, labels), end=",\n")),
    "CSV with a head and trailing commas": as_text(lambda flat, labels: lines(first(flat, labels), HEAD, ",\n")),
    "CSV in UTF-16": as_text(lambda flat, labels: lines(first(flat, labels)), encoding="utf-16"),
    "CSV in UTF-16 without its mark": as_text(lambda flat, labels: lines(first(flat, labels)), encoding="utf-16-le"),
    "CSV after blank lines": as_text(lambda flat, labels: lines(first(flat, labels), "\n\n" + HEAD)),
    "CSV of Excel with decimal commas": as_text(excel),
    "CSV of R": as_text(
        lambda flat, labels: lines(np.column_stack([np.arange(1, N + 1), labels, flat]), HEAD.replace("pixel", "V"))
    ),
    "CSV, numbered, without a head": as_text(lambda flat, labels: lines(np.column_stack([np.arange(N), labels, flat]))),
    "CSV with other columns": as_text(
        lambda flat, labels: pd.DataFrame(
            {"writer": "someone", **{f"px_{i}": column for i, column in enumerate(flat.T)}, "label": labels}
        ).to_csv(index=False)
    ),
    "CSV, quoted": as_text(
        lambda flat, labels: pd.DataFrame(first(flat, labels)).to_csv(index=False, header=False, quoting=1)
    ),
    "text of NumPy": write_text_of_numpy,
    "Parquet of Hugging Face": as_parquet(
        lambda images, labels: pa.table(
            {"image": [{"bytes": png(image), "path": f"{i}.png"} for i, image in enumerate(images)], "label": labels}
        )
    ),
    "Parquet of bytes": as_parquet(
        lambda images, labels: pd.DataFrame({"digit": labels, "png": [png(image) for image in images]}),
        row_group_size=5,
    ),
    "Parquet of pixels": as_parquet(
        lambda images, labels: pd.DataFrame({"pixels": [image.ravel() for image in images], "y": labels})
    ),
    "Parquet, wide": as_parquet(lambda images, labels: table_of(images.reshape(N, -1), labels, PIXELS)),
    "Parquet, nested": as_parquet(
        lambda images, labels: pa.table(
            {"image": pa.array(images.tolist(), pa.list_(pa.list_(pa.uint8()))), "label": labels}
        )
    ),
    "Parquet of tensors": as_parquet(
        lambda images, labels: pa.table({"image": pa.FixedShapeTensorArray.from_numpy_ndarray(images), "label": labels})
    ),
    "folders of labels": as_files(
        lambda images, labels: {f"pile/{labels[i]}/{i:04d}.png": png(image) for i, image in enumerate(images)}
    ),
    "folders in parts": as_files(in_parts),
    "folders with leftovers": as_files(with_leftovers),
    "folder of links": write_folder_of_links,
    "zip": as_files(
        lambda images, labels: {
            "pile.zip": zipped((f"scans/{labels[i]}/{i:03d}.png", png(image)) for i, image in enumerate(images))
        }
    ),
    "zip of old PowerShell": write_zip_of_old_powershell,
}
