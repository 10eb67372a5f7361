"""The public data sets: fetched on first use in torchvision's own layout, read into arrays.

Addresses and checksums are those that torchvision states; transfers are `core.datasets.download`. Files that are
already there, uncompressed, are enough: then nothing is fetched or written, so the folder may be read-only.
"""

import bz2
import contextlib
import gzip
import math
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from core import paths
from core.datasets import download
from core.datasets.download import Remote
from core.errors import DatasetError
from core.files.atomic import write_whole

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Layout:
    """Where one data set lies below the data folder, and what its files need to become upright digits.

    Attributes:
        folder: relative to the data folder.
        train: image file and label file of the training part (one file that holds both for USPS).
        test: the same for the test part.
        downloads: what is fetched, both parts; what is packed becomes the files above.
        first_label: what the file calls the first class.
        transposed: whether the images lie on their side.
    """

    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    downloads: tuple[Remote, ...]
    first_label: int = 0
    transposed: bool = False

    def files(self, part: str) -> tuple[Path, ...]:
        """Paths of the files of a part, "train" or "test"."""
        folder = paths.datasets_dir() / self.folder
        return tuple(folder / name for name in (self.train if part == "train" else self.test))


def _layout(folder: str, mirrors: Sequence[str], *files: tuple[str, str, int]) -> Layout:
    """A layout of four packed files: images and labels to train on and to test on, each with its MD5 and size."""
    downloads = tuple(Remote(f"{name}.gz", tuple(f"{m}{name}.gz" for m in mirrors), md5, n) for name, md5, n in files)
    names = [name for name, *_ in files]
    return Layout(folder, tuple(names[:2]), tuple(names[2:]), downloads)


def _emnist_layout(split: str, first_label: int) -> Layout:
    train, test = (
        (f"emnist-{split}-{part}-images-idx3-ubyte", f"emnist-{split}-{part}-labels-idx1-ubyte")
        for part in ("train", "test")
    )
    return Layout("EMNIST/raw", train, test, (_EMNIST,), first_label, transposed=True)


