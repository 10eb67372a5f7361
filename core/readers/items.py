"""What a batch is made of before anything is judged: places to read from, and the items that come out of them."""

import io
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import BatchError
from core.words import NO_DIGIT

LARGEST_PICTURE = 100_000_000  # bytes of one picture file
FOLDERS = "give the folder that they lie in; folders in it that are named after digits are their labels."
LABELS = frozenset("0123456789")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# A digit by another name; the last is how Python prints bytes.
_DIGITS = {form.format(i, word): str(i) for i, word in enumerate(WORDS) for form in ("{1}", "digit_{0}", "b'{0}'")}
_FOLDER = re.compile(r"((digit|class|label|number|num|cls)s?[ _.-]*)?0?(?P<digit>[0-9])('?s)?")
_WHOLE = re.compile(r"\d{1,9}\.0*(e[+-]?0+)?", re.IGNORECASE)  # a whole number as programs write it as a float


@dataclass(frozen=True)
class Manner:
    """How a batch is gone about, the words as in ``ink.read`` and on the command line.

    Attributes:
        together: take every picture as one digit, whatever shapes are in it.
        whole: read all of every picture, also where a sheet of paper stands out from what it lies on.
        faint: True takes in whatever may be a faint stroke, False none, None those that go on from dark ink.
        full: draw every digit, for every evidence and reconstruction; else those of ``operating_point.DISTANCES`` are
            all there is, unless what decides is another.
    """

    together: bool = False
    whole: bool = False
    faint: bool | None = None
    full: bool = False


AS_FOUND = Manner()


@dataclass(frozen=True)
class Place:
    """A file of a batch, wherever it lies: on disk, uploaded, or in an object store.

    Attributes:
        name: what the file is called in results and errors; its suffix tells what it is.
        open: opens it for reading bytes; seekable.
        size: bytes.
        stamp: time of the last change, nanoseconds since 1970, so that a changed batch is told from the old one.
        label: what its folder says the digit is; None where it says nothing.
        listed: whether it was found in a folder or an archive, and not named by the person.
    """

    name: str
    open: Callable[[], BinaryIO]
    size: int
    stamp: int = 0
    label: str | None = None
    listed: bool = False

    def read(self) -> bytes:
        """All bytes of a picture file.

        Raises:
            BatchError: it is too large, or cannot be read.
        """
        if self.size > LARGEST_PICTURE:
            raise BatchError(f"{self.name} is {self.size / 1e6:,.0f} MB: shrink the picture to at most 100 MB.")
        try:
            with self.open() as file:
                return file.read(LARGEST_PICTURE) if self.size else b""  # the system's own may be waited for
        except OSError as error:
            raise BatchError(
                f"{self.name} cannot be read ({error.strerror or error}): check the path and its permissions."
            ) from error


@dataclass(frozen=True)
class Item:
    """One thing to judge, or the reason why it cannot be.

    Attributes:
        source: where it came from, for people: ``"scans/a.png"``, ``"t10k-images.idx #17"``.
        picture: a picture file's bytes or place, or an array ``(h, w)``; None where ``error`` says why.
        label: what it is said to be; None where nothing says so.
        together: whether the picture is one digit, whatever shapes are in it.
        ready: whether it is known to be an ink image already, uint8 or float32 ``(28, 28)``.
        error: why it cannot be judged; empty when it can.
        note: something to say about the batch; an item with a note is nothing to judge and gives no row.
    """

    source: str
    picture: bytes | Place | NDArray[np.generic] | None
    label: str | None = None
    together: bool = False
    error: str = ""
    ready: bool = False
    note: str = ""


def place_of(path: Path, name: str | None = None, label: str | None = None) -> Place:
    """A file on this machine as a place.

    Raises:
        BatchError: it cannot be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise BatchError(
            f"{name or path}: cannot be read ({error.strerror}). Check the path and its permissions."
        ) from error
    if not stat.S_ISREG(status.st_mode):  # a pipe or a device gives for ever, or never
        raise BatchError(
            f"{name or path}: is no file: copy what it gives into one, or hand that to standard input (-)."
        )
    return Place(name or str(path), Opener(path), status.st_size, status.st_mtime_ns, label)


@dataclass(frozen=True)
class Opener:
    """Opens one file on this machine; unlike a lambda it can be sent to another process."""

    path: Path

    def __call__(self) -> BinaryIO:
        """The file, open for reading."""
        return self.path.open("rb")


@dataclass(frozen=True)
class InMemory:
    """Opens bytes that are in memory already."""

    data: bytes | memoryview

    def __call__(self) -> BinaryIO:
        """The bytes as a file, open for reading."""
        return io.BytesIO(self.data)


def as_label(value: object) -> str | None:
    """A label from a file as text: whole numbers without a point, nothing for what is missing.

    >>> as_label(7.0), as_label(" 4 "), as_label("3.000e+00"), as_label(float("nan")), as_label("Five")
    ('7', '4', '3', None, '5')
    """
    if value is None or (isinstance(value, float | np.floating) and not np.isfinite(value)):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = str(value).strip()[:100]
    if _WHOLE.fullmatch(text):
        text = str(int(float(text)))
    text = text[1:] if re.fullmatch(r"\+\d+", text) else text  # as LIBSVM writes them
    return _DIGITS.get(text.lower(), text) or None


def parts_of(name: str) -> list[str]:
    """The folders and the name of an uploaded file, whichever system it comes from."""
    return name.replace("\\", "/").split("/")


def label_of(parts: Sequence[str]) -> str | None:
    """The label that a file's folders give it: the digit that the nearest of them is named after, by whatever name.

    The one rule for batches, people's own sets, uploads and calibration.

    >>> [label_of((folder, "a.png")) for folder in ("7", "07", "digit_7", "Class-7", "7s", "Sevens", "page 7", "17")]
    ['7', '7', '7', '7', '7', '7', None, None]
    >>> label_of(("5", "page 2", "a.png")), label_of(("no digit", "a.png"))
    ('5', 'no digit')
    """
    for part in reversed(parts[:-1]):
        name = part.strip().lower()
        if name == NO_DIGIT:
            return name
        word = name.removesuffix("es" if name == "sixes" else "s")
        if word in WORDS:
            return str(WORDS.index(word))
        if match := _FOLDER.fullmatch(name):
            return match["digit"]
    return None
