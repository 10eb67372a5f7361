"""Public data sets: read as they lie, fetched from a stand-in mirror where they do not, never half."""

import bz2
import gzip
import hashlib
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from core import datasets
from core.datasets import public
from core.errors import DatasetError
from tests.support.mirror import serve
from tests.support.piles import idx, zipped

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder."""
    monkeypatch.setenv("ODD_DIGIT_DATASETS", str(tmp_path / "sets"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "sets").mkdir()
    return tmp_path / "sets"


def put(folder: Path, name: str, images: np.ndarray = PIXELS, labels: np.ndarray | None = None) -> None:
    """Lay both parts of a set into a data folder, uncompressed; the test part holds the same images backwards."""
    labels = np.arange(len(images), dtype=np.uint8) % 10 if labels is None else labels
    layout = public.LAYOUTS[name]
    for files, order in ((layout.train, slice(None)), (layout.test, slice(None, None, -1))):
        (folder / layout.folder).mkdir(parents=True, exist_ok=True)
        for file, content in zip(files, (images, labels), strict=True):
            (folder / layout.folder / file).write_bytes(idx(content[order]))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"
    }


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
def test_uncompressed_files_are_enough_and_nothing_is_written(folder: Path, name: str) -> None:
    put(folder, name)
    before = contents(folder)
    train, test = datasets.load(name, "train", download=False), datasets.load(name, "test", download=False)
    np.testing.assert_array_equal(train.images, PIXELS.astype(np.float32) / 255)
    np.testing.assert_array_equal(train.labels, np.arange(12) % 10)
    np.testing.assert_array_equal(test.images, train.images[::-1])
    assert (train.images.dtype, train.labels.dtype) == (np.float32, np.int64)
    assert (train.part, test.part, train.label_names) == ("train", "test", datasets.NAMES[name].label_names)
    assert contents(folder) == before
    assert not list(folder.rglob("*.lock"))


def test_all_of_a_public_set_is_train_followed_by_test(folder: Path) -> None:
    put(folder, "mnist")
    whole = datasets.load("mnist", "all", download=False)
    np.testing.assert_array_equal(whole.labels, np.concatenate([np.arange(12) % 10, (np.arange(12) % 10)[::-1]]))
    assert len(whole.images) == 24


def test_emnist_is_turned_upright_and_its_first_letter_is_a(folder: Path) -> None:
    put(folder, "emnist-letters", PIXELS, np.arange(1, 13, dtype=np.uint8))
    letters = datasets.load("emnist-letters", download=False)
    np.testing.assert_array_equal(letters.images[3], PIXELS[3].T.astype(np.float32) / 255)
    assert [letters.label_names[label] for label in letters.labels[:3]] == ["a", "b", "c"]


def test_qmnist_labels_are_the_first_of_eight_columns(folder: Path) -> None:
    columns = np.arange(96, dtype=np.int32).reshape(12, 8)
    columns[:, 0] = np.arange(12) % 10
    put(folder, "qmnist", PIXELS, columns)
    np.testing.assert_array_equal(datasets.load("qmnist", download=False).labels, np.arange(12) % 10)


def test_a_file_cut_short_counts_as_missing(folder: Path) -> None:
    put(folder, "mnist")
    assert datasets.available("mnist")
    images = folder / "MNIST/raw/train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-1])
    assert not datasets.available("mnist")
    with pytest.raises(DatasetError, match="mnist: is not on this machine"):
        datasets.load("mnist", download=False)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (PIXELS, np.zeros(11, np.uint8)),
        (PIXELS.reshape(-1, 28), np.zeros(12, np.uint8)),
        (PIXELS, np.full(12, 77, np.uint8)),
        (PIXELS.astype(np.int32), np.zeros(12, np.uint8)),
    ],
    ids=["one label too few", "images of two dimensions", "a label 77", "images of 32 bits"],
)
def test_files_of_the_right_length_but_the_wrong_kind_are_refused(
    folder: Path, images: np.ndarray, labels: np.ndarray
) -> None:
    put(folder, "mnist", images, labels)
    with pytest.raises(DatasetError, match=r"mnist: .*Delete it"):
        datasets.load("mnist", download=False)


def test_a_set_that_is_not_there_names_the_place_and_the_bundled_digits(folder: Path) -> None:
    with pytest.raises(DatasetError, match=f"kmnist: .*{folder / 'KMNIST/raw'} .*'digits'"):
        datasets.load("kmnist", download=False)


def test_an_old_processed_folder_is_never_unpickled(folder: Path) -> None:
    put(folder, "mnist")
    (folder / "MNIST/processed").mkdir()
    for name in ("training.pt", "test.pt"):
        (folder / "MNIST/processed" / name).write_bytes(b"not to be opened")
    assert len(datasets.load("mnist", download=False)) == 12


def kmnist_files() -> dict[str, bytes]:
    labels = np.arange(12, dtype=np.uint8) % 10
    return {
        f"{part}-{what}": gzip.compress(idx(content))
        for part in ("train", "t10k")
        for what, content in (("images-idx3-ubyte.gz", PIXELS), ("labels-idx1-ubyte.gz", labels))
    }


def point(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], *mirrors: str) -> None:
    """Point torchvision's addresses at mirrors on this machine."""
    source = public.torchvision_datasets().KMNIST
    monkeypatch.setattr(source, "mirrors", list(mirrors))
    listed = [(name, hashlib.md5(files[name]).hexdigest()) for name, _ in source.resources]
    monkeypatch.setattr(source, "resources", listed)


