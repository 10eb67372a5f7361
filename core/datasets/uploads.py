"""One's own pictures, handed over as files, zip archives or folders: checked, read once, and kept as a data set."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core import datasets, paths, quota, settings
from core.datasets import Dataset, own
from core.errors import DatasetError
from core.files.atomic import write_whole
from core.files.zip import count, looks_like_zip, members
from core.ink.foreign import remedy
from core.readers.items import as_label, label_of, parts_of

MOST_PICTURES = settings.PICTURES
LARGEST_BYTES = 32 * 2**20  # of a picture that is no archive
_ARRAYS = (".csv", ".tsv", ".npy", ".npz", ".parquet", ".arff")
_NOT_HERE = "is a table or an array: give pictures, or train on it from the command line with --dataset npz:FILE."


@dataclass(frozen=True)
class Upload:
    """Pictures that were handed over and read.

    Attributes:
        dataset: as ``datasets.load`` names the set they are kept as.
        counts: label -> number of pictures.
        refused: (file, reason) of each picture that could not be read.
    """

    dataset: str
    counts: dict[str, int]
    refused: tuple[tuple[str, str], ...]


def folder(visitor: str) -> Path:
    """Where a visitor's uploads are kept."""
    return paths.visitor_dir(visitor) / "uploads"


def keep(files: Sequence[tuple[str, bytes]], label: str, visitor: str, progress: own.Progress | None = None) -> Upload:
    """Read pictures and keep the ink images as a data set to train on.

    Args:
        files: (path, content); zip archives among them are opened.
        label: what pictures are labelled that lie in no folder; the others bear their folder's name.
        visitor: whose they are.
        progress: called with the share done, 0 to 1, and a line to show.

    Raises:
        ArchiveError: an archive that cannot be read or must not be.
        DatasetError: nothing in it can be read, or there is too much.
        QuotaError: the visitor may keep no more, or have no more opened just now.
        OSError: the disk is full.
    """
    quota.check(visitor)
    count = archived(files)
    if count > MOST_PICTURES:
        raise DatasetError(f"{count:,} files; at most {MOST_PICTURES:,} can be handed over. Take a part of them.")
    refused: list[tuple[str, str]] = []
    with quota.turn(visitor):
        content = own.read_pictures(_pictures(files, label, refused), count, "your pictures", progress, refused)
    digest = hashlib.sha256(
        content.images.tobytes() + "\0".join(content.label_names).encode() + content.labels.tobytes()
    )
    path = folder(visitor) / f"{digest.hexdigest()[:16]}.npz"
    labels = np.array(content.label_names)[content.labels]
    write_whole(path, lambda part: _write(part, content.images, labels))
    names, counts = np.unique(labels, return_counts=True)
    sizes = {str(name): int(n) for name, n in zip(names, counts, strict=True)}
    return Upload(f"npz:{path}", sizes, content.refused)


def archived(files: Sequence[tuple[str, bytes]]) -> int:
    """How many files there are, those in archives counted one by one; raises ArchiveError as ``files.zip.count``."""
    return sum(count(data, name) if looks_like_zip(data) else 1 for name, data in files)


def load(name: str, part: str, visitor: str) -> Dataset:
    """A data set that a model's file names, as far as a page may open it.

    Such a file may come from anyone. On a shared server it opens public sets and the visitor's uploads alone, whatever
    else of the machine's disk it names; nowhere is anything downloaded.

    Raises:
        DatasetError: it may not be opened, or is missing or broken.
    """
    if settings.shared_server() and name not in datasets.NAMES and not holds(name, visitor):
        raise DatasetError(f"{name}: files of a shared server are not opened for a model's sake.")
    return datasets.load(name, part, download=False)


def holds(dataset: str, visitor: str) -> bool:
    """Whether a data set's name stands for an upload of the visitor's."""
    return dataset.startswith("npz:") and Path(dataset.removeprefix("npz:")).parent == folder(visitor)


def _pictures(
    files: Sequence[tuple[str, bytes]], label: str, refused: list[tuple[str, str]]
) -> Iterator[tuple[str, str, bytes]]:
    for name, data in files:
        # A spreadsheet is a zip archive too, and so are arrays.
        if why := remedy(name) or (f"{name} {_NOT_HERE}" if name.lower().endswith(_ARRAYS) else None):
            refused.append((name, why))
        elif looks_like_zip(data):
            inside = members(data, name, lambda file, why: refused.append((file, f"{file} {why}")))
            yield from ((_label(path, label), path, content) for path, content in inside)
        elif len(data) > LARGEST_BYTES:
            refused.append(
                (name, f"{name} has {len(data) / 2**20:,.0f} MB; pictures are below {LARGEST_BYTES >> 20} MB.")
            )
        else:
            yield _label(name, label), name, data


def _label(path: str, label: str) -> str:
    """The name of the folder a picture lies in, a digit by whatever name as that.

    >>> _label("pile/fives/one.png", "mine"), _label("one.png", "Seven"), _label("a/b/one.png", "mine")
    ('5', '7', 'b')
    """
    parts = parts_of(path)
    return label_of(parts) or as_label(parts[-2] if len(parts) > 1 else label) or label


def _write(part: Path, images: np.ndarray, labels: np.ndarray) -> None:
    with part.open("wb") as file:
        np.savez_compressed(file, images=images, labels=labels)
