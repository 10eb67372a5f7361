"""The public data sets that torchvision knows: fetched on first use in torchvision's own layout, read into arrays.

Addresses, checksums and file readers are torchvision's; transfers are `core.datasets.download`. Files that are already
there, uncompressed, are enough: then nothing is fetched or written, so the folder may be read-only.
"""

import contextlib
import functools
import gzip
import math
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any, cast

import numpy as np

from core import paths
from core.datasets import download
from core.errors import DatasetError
from core.files.atomic import write_whole

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Layout:
    """Where one data set lies below the data folder, and what its files need to become upright digits.

    Attributes:
        torchvision: class of `torchvision.datasets` that states addresses and checksums.
        folder: relative to the data folder.
        train: image file and label file of the training part (one file that holds both for USPS).
        test: the same for the test part.
        sizes: about how many bytes each download has, by its file name.
        mirrors: addresses beside torchvision's own, each serving the very same files.
        first_label: what the file calls the first class.
        transposed: whether the images lie on their side.
    """

    torchvision: str
    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    sizes: dict[str, int]
    mirrors: tuple[str, ...] = ()
    first_label: int = 0
    transposed: bool = False

    def files(self, part: str) -> tuple[Path, ...]:
        """Paths of the files of a part, "train" or "test"."""
        folder = paths.datasets_dir() / self.folder
        return tuple(folder / name for name in (self.train if part == "train" else self.test))


def _idx_layout(torchvision: str, sizes: tuple[int, int, int, int], *mirrors: str) -> Layout:
    """Layout of MNIST and of the sets published in its file names."""
    train, test = (
        (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte") for part in ("train", "t10k")
    )  # torchvision lists the four downloads in this order
    names = [f"{name}.gz" for name in (*train, *test)]
    return Layout(torchvision, f"{torchvision}/raw", train, test, dict(zip(names, sizes, strict=True)), mirrors)


def _emnist_layout(split: str, first_label: int) -> Layout:
    train, test = (
        (f"emnist-{split}-{part}-images-idx3-ubyte", f"emnist-{split}-{part}-labels-idx1-ubyte")
        for part in ("train", "test")
    )
    sizes = {"gzip.zip": 561_753_746}
    return Layout("EMNIST", "EMNIST/raw", train, test, sizes, first_label=first_label, transposed=True)


LAYOUTS = {
    "mnist": _idx_layout(
        "MNIST", (9_912_422, 28_881, 1_648_877, 4_542), "https://storage.googleapis.com/cvdf-datasets/mnist/"
    ),
    "fashion-mnist": _idx_layout(
        "FashionMNIST",
        (26_421_880, 29_515, 4_422_102, 5_148),
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    "kmnist": _idx_layout("KMNIST", (18_165_135, 29_497, 3_041_136, 5_120)),
    "emnist-letters": _emnist_layout("letters", 1),
    "emnist-digits": _emnist_layout("digits", 0),
    "usps": Layout("USPS", ".", ("usps.bz2",), ("usps.t.bz2",), {"usps.bz2": 6_579_383, "usps.t.bz2": 1_831_726}),
    "qmnist": Layout(
        "QMNIST",
        "QMNIST/raw",
        ("qmnist-train-images-idx3-ubyte", "qmnist-train-labels-idx2-int"),
        ("qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int"),
        {
            "qmnist-train-images-idx3-ubyte.gz": 9_704_059,
            "qmnist-train-labels-idx2-int.gz": 463_024,
            "qmnist-test-images-idx3-ubyte.gz": 9_742_279,
            "qmnist-test-labels-idx2-int.gz": 526_800,
        },
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
        remotes = [r for r in _remotes(name) if not all(_whole(p) for p in _unpacked(r, layout, wanted))]
        total, done = sum(r.size for r in remotes), 0
        for remote in remotes:

            def report(so_far: int, of: int, done: int = done, remote: download.Remote = remote) -> None:
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
    layout, vision = LAYOUTS[name], torchvision_datasets()
    files = layout.files(part)
    try:
        if layout.torchvision == "USPS":
            usps = vision.USPS(paths.datasets_dir(), train=part == "train", download=False)
            images, labels = usps.data, np.asarray(usps.targets, dtype=np.int64)
        else:
            # The readers, not the data set classes: those would rather torch.load an old `processed` folder.
            images = vision.mnist.read_sn3_pascalvincent_tensor(str(files[0])).numpy()
            labels = vision.mnist.read_sn3_pascalvincent_tensor(str(files[1])).numpy()
            labels = (labels[:, 0] if labels.ndim == 2 else labels).astype(np.int64)
    except (OSError, EOFError, ValueError, RuntimeError, AssertionError, LookupError) as error:
        raise _broken(name, files) from error
    labels = labels - layout.first_label
    if images.dtype != np.uint8 or images.ndim != 3 or labels.shape != images.shape[:1] or labels.min(initial=0) < 0:
        raise _broken(name, files)
    return (np.ascontiguousarray(images.transpose(0, 2, 1)) if layout.transposed else images), labels


@functools.cache
def torchvision_datasets() -> ModuleType:
    """`torchvision.datasets`, also where torchvision was built for CUDA and torch was not.

    There its import ends in "operator torchvision::nms does not exist": it describes operators that its compiled part,
    which did not load, should have declared. Declaring them empty lets the import pass; no data set uses them.
    Slow (seconds) and large (90 MB), so imported on first use, and here only.
    """
    import importlib

    import torch

    try:
        return importlib.import_module("torchvision.datasets")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    module = importlib.import_module("torchvision.datasets")
    cast(Any, module).odd_digit_operators = library  # they vanish with the last reference
    return module


def _remotes(name: str) -> list[download.Remote]:
    """Every download of a set, with torchvision's addresses and checksums, both parts."""
    layout = LAYOUTS[name]
    source = getattr(torchvision_datasets(), layout.torchvision)
    if layout.torchvision == "EMNIST":
        listed = [((source.url,), "gzip.zip", source.md5)]
    elif layout.torchvision == "USPS":
        listed = [((url,), file, md5) for url, file, md5 in source.split_list.values()]
    elif layout.torchvision == "QMNIST":
        pairs = [pair for part in ("train", "test") for pair in source.resources[part]]
        listed = [((url,), url.rsplit("/", 1)[-1], md5) for url, md5 in pairs]
    else:
        mirrors = (*source.mirrors, *layout.mirrors)
        listed = [(tuple(mirror + file for mirror in mirrors), file, md5) for file, md5 in source.resources]
    return [download.Remote(file, urls, md5, layout.sizes[file]) for urls, file, md5 in listed]


def _unpacked(remote: download.Remote, layout: Layout, wanted: list[Path]) -> list[Path]:
    """Which files of the layout a download becomes."""
    if remote.name.endswith(".zip"):
        # One archive serves both EMNIST sets; half a gigabyte is not fetched twice.
        both = [item for item in LAYOUTS.values() if item.torchvision == layout.torchvision]
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
