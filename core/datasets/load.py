"""Named data sets: ``load("mnist")`` gives ink images and labels, from wherever they lie or can be fetched.

Names are those of `NAMES`, ``folder:PATH`` (a sub-folder per label) and ``npz:PATH`` (an array or a table).
Importing this module is quick; torch, torchvision and scikit-learn are imported by the sets that need them.
"""

import re
import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import PurePath

import numpy as np

from core import arguments, paths
from core.datasets import own, public
from core.errors import DatasetError
from core.ink.geometry import to_ink_images
from core.readers.items import as_label
from core.words import did_you_mean

STRETCHES = 24  # of about ten writers each, in MNIST
PARTS = ("train", "test", "all")
OWN = ("folder", "npz")  # kinds of sets that someone brought
DIGITS = tuple(string.digits)
DIGITS_TRAIN = 1_400  # of scikit-learn's 1,797, in their own order, so that writers are hardly shared
PART_SEED = 0  # of the parting of people's own sets into train and test
TEST_SHARE = 0.2


@dataclass(frozen=True)
class Dataset:
    """Images and what they are.

    Attributes:
        name: as given to `load`.
        images: float32 ``(n, 28, 28)``, 0 = paper, 1 = ink.
        labels: int64 ``(n,)``, indices into ``label_names``.
        label_names: what the labels mean, for example ``("0", ..., "9")``; ``("unlabelled",)`` where nothing is known.
        part: "train", "test" or "all".
        refused: (file, reason) of each picture that could not be read, and what else was passed over.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    part: str
    refused: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def of(self, label: str) -> np.ndarray:
        """Images ``(m, 28, 28)`` of one label, in the set's order; a digit may be named in words.

        Raises:
            DatasetError: the set knows no such label.
        """
        known = label if label in self.label_names else as_label(label)
        if known not in self.label_names:
            raise DatasetError(f"{self.name}: has no label '{label}'; it has {', '.join(self.label_names)}.")
        return self.images[self.labels == self.label_names.index(known)]

    @property
    def stretches(self) -> np.ndarray | None:
        """Which of `STRETCHES` stretches of writers each image is from, int64 ``(n,)``; None where nobody can tell."""
        if self.part != "train" or self.name not in NAMES or not NAMES[self.name].by_writer:
            return None
        return np.arange(len(self)) * STRETCHES // len(self)

    def take(self, indices: np.ndarray) -> "Dataset":
        """The same set with these images alone, in this order."""
        return replace(self, images=self.images[indices], labels=self.labels[indices])

    def only(self, part: str) -> "Dataset":
        """A part of someone's own set, of which this is all: a fifth of each label is "test", by a fixed seed."""
        if part == "all":
            return self
        rng = np.random.default_rng(PART_SEED)
        test = np.zeros(len(self), dtype=bool)
        for label in range(len(self.label_names)):
            of_label = rng.permutation(np.flatnonzero(self.labels == label))
            test[of_label[: round(TEST_SHARE * len(of_label))]] = True
        return replace(self.take(np.flatnonzero(test if part == "test" else ~test)), part=part)


@dataclass(frozen=True)
class Description:
    """What a page says of a named set before anyone fetches it.

    Attributes:
        title: its proper name.
        what: what is in it and how much, in a few words.
        licence: as its publishers state it.
        download_mb: how much is fetched on first use, in MB; 0 for what is bundled.
        label_names: what the labels mean.
        by_writer: whether the training images come writer by writer, as their publishers' files do.
    """

    title: str
    what: str
    licence: str
    download_mb: int
    label_names: tuple[str, ...]
    by_writer: bool = False

    def __str__(self) -> str:
        size = f"{self.download_mb} MB to download" if self.download_mb else "bundled, no download"
        return f"{self.title}: {self.what}; {self.licence}; {size}"


_CLOTHES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
_LETTERS = tuple(string.ascii_lowercase)

NAMES: dict[str, Description] = {
    "mnist": Description("MNIST", "60,000 + 10,000 handwritten digits", "CC BY-SA 3.0", 12, DIGITS, True),
    "fashion-mnist": Description("Fashion-MNIST", "60,000 + 10,000 pieces of clothing", "MIT", 31, _CLOTHES),
    "kmnist": Description("Kuzushiji-MNIST", "60,000 + 10,000 cursive Japanese characters", "CC BY-SA 4.0", 21, _KANA),
    "emnist-letters": Description(
        "EMNIST Letters", "124,800 + 20,800 handwritten letters", "no licence stated", 562, _LETTERS
    ),
    "emnist-digits": Description(
        "EMNIST Digits", "240,000 + 40,000 handwritten digits", "no licence stated", 562, DIGITS
    ),
    "usps": Description("USPS", "7,291 + 2,007 digits from envelopes", "no licence stated", 8, DIGITS),
    "qmnist": Description(
        "QMNIST", "60,000 + 60,000 handwritten digits, MNIST remade", "BSD 3-Clause", 20, DIGITS, True
    ),
    "digits": Description("scikit-learn's digits", "1,797 handwritten digits of 8x8 pixels", "CC BY 4.0", 0, DIGITS),
}


