"""Where a batch comes from: files, folders and zip archives in any mixture become one stream of items, in order."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np

from core.errors import BatchError, InkError, OddDigitError
from core.files import zip as archives
from core.files.folder import files_in
from core.ink import foreign, pdf
from core.ink.containers import is_picture
from core.ink.pages import pages
from core.ink.picture import SUFFIXES
from core.readers import arrays, csv, npz, parquet, unpack
from core.readers.items import InMemory, Item, Opener, Place, label_of, parts_of, place_of

TABLES = (".csv", ".tsv", ".txt", ".arff", ".data", ".dat")
MOST_FILES = 1_000_000
FEW = 32  # entries of a zip that may hold a file of labels beside one of images
# What names of images have where those of their labels have something else.
_BESIDE = (
    *(("images", "labels"), ("image", "label"), ("imgs", "labels"), ("X", "y"), ("x", "y")),
    *(("data", "target"), ("data", "labels"), ("images", "targets"), ("inputs", "targets")),
)
# Heads of the tables that this program writes (batch, score, a corrected set): no digits where they lie among them.
RESULTS = (
    b"number,source,left,top,right,bottom,model,evidence",
    b"source,box,model,evidence,",
    b"number,source,label,corrected_label,file",
)
RESULT_COLUMNS = {"number", "source", "model", "evidence", "verdict", "anomaly_score"}


def places(inputs: Sequence[Path], apart: Path | None = None, left_out: Callable[[Path], object] = id) -> list[Place]:
    """All files of files and folders, in order: as given, and sorted by name inside a folder.

    Files are named as given, those of a folder by the folder as given and their path in it; of a folder given from the
    root on, only its own name is taken: where a batch lay on one machine means nothing on another.

    A sub-folder named after a digit is its pictures' label. A file of IDX labels goes to the file of images that it is
    named after, also where only the latter was given. Links are followed, but never in a circle.

    Args:
        inputs: files and folders.
        apart: where results will be written, which is none of the inputs.
        left_out: called with each file of a folder that is passed over: what systems leave beside people's files.

    Raises:
        BatchError: an input is missing or unreadable, a folder is empty, or there are too many files.
    """
    files: list[Place] = []
    # Unlike Path.resolve, it takes links in a circle for what they are: files that are not there.
    real = os.path.realpath
    for path in inputs:
        if not path.is_dir():
            files.append(place_of(path))
            continue
        inside = sorted(file for file in files_in(path, left_out) if apart is None or real(file) != real(apart))
        if not inside:
            raise BatchError(f"{path}: there is no file in this folder. Give one that holds pictures.")
        shown = Path(path.name) if path.is_absolute() else path
        for file, name in ((file, file.relative_to(path)) for file in inside):
            files.append(_place_in_folder(file, str(shown / name), label_of((path.name, *name.parts))))
        if len(files) > MOST_FILES:
            raise BatchError(f"{path}: more than {MOST_FILES:,} files. Take a part of them, or use --engine ray.")
    return files


def uploaded(folder: Path, names: Sequence[str]) -> list[Place]:
    """Uploaded files, which lie numbered in a folder, under the names that they came with."""
    return [place_of(folder / f"{i:06d}", name, label_of(parts_of(name))) for i, name in enumerate(names)]


def read(batch: Sequence[Place], start: int = 0) -> Iterator[Item]:
    """The items of all places, one after the other; what cannot be read is an item that says why.

    Args:
        batch: the places, as ``places`` orders them.
        start: how many items to pass over, which costs next to nothing for pictures and stacks.
    """
    return islice(_read(batch), start, None)


def read_one(place: Place, labels: Place | None = None) -> Iterator[Item]:
    """The items of one place, the last of them a refusal where it cannot be read on; never none at all."""
    nothing = True
    for item in _items_of(place, labels):
        nothing = False
        yield item
    if nothing:
        yield Item(place.name, None, place.label, error=f"{place.name}: there is no digit in it.")


def count(batch: Sequence[Place]) -> int:
    """About how many items there are, without reading them: exact but for tables with lines around their rows."""
    return sum(_count(place) for place, _ in paired(batch))


def paired(batch: Sequence[Place]) -> Iterator[tuple[Place, Place | None]]:
    """Each place with the file of IDX labels that belongs to it; such a file is then no place of its own."""
    by_name = {_plain_name(place.name): place for place in batch}
    partners = {
        name: next((by_name[other] for other in label_names(name) if other in by_name), None) for name in by_name
    }
    taken = {id(partner) for partner in partners.values() if partner is not None}
    for place in batch:
        if id(place) in taken:
            continue
        yield place, partners[_plain_name(place.name)] or _sibling(place)


def label_names(name: str) -> list[str]:
    """What the labels may be called that go with images in IDX or ``.npy`` of a name; nothing for other files.

    >>> label_names("t10k-images-idx3-ubyte"), label_names("a/X_train.npy"), label_names("images.png")
    (['t10k-labels-idx1-ubyte'], ['a/y_train.npy'], [])
    """
    folder, slash, file = name.rpartition("/")
    renamed: list[str] = []
    if PurePosixPath(file).suffix == ".npy":
        renamed = [file.replace(*pair, 1) for pair in _BESIDE if pair[0] in file]
    elif "idx" in file or not PurePosixPath(file).suffix:
        renamed = [file.replace("images", "labels").replace("idx3", "idx1")]
    return [f"{folder}{slash}{other}" for other in renamed if other != file]


def is_named_picture(place: Place) -> bool:
    """Whether a place is a picture by its name; it is opened only when it is read."""
    return PurePosixPath(place.name.lower()).suffix in SUFFIXES


def kind_of(place: Place) -> str:
    """What a place holds, by its first bytes and, where those say nothing, its name.

    Returns:
        "pdf", "idx", "npy", "npz", "csv", "parquet", "zip", "results" or "picture", which what is unknown is tried as.

    Raises:
        BatchError: it cannot be opened, or is an archive of a kind that is not read.
    """
    if is_named_picture(place):
        return "picture"
    name = place.name.lower()
    try:
        with ExitStack() as stack:
            file = unpack.opened(place, stack)
            head, error = unpack.read_up_to(file, 512)
    except BatchError:
        raise
    except unpack.DAMAGE as error:
        raise BatchError(f"{place.name}: cannot be read ({error}). Copy it again.") from error
    if error is not None and not head:
        raise BatchError(f"{place.name}: cannot be read ({error}). Copy it again.") from error
    packed = unpack.is_unpacked(file)
    suffix = PurePosixPath(_plain_name(name)).suffix
    if packed and (archives.looks_like_zip(head) or head.startswith(b"PAR1")):
        raise BatchError(f"{place.name}: is packed twice: unpack it first.")
    if pdf.is_pdf(head) and not packed:
        return "pdf"
    if arrays.is_idx(head):
        return "idx"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"PAR1"):
        return "results" if place.listed and set(parquet.columns(place)) >= RESULT_COLUMNS else "parquet"
    if (not_read := foreign.remedy(place.name, head)) is not None:
        raise BatchError(not_read)
    if archives.looks_like_zip(head):
        # The first file of a zip of flagged digits is their table.
        flagged = place.listed and head[30:].startswith(b"digits.csv" + RESULTS[0])
        return "results" if flagged else "npz" if suffix == ".npz" else "zip"
    if head.startswith(RESULTS):
        return "results"
    named = {".npy": "npy", ".npz": "npz", ".parquet": "parquet", ".zip": "zip"} | dict.fromkeys(TABLES, "csv")
    kind = "csv" if csv.looks_like_table(head) else "picture"
    kind = "picture" if is_picture(head) else named.get(suffix, kind)
    if packed and kind == "picture":
        raise BatchError(f"{place.name}: is packed: unpack it first.")
    return kind


def _items_of(place: Place, labels: Place | None) -> Iterator[Item]:
    try:
        yield from READERS[kind_of(place)][0](place, labels)
    except OddDigitError as error:
        yield Item(place.name, None, place.label, error=str(error))
    # The one boundary of a file: whatever its bytes make a library raise ends the file and never the batch.
    except MemoryError:
        yield Item(place.name, None, place.label, error=f"{place.name}: unpacks to more than a reader's memory.")
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        yield Item(place.name, None, place.label, error=f"{place.name}: cannot be read on ({reason}). Copy it again.")


def _read(batch: Sequence[Place]) -> Iterator[Item]:
    for place, labels in paired(batch):
        yield from read_one(place, labels)


def _read_picture(place: Place, _: Place | None) -> Iterator[Item]:
    yield Item(place.name, place, place.label, together=place.label is not None)


def _read_pdf(place: Place, _: Place | None) -> Iterator[Item]:
    for name, page in pages(place.read(), place.name):
        if isinstance(page, InkError):
            raise page
        assert isinstance(page, np.ndarray)
        yield Item(name, page, place.label, together=place.label is not None)


def _read_results(place: Place, _: Place | None) -> Iterator[Item]:
    said = f"{place.name}: holds results of this program"
    left_out, refused = (f"{said}: left out.", "") if place.listed else ("", f"{said} and no pictures.")
    yield Item(place.name, None, error=refused, note=left_out)


def _read_zip(place: Place, _: Place | None) -> Iterator[Item]:
    source = place.open.path if isinstance(place.open, Opener) else place.read()
    labels: dict[str, Place] = {}
    if archives.count(source, place.name) <= FEW:
        inside = [_inside(place, name, data) for name, data in archives.members(source, place.name, _ignore)]
        labels = {one.name: partner for one, partner in paired(inside) if partner is not None}
    used = {partner.name for partner in labels.values()}
    refused: list[tuple[str, str]] = []
    for name, data in archives.members(source, place.name, lambda *why: refused.append(why)):
        yield from _refusals(place, refused)
        one = _inside(place, name, data)
        if one.name not in used:
            yield from read_one(one, labels.get(one.name))
    yield from _refusals(place, refused)


def _ignore(name: str, why: str) -> None:
    """For a first look at an archive; what is refused is told when it is read."""


def _refusals(place: Place, refused: list[tuple[str, str]]) -> Iterator[Item]:
    for name, why in refused:
        whole = f"{place.name}/{name}"
        yield Item(whole, None, label_of(name.split("/")), error=foreign.remedy(whole) or f"{whole} {why}")
    refused.clear()


def _inside(place: Place, name: str, data: bytes) -> Place:
    return Place(f"{place.name}/{name}", InMemory(data), len(data), label=label_of(name.split("/")), listed=True)


def _count(place: Place) -> int:
    try:
        return max(1, READERS[kind_of(place)][1](place))
    # What cannot be counted is an item that says why when it is read.
    except Exception:
        return 1


def _count_zip(place: Place) -> int:
    source = place.open.path if isinstance(place.open, Opener) else place.read()
    entries = archives.count(source, place.name)
    if entries > FEW:
        return entries
    return count([_inside(place, *member) for member in archives.members(source, place.name, _ignore)])


def _one(_: Place) -> int:
    return 1


# By what `kind_of` says: what gives the items of a place, with the labels beside it, and what counts them.
READERS: dict[str, tuple[Callable[[Place, Place | None], Iterator[Item]], Callable[[Place], int]]] = {
    "picture": (_read_picture, _one),
    "results": (_read_results, _one),
    "pdf": (_read_pdf, lambda place: pdf.count(place.read())),
    "zip": (_read_zip, _count_zip),
    "idx": (arrays.read_array, arrays.count),
    "npy": (arrays.read_array, arrays.count),
    "npz": (lambda place, _: npz.read_npz(place), npz.count),
    "csv": (lambda place, _: csv.read_csv(place), csv.count),
    "parquet": (lambda place, _: parquet.read_parquet(place), parquet.count),
}


def _plain_name(name: str) -> str:
    """A file's name with forward slashes, without what only says that it is compressed.

    >>> _plain_name("a/t10k-images-idx3-ubyte.gz"), _plain_name("digits.npy.xz")
    ('a/t10k-images-idx3-ubyte', 'digits.npy')
    """
    return re.sub(r"\.(gz|bz2|xz)$", "", name.replace("\\", "/"), flags=re.IGNORECASE)


def _sibling(place: Place) -> Place | None:
    """The file of labels that lies beside an IDX file of images on this machine, where only the images were given."""
    if not isinstance(place.open, Opener) or "idx" not in place.name:
        return None
    for name in label_names(_plain_name(place.name)):
        for suffix in ("", ".gz"):
            path = place.open.path.with_name(PurePosixPath(name).name + suffix)
            if path.is_file():
                return replace(place_of(path), name=name + suffix)
    return None


def _place_in_folder(path: Path, name: str, label: str | None) -> Place:
    """A file of a folder; one that cannot even be looked at is refused when it is read, and alone."""
    try:
        return replace(place_of(path, name, label), listed=True)
    except BatchError:
        return Place(name, Opener(path), 0, label=label, listed=True)
