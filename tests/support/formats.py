"""Digits in every format that people have, written here by other libraries than the ones that read them."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.readers import sources
from core.readers.items import Item
from core.readers.rows import read_item
from tests.support.piles import folder_of, idx, png

N = 20
Pixels = np.ndarray


def read(*paths: Path) -> list[Item]:
    return list(sources.read(sources.places(paths)))


def images_of(items: list[Item]) -> Pixels:
    """What the pictures of items become on the one road, uint8."""
    rows = [row for at, item in enumerate(items) for row in read_item(at, item)]
    assert [row.error for row in rows] == [""] * len(rows)
    return np.stack([np.rint(row.image * 255) for row in rows if row.image is not None]).astype(np.uint8)


def npz(folder: Path, **arrays: object) -> Path:
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def lines(path: Path, rows: Pixels, head: str = "", end: str = "\n") -> Path:
    path.write_text(head + "".join(",".join(map(str, row)) + end for row in rows.tolist()))
    return path


def write_idx(folder: Path, images: Pixels, labels: Pixels) -> Path:
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(images))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(labels.astype(np.uint8)))
    return folder / "t10k-images-idx3-ubyte"


def write_gzipped_idx(folder: Path, images: Pixels, labels: Pixels) -> Path:
    with gzip.open(folder / "train-images-idx3-ubyte.gz", "wb") as file:
        file.write(idx(images))
    with gzip.open(folder / "train-labels-idx1-ubyte.gz", "wb") as file:
        file.write(idx(labels.astype(np.uint8)))
    return folder / "train-images-idx3-ubyte.gz"


def write_npz(folder: Path, images: Pixels, labels: Pixels) -> Path:
    return npz(folder, images=images, labels=labels)


def write_keras_npz(folder: Path, images: Pixels, labels: Pixels) -> Path:
    half = len(images) // 2
    parts = {"x_train": images[:half], "y_train": labels[:half], "x_test": images[half:], "y_test": labels[half:]}
    return npz(folder, **parts)


def write_kaggle_csv(folder: Path, images: Pixels, labels: Pixels) -> Path:
    table = pd.DataFrame(images.reshape(len(images), -1), columns=[f"pixel{i}" for i in range(784)])
    table.insert(0, "label", labels)
    table.to_csv(folder / "train.csv", index=False)
    return folder / "train.csv"


def write_headless_csv(folder: Path, images: Pixels, labels: Pixels) -> Path:
    pd.DataFrame(np.column_stack([labels, images.reshape(len(images), -1)])).to_csv(
        folder / "mnist_test.csv", index=False, header=False
    )
    return folder / "mnist_test.csv"


def write_uci_csv(folder: Path, images: Pixels, labels: Pixels) -> Path:
    pd.DataFrame(np.column_stack([images.reshape(len(images), -1), labels])).to_csv(
        folder / "label_last.csv", index=False, header=False, sep=";"
    )
    return folder / "label_last.csv"


def write_indexed_float_csv(folder: Path, images: Pixels, labels: Pixels) -> Path:
    table = pd.DataFrame(images.reshape(len(images), -1) / 255)
    table["digit"] = labels
    table.to_csv(folder / "floats.csv")
    return folder / "floats.csv"


def write_hugging_face_parquet(folder: Path, images: Pixels, labels: Pixels) -> Path:
    pictures = [{"bytes": png(image), "path": f"{i}.png"} for i, image in enumerate(images)]
    pq.write_table(pa.table({"image": pictures, "label": labels}), folder / "test.parquet")
    return folder / "test.parquet"


def write_bytes_parquet(folder: Path, images: Pixels, labels: Pixels) -> Path:
    table = pd.DataFrame({"digit": labels, "png": [png(image) for image in images]})
    table.to_parquet(folder / "bytes.parquet", row_group_size=5)
    return folder / "bytes.parquet"


def write_pixel_parquet(folder: Path, images: Pixels, labels: Pixels) -> Path:
    table = pd.DataFrame({"pixels": [image.ravel() for image in images], "y": labels})
    table.to_parquet(folder / "pixels.parquet")
    return folder / "pixels.parquet"


def write_labelled_folder(folder: Path, images: Pixels, labels: Pixels) -> Path:
    for digit in np.unique(labels):
        chosen = images[labels == digit]
        folder_of(folder / "pile" / str(digit), chosen)
    return folder / "pile"


def write_zip(folder: Path, images: Pixels, labels: Pixels) -> Path:
    with zipfile.ZipFile(folder / "pile.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            archive.writestr(f"scans/{label}/{i:03d}.png", png(image))
    return folder / "pile.zip"


def write_zipped_idx(folder: Path, images: Pixels, labels: Pixels) -> Path:
    with zipfile.ZipFile(folder / "idx.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/t10k-labels-idx1-ubyte", idx(labels.astype(np.uint8)))
        archive.writestr("a/t10k-images-idx3-ubyte", idx(images))
    return folder / "idx.zip"


def write_one_hot_npz(folder: Path, images: Pixels, labels: Pixels) -> Path:
    return npz(folder, x_test=images, y_test=np.eye(10, dtype=np.float32)[labels])


def write_label_column_npz(folder: Path, images: Pixels, labels: Pixels) -> Path:
    return npz(folder, x_test=images, y_test=labels[:, None])


def write_npz_with_mean_and_weights(folder: Path, images: Pixels, labels: Pixels) -> Path:
    extras = {"mean": images.mean(0), "std": images.std(0), "ids": np.arange(len(images)), "scale": np.float64(2)}
    return npz(folder, images=images, labels=labels, **extras)


def write_colour_npz(folder: Path, images: Pixels, labels: Pixels) -> Path:
    return npz(folder, images=np.repeat(images[..., None], 3, 3), labels=labels)


def write_channels_first_npz(folder: Path, images: Pixels, labels: Pixels) -> Path:
    return npz(folder, images=np.repeat(images[:, None], 3, 1), labels=labels)


def write_opaque_colour_npz(folder: Path, images: Pixels, labels: Pixels) -> Path:
    rgba = np.concatenate([np.repeat(images[..., None], 3, 3), np.full((*images.shape, 1), 255, np.uint8)], axis=3)
    return npz(folder, images=rgba, labels=labels)


def write_emnist(folder: Path, images: Pixels, labels: Pixels) -> Path:
    turned = np.ascontiguousarray(images.transpose(0, 2, 1))
    (folder / "emnist-digits-test-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(turned)))
    (folder / "emnist-digits-test-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels.astype(np.uint8))))
    return folder / "emnist-digits-test-images-idx3-ubyte.gz"


def write_emnist_csv(folder: Path, images: Pixels, labels: Pixels) -> Path:
    return lines(folder / "emnist-digits.csv", np.column_stack([labels, images.transpose(0, 2, 1).reshape(N, -1)]))


def write_flat_idx(folder: Path, images: Pixels, labels: Pixels) -> Path:
    (folder / "a-images-idx2-ubyte").write_bytes(idx(images.reshape(N, -1)))
    (folder / "a-labels-idx2-ubyte").write_bytes(idx(labels.astype(np.uint8)))
    return folder / "a-images-idx2-ubyte"


def write_csv_with_trailing_commas(folder: Path, images: Pixels, labels: Pixels) -> Path:
    return lines(folder / "a.csv", np.column_stack([labels, images.reshape(N, -1)]), end=",\n")


def write_csv_with_a_head_and_trailing_commas(folder: Path, images: Pixels, labels: Pixels) -> Path:
    head = ",".join(["label", *(f"pixel{i}" for i in range(784))]) + "\n"
    return lines(folder / "a.csv", np.column_stack([labels, images.reshape(N, -1)]), head, end=",\n")


def write_utf16_csv(folder: Path, images: Pixels, labels: Pixels) -> Path:
    path = lines(folder / "a.csv", np.column_stack([labels, images.reshape(N, -1)]))
    path.write_text(path.read_text(), "utf-16")
    return path


def write_utf16_csv_without_its_mark(folder: Path, images: Pixels, labels: Pixels) -> Path:
    path = lines(folder / "a.csv", np.column_stack([labels, images.reshape(N, -1)]))
    path.write_text(path.read_text(), "utf-16-le")
    return path


def write_text_of_numpy(folder: Path, images: Pixels, labels: Pixels) -> Path:
    np.savetxt(folder / "a.txt", np.column_stack([labels, images.reshape(N, -1)]), header="label and pixels")
    return folder / "a.txt"


def write_csv_after_blank_lines(folder: Path, images: Pixels, labels: Pixels) -> Path:
    head = "\n\n" + ",".join(["label", *(f"pixel{i}" for i in range(784))]) + "\n"
    return lines(folder / "a.csv", np.column_stack([labels, images.reshape(N, -1)]), head)


def write_csv_of_excel_with_decimal_commas(folder: Path, images: Pixels, labels: Pixels) -> Path:
    table = pd.DataFrame(images.reshape(N, -1) / 255)
    table.insert(0, "label", labels)
    text = "sep=;\r\n" + table.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n")
    (folder / "a.csv").write_text(text)
    return folder / "a.csv"


def write_csv_of_r(folder: Path, images: Pixels, labels: Pixels) -> Path:
    head = ",".join(["label", *(f"V{i}" for i in range(784))]) + "\n"
    rows = np.column_stack([np.arange(1, N + 1), labels, images.reshape(N, -1)])
    return lines(folder / "a.csv", rows, head)


def write_numbered_csv_without_a_head(folder: Path, images: Pixels, labels: Pixels) -> Path:
    return lines(folder / "a.csv", np.column_stack([np.arange(N), labels, images.reshape(N, -1)]))


def write_csv_with_other_columns(folder: Path, images: Pixels, labels: Pixels) -> Path:
    table = pd.DataFrame(images.reshape(N, -1), columns=[f"px_{i}" for i in range(784)])
    table.insert(0, "writer", "someone")
    table["label"] = labels
    table.to_csv(folder / "a.csv", index=False)
    return folder / "a.csv"


def write_quoted_csv(folder: Path, images: Pixels, labels: Pixels) -> Path:
    pd.DataFrame(np.column_stack([labels, images.reshape(N, -1)])).to_csv(
        folder / "a.csv", index=False, header=False, quoting=1
    )
    return folder / "a.csv"


def write_wide_parquet(folder: Path, images: Pixels, labels: Pixels) -> Path:
    table = pd.DataFrame(images.reshape(N, -1), columns=[f"pixel{i}" for i in range(784)])
    table.insert(0, "label", labels)
    table.to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


def write_nested_parquet(folder: Path, images: Pixels, labels: Pixels) -> Path:
    column = pa.array(images.tolist(), pa.list_(pa.list_(pa.uint8())))
    pq.write_table(pa.table({"image": column, "label": labels}), folder / "a.parquet")
    return folder / "a.parquet"


def write_tensor_parquet(folder: Path, images: Pixels, labels: Pixels) -> Path:
    column = pa.FixedShapeTensorArray.from_numpy_ndarray(images)
    pq.write_table(pa.table({"image": column, "label": labels}), folder / "a.parquet")
    return folder / "a.parquet"


def write_folder_in_parts(folder: Path, images: Pixels, labels: Pixels) -> Path:
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder_of(folder / "a" / ("testing", "training")[i % 2] / str(label), []).joinpath(f"{i}.png").write_bytes(
            png(image)
        )
    return folder / "a"


def write_folder_of_links(folder: Path, images: Pixels, labels: Pixels) -> Path:
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder_of(folder / "real" / str(label), []).joinpath(f"{i}.png").write_bytes(png(image))
    (folder / "a").mkdir()
    for real in (folder / "real").iterdir():
        (folder / "a" / real.name).symlink_to(real)
    (folder / "a" / "circle").symlink_to(folder / "a")
    return folder / "a"


def write_zip_of_old_powershell(folder: Path, images: Pixels, labels: Pixels) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        names = ["digits\\", "digits\\5\\", *(f"digits\\{label}\\{i:02d}.png" for i, label in enumerate(labels))]
        for name, data in zip(names, [b"", b"", *map(png, images)], strict=True):
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            archive.writestr(entry, data)
    return folder / "a.zip"


def write_folder_with_leftovers(folder: Path, images: Pixels, labels: Pixels) -> Path:
    path = write_folder_in_parts(folder, images, labels)
    for name in ("Thumbs.db", "desktop.ini", "@eaDir/7.png/SYNOPHOTO_THUMB_M.jpg", ".ipynb_checkpoints/0.png"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(png(images[0]))
    return path


WRITERS = [value for name, value in sorted(globals().items()) if name.startswith("write_")]