def load(
    name: str, part: str = "train", *, progress: Callable[[float, str], None] | None = None, download: bool = True
) -> Dataset:
    """Load a data set as ink images; a public one is fetched into the data folder on first use.

    People's own sets have no parts: there, "test" is a fifth of each label's images, drawn once for all, and "train"
    the rest. Use "all" to judge a set that no model was trained on.

    Args:
        name: key of `NAMES`, ``folder:PATH`` or ``npz:PATH``; a relative path is looked up from here, then in the data
            folder.
        part: "train", "test" or "all", which is train followed by test.
        progress: called with the share done, 0 to 1, and a line to show, while downloading or reading pictures.
        download: whether a set that is not on this machine may be fetched.

    Raises:
        DatasetError: no such set or part, or it is missing or broken; the text names the remedy.

    >>> digits = load("digits", "test")
    >>> digits.images.shape, digits.label_names[digits.labels[0]]
    ((397, 28, 28), '2')
    """
    if part not in PARTS:
        raise DatasetError(f"{name}: there is no part '{part}'; take one of {', '.join(PARTS)}.")
    kind, path = _place(name)
    if kind in OWN and path:
        content = (own.read_folder if kind == "folder" else own.read_file)(path, progress)
        return Dataset(name, content.images, content.labels, content.label_names, "all", content.refused).only(part)
    _check_name(name)
    pieces = ("train", "test") if part == "all" else (part,)
    if name == "digits":
        images, labels = _bundled_digits()
        cut = {"train": slice(None, DIGITS_TRAIN), "test": slice(DIGITS_TRAIN, None), "all": slice(None)}[part]
        return Dataset(name, images[cut].copy(), labels[cut].copy(), DIGITS, part)
    if not all(public.present(name, piece) for piece in pieces):
        _fetch(name, progress, download)
    read = [public.read(name, piece) for piece in pieces]
    images = own.unit(np.concatenate([images for images, _ in read]) if len(read) > 1 else read[0][0])
    labels = np.concatenate([labels for _, labels in read])
    names = NAMES[name].label_names
    if labels.max(initial=0) >= len(names):
        raise DatasetError(f"{name}: its label file holds labels that {NAMES[name].title} does not have. Delete it.")
    return Dataset(name, to_ink_images(images), labels, names, part)


def parts(name: str, whole: Dataset | None = None, *, download: bool = True) -> tuple[Dataset, Dataset]:
    """The training and the test part of a set; one of someone's own is read once for both, and not at all if it was.

    Args:
        name: as for `load`.
        whole: all of it, where it was loaded before.
        download: whether a set that is not on this machine may be fetched.

    Raises:
        DatasetError: as `load`.
    """
    if _place(name)[0] in OWN:
        whole = whole or load(name, "all")
        return whole.only("train"), whole.only("test")
    return load(name, "train", download=download), load(name, "test", download=download)


def available(name: str) -> bool:
    """Whether `load` can give every part of a set on this machine without a download; False for unknown names."""
    kind, path = _place(name)
    if kind == "folder" and path:
        return own.locate(path).is_dir()
    if kind == "npz" and path:
        return own.locate(path).is_file()
    return name == "digits" or (name in NAMES and all(public.present(name, part) for part in ("train", "test")))


def check(name: str) -> None:
    """Refuse a set that is not there, before anything of it is read or fetched.

    Raises:
        DatasetError: there is none; the text names those there are.
    """
    kind, _, path = name.partition(":")
    if kind not in OWN or not path:
        _check_name(name)
    elif not available(name):
        raise DatasetError(f"there is no {'folder' if kind == 'folder' else 'file'} {path}, nor {own.locate(path)}.")


def title(name: str) -> str:
    """A data set's name as people know it; of one's own, no path, and of what was uploaded, which has none, no name.

    >>> title("mnist"), title("npz:/home/anna/secret/letters.npz"), title("folder:letters/")
    ('MNIST', 'pictures in letters.npz', 'pictures in letters')
    >>> title("npz:/home/anna/uploads/0123456789abcdef.npz")
    'uploaded pictures'
    """
    kind, path = _place(name)
    if kind in OWN:
        file = PurePath(path).name or path
        return "uploaded pictures" if re.fullmatch(r"[0-9a-f]{16}\.npz", file) else f"pictures in {file}"
    return NAMES[name].title if name in NAMES else name


def labels_in(name: str) -> tuple[str, ...]:
    """Names of the labels of a set, without reading its images; those of an array or a table need it read.

    Raises:
        DatasetError: no such set.

    >>> labels_in("emnist-letters")[:3]
    ('a', 'b', 'c')
    """
    kind, path = _place(name)
    if kind == "folder" and path:
        return own.folder_labels(path)
    if kind == "npz" and path:
        return own.read_file(path).label_names
    _check_name(name)
    return NAMES[name].label_names


def _place(name: object) -> tuple[str, str]:
    """The kind of a set of someone's own and where it lies; or a public set's name and nothing."""
    kind, _, path = arguments.of_type("name", name, str, "text, such as mnist, or folder:PATH").partition(":")
    return kind, path


def _check_name(name: str) -> None:
    if name in NAMES:
        return
    hint = did_you_mean(name, NAMES)
    if own.locate(name).exists():
        hint = f"Did you mean '{'folder' if own.locate(name).is_dir() else 'npz'}:{name}'? "
    raise DatasetError(
        f"There is no data set '{name}'. {hint}Known are {', '.join(NAMES)}, folder:PATH (a sub-folder per label) and "
        "npz:PATH (an array or a table)."
    )


def _fetch(name: str, progress: Callable[[float, str], None] | None, download: bool) -> None:
    """Fetch a public set, or say what else can be done."""
    folder = (paths.datasets_dir() / public.LAYOUTS[name].folder).resolve()
    remedy = (
        f"Put its files into {folder} yourself (torchvision's layout, uncompressed), or use 'digits', which is bundled "
        "and needs no network."
    )
    if not download:
        raise DatasetError(f"{name}: is not on this machine. {remedy}")
    try:
        public.fetch(name, progress)
    except DatasetError as error:
        raise DatasetError(f"{name}: could not be fetched. {error} {remedy}") from error


@cache
def _bundled_digits() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits as ink images float32 ``(1797, 28, 28)`` and labels int64 ``(1797,)``."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return to_ink_images(bunch.images / 16), bunch.target.astype(np.int64)