def test_the_first_use_fetches_both_parts_with_progress_and_the_next_use_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, seen = kmnist_files(), []
    with serve(files) as mirror:
        point(monkeypatch, files, mirror.url)
        first = datasets.load("kmnist", progress=lambda share, text: seen.append((share, text)))
        asked = len(mirror.asked)
        again = datasets.load("kmnist", "test")
    np.testing.assert_array_equal(first.images, PIXELS.astype(np.float32) / 255)
    np.testing.assert_array_equal(again.images, first.images)
    assert (asked, len(mirror.asked)) == (4, 4)
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] == 1
    assert seen[0][1].startswith("kmnist: train-images-idx3-ubyte.gz, 0.0 of 0.0 MB")
    assert {name.rsplit("/", 1)[-1] for name in contents(folder)} == {name.removesuffix(".gz") for name in files}


def test_a_broken_file_is_fetched_anew_and_whole_ones_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = kmnist_files()
    put(folder, "kmnist")
    (folder / "KMNIST/raw/t10k-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0\xff\xff")
    with serve(files) as mirror:
        point(monkeypatch, files, mirror.url)
        datasets.load("kmnist", "test")
    assert [name for name, _ in mirror.asked] == ["t10k-labels-idx1-ubyte.gz"]


def test_without_a_network_the_error_names_set_reason_and_remedy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point(monkeypatch, kmnist_files(), "http://127.0.0.1:9/")
    with pytest.raises(DatasetError, match=r"kmnist: could not be fetched.*refused.*KMNIST/raw.*'digits'"):
        datasets.load("kmnist")


def test_two_threads_that_want_the_same_set_fetch_it_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = kmnist_files()
    with serve(files) as mirror, ThreadPoolExecutor(2) as pool:
        point(monkeypatch, files, mirror.url)
        both = list(pool.map(lambda part: datasets.load("kmnist", part), ("train", "test")))
    assert [len(dataset) for dataset in both] == [12, 12]
    assert len(mirror.asked) == 4


def test_one_emnist_archive_gives_letters_and_digits_and_is_then_removed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {"letters": np.arange(1, 13, dtype=np.uint8), "digits": np.arange(12, dtype=np.uint8) % 10}
    files = [
        (f"gzip/emnist-{split}-{part}-{what}.gz", gzip.compress(idx(content)))
        for split, part in product(labels, ("train", "test"))
        for what, content in (("images-idx3-ubyte", PIXELS), ("labels-idx1-ubyte", labels[split]))
    ]
    packed = zipped([*files, ("gzip/emnist-byclass-train-images-idx3-ubyte.gz", b"not wanted")])
    source = public.torchvision_datasets().EMNIST
    with serve({"gzip.zip": packed}) as mirror:
        monkeypatch.setattr(source, "url", f"{mirror.url}gzip.zip")
        monkeypatch.setattr(source, "md5", hashlib.md5(packed).hexdigest())
        letters, digits = datasets.load("emnist-letters"), datasets.load("emnist-digits", "test")
    assert len(mirror.asked) == 1
    assert (letters.labels.max(), digits.labels.max()) == (11, 9)
    assert len(contents(folder)) == 8


def test_usps_is_scaled_into_ink_images(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bar = np.full((16, 16), -1.0)
    bar[1:15, 7:9] = 1
    line = " ".join(["2", *(f"{at + 1}:{value}" for at, value in enumerate(bar.ravel()))])
    packed = bz2.compress(f"{line}\n{line}\n".encode())
    names = {"train": "usps.bz2", "test": "usps.t.bz2"}
    with serve(dict.fromkeys(names.values(), packed)) as mirror:
        md5 = hashlib.md5(packed).hexdigest()
        listed = {part: [mirror.url + name, name, md5] for part, name in names.items()}
        monkeypatch.setattr(public.torchvision_datasets().USPS, "split_list", listed)
        usps = datasets.load("usps")
    np.testing.assert_array_equal(usps.labels, [1, 1])
    rows, columns = np.nonzero(usps.images[0] > 0.5)
    assert rows.max() - rows.min() + 1 == 20
    assert columns.max() - columns.min() + 1 == 3
    (folder / "usps.bz2").write_bytes(packed[:-20])
    with pytest.raises(DatasetError, match=r"usps.bz2 is not what its name says"):
        datasets.load("usps")
