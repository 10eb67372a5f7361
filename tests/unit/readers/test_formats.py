"""Files and folders of every kind give the digits that were written, with their labels, in order if they have one."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.readers import sources
from tests.support.formats import FIRST, FLAT, IMAGES, LABELS, N, images_of, read, table
from tests.support.piles import idx, png, zipped


def pair(images: np.ndarray, start: str, end: str = "", pack: Callable[[bytes], bytes] = bytes) -> dict[str, bytes]:
    """The two files that MNIST comes in."""
    return {
        f"{start}-images-idx{images.ndim}-ubyte{end}": pack(idx(images)),
        f"{start}-labels-idx{1 if images.ndim == 3 else 2}-ubyte{end}": pack(idx(LABELS.astype(np.uint8))),
    }


def in_parts(parts: tuple[str, ...]) -> dict[str, bytes]:
    """Pictures in folders of labels, in folders of parts."""
    return {f"a/{parts[i % len(parts)]}/{LABELS[i]}/{i:02d}.png": png(image) for i, image in enumerate(IMAGES)}


def of_old_powershell(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("x")
    entry.filename = name
    return entry


ACROSS = IMAGES.transpose(0, 2, 1)
LEFT = ("Thumbs.db", "desktop.ini", "@eaDir/7.png/SYNOPHOTO_THUMB_M.jpg", ".ipynb_checkpoints/0.png")
BACKSLASHED = ["digits\\", "digits\\5\\", *(f"digits\\{label}\\{i:02d}.png" for i, label in enumerate(LABELS))]
# The first file is what is read, or the folder at its first part where it lies in one.
FILES: dict[str, dict[str, bytes]] = {
    "IDX": pair(IMAGES, "t10k"),
    "IDX, gzipped": pair(IMAGES, "train", ".gz", gzip.compress),
    "IDX, flat": pair(FLAT, "a"),
    "IDX in a zip": {"idx.zip": zipped(reversed(pair(IMAGES, "a/t10k").items()))},
    "EMNIST": pair(ACROSS, "emnist-digits-test", ".gz", gzip.compress),
    "EMNIST as CSV": {"emnist-digits.csv": table(None, np.column_stack([LABELS, ACROSS.reshape(N, -1)])).encode()},
    "CSV in UTF-16": {"a.csv": table(None, FIRST).encode("utf-16")},
    "CSV in UTF-16 without its mark": {"a.csv": table(None, FIRST).encode("utf-16-le")},
    "folders of labels": in_parts((".",)),
    "folders in parts": in_parts(("testing", "training")),
    "folders with leftovers": in_parts(("scans",)) | {f"a/{name}": png(IMAGES[0]) for name in LEFT},
    "zip": {"pile.zip": zipped((f"scans/{LABELS[i]}/{i:03d}.png", png(image)) for i, image in enumerate(IMAGES))},
    "zip of old PowerShell": {
        "a.zip": zipped(zip(map(of_old_powershell, BACKSLASHED), [b"", b"", *map(png, IMAGES)], strict=True))
    },
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_digits_that_were_written_with_their_labels(name: str, tmp_path: Path) -> None:
    for file, data in FILES[name].items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(data)
    path = tmp_path / next(iter(FILES[name])).split("/")[0]

    items = [item for item in read(path) if not item.note]

    read_back = [(item.label, image.tobytes()) for item, image in zip(items, images_of(items), strict=True)]
    written = [(str(label), image.tobytes()) for label, image in zip(LABELS, IMAGES, strict=True)]
    in_order = sorted if path.is_dir() else list
    assert in_order(read_back) == in_order(written)
    assert abs(sources.count(sources.places([path])) - N) <= 3 * ("without" in name)