_USPS = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"
_EMNIST = Remote(
    "gzip.zip",
    ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",),
    "58c8d27c78d21e728a6bc7b3cc06412e",
    561_753_746,
)
LAYOUTS = {
    "mnist": _layout(
        "MNIST/raw",
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "http://yann.lecun.com/exdb/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        ("train-images-idx3-ubyte", "f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
        ("train-labels-idx1-ubyte", "d53e105ee54ea40749a09fcbcd1e9432", 28_881),
        ("t10k-images-idx3-ubyte", "9fb629c4189551a2d022fa330f9573f3", 1_648_877),
        ("t10k-labels-idx1-ubyte", "ec29112dd5afa0611ce80d1b7f02629c", 4_542),
    ),
    "fashion-mnist": _layout(
        "FashionMNIST/raw",
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        ("train-images-idx3-ubyte", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
        ("train-labels-idx1-ubyte", "25c81989df183df01b3e8a0aad5dffbe", 29_515),
        ("t10k-images-idx3-ubyte", "bef4ecab320f06d8554ea6380940ec79", 4_422_102),
        ("t10k-labels-idx1-ubyte", "bb300cfdad3c16e7a12a480ee83cd310", 5_148),
    ),
    "kmnist": _layout(
        "KMNIST/raw",
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        ("train-images-idx3-ubyte", "bdb82020997e1d708af4cf47b453dcf7", 18_165_135),
        ("train-labels-idx1-ubyte", "e144d726b3acfaa3e44228e80efcd344", 29_497),
        ("t10k-images-idx3-ubyte", "5c965bf0a639b31b8f53240b1b52f4d7", 3_041_136),
        ("t10k-labels-idx1-ubyte", "7320c461ea6c1c855c0b718fb2a4b134", 5_120),
    ),
    "emnist-letters": _emnist_layout("letters", 1),
    "emnist-digits": _emnist_layout("digits", 0),
    "usps": Layout(
        ".",
        ("usps.bz2",),
        ("usps.t.bz2",),
        (
            Remote("usps.bz2", (f"{_USPS}usps.bz2",), "ec16c51db3855ca6c91edd34d0e9b197", 6_579_383),
            Remote("usps.t.bz2", (f"{_USPS}usps.t.bz2",), "8ea070ee2aca1ac39742fdd1ef5ed118", 1_831_726),
        ),
        first_label=1,
    ),
    "qmnist": _layout(
        "QMNIST/raw",
        ("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
        ("qmnist-train-images-idx3-ubyte", "ed72d4157d28c017586c42bc6afe6370", 9_704_059),
        ("qmnist-train-labels-idx2-int", "0058f8dd561b90ffdd0f734c6a30e5e4", 463_024),
        ("qmnist-test-images-idx3-ubyte", "1394631089c404de565df7b7aeaf9412", 9_742_279),
        ("qmnist-test-labels-idx2-int", "5b5b05890a5e13444e108efe57b788aa", 526_800),
    ),
}


def present(name: str, part: str) -> bool:
    """Whether every file of a part lies whole in the data folder; a file cut short counts as missing."""
    return all(_whole(path) for path in LAYOUTS[name].files(part))


def fetch(name: str, progress: Progress | None = None) -> None:
    """Download and unpack whatever is missing of a set, both parts; several callers and processes take turns.

    Args:
        name: key of `LAYOUTS`.
        progress: called with the share done, 0 to 1, and a line to show; may raise to cancel.

    Raises:
        DatasetError: no mirror answers, or the folder takes no files.
    """
    layout = LAYOUTS[name]
    folder = paths.datasets_dir() / layout.folder
    wanted = [path for part in ("train", "test") for path in layout.files(part)]
    with _turn(folder, name, progress):
        remotes = [r for r in layout.downloads if not all(_whole(p) for p in _unpacked(r, layout, wanted))]
        total, done = sum(r.size for r in remotes), 0
        for remote in remotes:

            def report(so_far: int, of: int, done: int = done, remote: Remote = remote) -> None:
                if progress is not None:
                    text = f"{name}: {remote.name}, {so_far / 1e6:.1f} of {of / 1e6:.1f} MB"
                    progress(min(1.0, (done + remote.size * so_far / of) / total), text)

            file = download.fetch(remote, folder, report)
            targets = _unpacked(remote, layout, wanted)
            if file not in targets:
                _unpack(file, targets)
                file.unlink()
            done += remote.size


def read(name: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a part that is `present`.

    Returns:
        images uint8 ``(n, height, width)``, light ink on black, upright; labels int64 ``(n,)`` from 0.

    Raises:
        DatasetError: a file is not what its name says.
    """
    layout = LAYOUTS[name]
    files = layout.files(part)
    try:
        images, labels = (_idx(file) for file in files) if len(files) > 1 else _svm_lines(files[0])
        labels = (labels[:, 0] if labels.ndim == 2 else labels).astype(np.int64)
    except (OSError, EOFError, ValueError, LookupError) as error:
        raise _broken(name, files) from error
    labels = labels - layout.first_label
    if images.dtype != np.uint8 or images.ndim != 3 or labels.shape != images.shape[:1] or labels.min(initial=0) < 0:
        raise _broken(name, files)
    return (np.ascontiguousarray(images.transpose(0, 2, 1)) if layout.transposed else images), labels


def _idx(file: Path) -> np.ndarray:
    """An array in MNIST's own format: magic, big-endian sizes, then bytes or, as QMNIST's labels, 32-bit integers."""
    data = file.read_bytes()
    kind, dimensions = data[2:4]
    shape = np.frombuffer(data, ">u4", dimensions, 4)
    return np.frombuffer(data, {0x08: "u1", 0x0C: ">i4"}[kind], offset=4 + 4 * dimensions).reshape(shape)


def _svm_lines(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """USPS, a line a digit: its label, then 16 x 16 numbers from -1 to 1, each after its place and a colon."""
    with bz2.open(file, "rt", encoding="ascii") as lines:
        rows = [line.split() for line in lines]
    values = np.array([[cell.rpartition(":")[2] for cell in row[1:]] for row in rows], np.float32)
    images = ((values.reshape(-1, 16, 16) + 1) / 2 * 255).astype(np.uint8)
    return images, np.array([int(row[0]) for row in rows])


def _unpacked(remote: Remote, layout: Layout, wanted: list[Path]) -> list[Path]:
    """Which files of the layout a download becomes."""
    if remote.name.endswith(".zip"):
        # One archive serves both EMNIST sets; half a gigabyte is not fetched twice.
        both = [item for item in LAYOUTS.values() if item.downloads == layout.downloads]
        return [path for item in both for part in ("train", "test") for path in item.files(part)]
    return [path for path in wanted if path.name == remote.name.removesuffix(".gz")]


def _unpack(file: Path, targets: list[Path]) -> None:
    """Write the wanted contents of a verified ``.gz``, or of a ``.zip`` of ``.gz`` files, each whole or not at all."""
    try:
        if file.suffix == ".zip":
            with zipfile.ZipFile(file) as archive:
                for target in targets:
                    with archive.open(f"gzip/{target.name}.gz") as packed:
                        _gunzip(packed, target)
        else:
            with file.open("rb") as packed:
                _gunzip(packed, targets[0])
    except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(
            f"{file.name}: cannot be unpacked into {file.parent} ({error}). Free some space there, or choose another "
            "folder with ODD_DIGIT_DATASETS."
        ) from error


def _gunzip(packed: IO[bytes], target: Path) -> None:
    def write(path: Path) -> None:
        with gzip.open(packed) as source, path.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)

    write_whole(target, write)


def _whole(path: Path) -> bool:
    """Whether a file is there and, for IDX, as long as its header says (magic, then big-endian sizes, then data)."""
    if not path.is_file():
        return False
    if "-idx" not in path.name:
        return path.stat().st_size > 0
    with path.open("rb") as file:
        magic = file.read(4)
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in (0x08, 0x0C) or not 1 <= magic[3] <= 3:
            return False
        sizes = np.frombuffer(file.read(4 * magic[3]), dtype=">u4")
    item = 1 if magic[2] == 0x08 else 4  # unsigned bytes, or QMNIST's 32-bit labels
    return path.stat().st_size == 4 + 4 * magic[3] + item * math.prod(map(int, sizes))


def _broken(name: str, files: tuple[Path, ...]) -> DatasetError:
    named = " or ".join(str(file) for file in files)
    return DatasetError(f"{name}: {named} is not what its name says. Delete it, and it is fetched anew on next use.")


@contextlib.contextmanager
def _turn(folder: Path, name: str, progress: Progress | None) -> Iterator[None]:
    """Wait until no one else downloads into the folder."""
    import filelock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".download.lock")
        while not lock.is_locked:
            try:
                lock.acquire(timeout=1)
            except filelock.Timeout:
                if progress is not None:
                    progress(0.0, f"{name}: another download of it is under way, waiting")
    except OSError as error:
        raise DatasetError(
            f"{name}: {folder} takes no files ({error.strerror or error}). Choose another folder with "
            "ODD_DIGIT_DATASETS."
        ) from error
    try:
        yield
    finally:
        lock.release()
