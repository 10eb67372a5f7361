"""CSV tables of pixels as data sets circulate and spreadsheets and NumPy write them: one digit a line."""

import codecs
import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import BatchError
from core.readers.columns import NUMBERING, in_order, label_column
from core.readers.items import LABELS, Item, Place, as_label
from core.readers.stacks import StackReader
from core.readers.unpack import DAMAGE, opened, packed_position

LONGEST_LINE = 1 << 20  # characters
LOOK_AHEAD = 200  # lines that decide where the label stands and which value is white
LOOK_AHEAD_SIZE = 1 << 24  # characters that are looked at for it
TOGETHER = 2048  # lines parsed at a time
COUNTED = 1 << 26  # bytes; the lines of a longer file are estimated
_DIGITS = {separator: re.compile(rf"[0-9\r\n{re.escape(separator)}]+") for separator in ",;\t|"}
_PIXEL = re.compile(r"\D{0,10}\d+([x_,.-]\d+)?")
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
_MARKS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Layout:
    """How a table of pixels is written.

    Attributes:
        separator: between cells; a blank stands for any number of blanks and tabs.
        decimal: point or comma.
        total: cells a line.
        label: the label's column, or None.
        pixels: the pixels' columns, in order.
    """

    separator: str
    decimal: str
    total: int
    label: int | None
    pixels: tuple[int, ...]

    @property
    def side(self) -> int:
        """Height and width of an image."""
        return math.isqrt(len(self.pixels))

    def split(self, line: str) -> list[str] | str:
        """A line's cells, a comma at its end left out; or why it has none."""
        cells = _split(line, self.separator)
        if isinstance(cells, list) and len(cells) == self.total + 1 and not cells[-1].strip():
            cells.pop()
        return cells

    def image(self, cells: Sequence[str]) -> NDArray[np.float32] | str:
        """The pixels of a line as ``(side, side)``, or what is wrong with it."""
        if len(cells) != self.total:
            return f"has {len(cells)} cells instead of {self.total}."
        try:
            values = [cells[i].replace(",", ".") if self.decimal == "," else cells[i] for i in self.pixels]
            return np.array(values, dtype=np.float32).reshape(self.side, self.side)
        except ValueError as error:
            return f"holds a pixel that is not a number ({error})."


def read_csv(place: Place) -> Iterator[Item]:
    """The lines of a table of pixels; a line that cannot be used is refused on its own.

    Raises:
        BatchError: not a table of square images.
    """
    with ExitStack() as stack:
        damage: list[BatchError] = []
        lines = _lines(place, stack, damage)
        ahead: list[str] = []
        while len(ahead) < LOOK_AHEAD and sum(map(len, ahead)) < LOOK_AHEAD_SIZE and (line := next(lines, "")):
            ahead.append(line)
        if damage and not ahead:
            raise damage[0]
        layout, head = _layout(place.name, ahead)
        del ahead[: int(head)]
        reader = StackReader(place.name)
        cells = [row for line in ahead if isinstance(row := layout.split(line), list)]
        images = [image for row in cells if isinstance(image := layout.image(row), np.ndarray)]
        yield from reader.look(np.stack(images)) if images else ()
        reader.top = reader.top or 255.0
        remaining = chain(ahead, lines)
        while block := list(islice(remaining, TOGETHER)):
            parsed = _whole_numbers(block, layout) or _parse(block, layout, reader.top)
            if parsed is None:
                yield from _one_by_one(block, layout, reader)
            else:
                yield from reader.items(*parsed)
        if damage:
            raise damage[0]


def count_csv(place: Place) -> int:
    """About how many images a table has: its lines, without a head; what is long is estimated from its beginning."""
    try:
        with ExitStack() as stack:
            file = opened(place, stack)
            lines, size, last = 0, 0, b"\n"
            head = file.readline(LONGEST_LINE)
            while size < COUNTED and (block := file.read(1 << 20)):
                lines, size, last = lines + block.count(b"\n"), size + len(block), block[-1:]
            if size >= COUNTED:
                packed = packed_position(file)
                return max(1, round(lines * place.size / max(packed, 1)))
            cells = re.split(r"[,;|\s]+", head.decode("utf-8", "replace").replace("\0", ""))
            return max(1, lines + (last != b"\n") + all(_is_number(cell) for cell in cells if cell))
    except (BatchError, *DAMAGE):
        return 1


def _lines(place: Place, stack: ExitStack, damage: list[BatchError]) -> Iterator[str]:
    """The lines of a table, none longer than memory allows; blank lines, comments and Excel's ``sep=`` are left out.

    What ends the reading early is added to ``damage``; the lines before it count.
    """
    try:
        file = io.BufferedReader(cast(io.RawIOBase, opened(place, stack)), 1 << 16)
        head = file.peek(4)
        text = io.TextIOWrapper(file, _encoding(head), "replace", newline="")
        while line := text.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE:
                raise BatchError(
                    f"{place.name}: a line is longer than {LONGEST_LINE:,} characters: no table of digits."
                )
            if line.strip(",; \t\r\n") and not line.startswith("#") and not line.lower().startswith("sep="):
                yield line
    except BatchError as error:
        damage.append(error)
    except DAMAGE as error:
        damage.append(BatchError(f"{place.name}: cannot be read on ({error}). Copy it again."))


def _encoding(head: bytes) -> str:
    for bom, name in _MARKS.items():
        if head.startswith(bom):
            return name
    # Digits and commas have a zero byte each in UTF-16, here written without its mark.
    if head[1:2] == b"\0" and head[:1] != b"\0":
        return "utf-16-le"
    return "utf-16-be" if head[:1] == b"\0" and head[1:2] != b"\0" else "utf-8"


def _whole_numbers(lines: Sequence[str], layout: Layout) -> tuple[NDArray[np.generic], list[object]] | None:
    """What ``_parse`` gives for lines of bytes alone, as in nearly all tables, in a fraction of the time; else None."""
    text, separator = "".join(lines), layout.separator
    if separator == " " or layout.label not in (None, 0, layout.total - 1) or not _DIGITS[separator].fullmatch(text):
        return None
    if any(line.count(separator) != layout.total - 1 for line in lines):
        return None
    try:
        numbers = np.fromstring(text.replace("\n", separator), np.int64, sep=separator)
    except ValueError:  # an empty cell
        return None
    if numbers.size != len(lines) * layout.total or numbers.max() > 255:
        return None
    table = numbers.reshape(len(lines), layout.total)
    images = table[:, list(layout.pixels)].astype(np.uint8).reshape(len(lines), layout.side, layout.side)
    if layout.label is None:
        return images, [None] * len(lines)
    first = layout.label == 0  # as text: 007 is what it says
    cells = [line.split(separator, 1)[0] if first else line.rstrip().rsplit(separator, 1)[1] for line in lines]
    return images, list(cells)


def _parse(lines: Sequence[str], layout: Layout, top: float) -> tuple[NDArray[np.generic], list[object]] | None:
    """Images ``(m, side, side)`` and labels of some lines at once; None where one of them needs a look of its own."""
    text = "".join(lines)
    if '"' in text:
        return None
    separator = r"\s+" if layout.separator == " " else layout.separator
    kinds = None if layout.label is None else {layout.label: str}
    try:
        table = pd.read_csv(
            io.StringIO(text), header=None, sep=separator, decimal=layout.decimal, dtype=kinds, keep_default_na=False
        )
    except (ValueError, OverflowError, pd.errors.ParserError):
        return None
    if table.shape[1] == layout.total + 1 and (table.iloc[:, -1].astype(str).str.strip() == "").all():
        table = table.iloc[:, :-1]
    pixels = table.iloc[:, list(layout.pixels)] if table.shape == (len(lines), layout.total) else table
    if table.shape != (len(lines), layout.total) or not all(kind.kind in "iuf" for kind in set(pixels.dtypes)):
        return None
    images = pixels.to_numpy(np.float32).reshape(len(lines), layout.side, layout.side)
    if np.isnan(images).any():
        return None
    if top == 255 and images.min() >= 0 and images.max() <= 255 and (images == np.rint(images)).all():
        images = images.astype(np.uint8)
    labels = [None] * len(lines) if layout.label is None else table.iloc[:, layout.label].tolist()
    return images, labels


def _one_by_one(lines: Sequence[str], layout: Layout, reader: StackReader) -> Iterator[Item]:
    for line in lines:
        cells = layout.split(line)
        if isinstance(cells, str):
            yield reader.refusal(f"cannot be read ({cells}).")
            continue
        label = cells[layout.label] if layout.label is not None and layout.label < len(cells) else None
        image = layout.image(cells)
        if isinstance(image, str):
            yield reader.refusal(image, label)
        else:
            yield from reader.items(image[None], [label])


def _layout(name: str, ahead: Sequence[str]) -> tuple[Layout, bool]:
    """How the table is written, by its first lines, and whether the first is a head."""
    if not ahead:
        raise BatchError(f"{name}: is empty: give a table with a digit a line.")
    # Spreadsheets that write a decimal comma separate cells by semicolons, so the comma comes last.
    few = min(8, max(map(ahead[-1].count, ";\t|,")))
    separator = next((mark for mark in ";\t|," if few and ahead[-1].count(mark) >= few), " ")
    decimal = "," if separator != "," and "," in ahead[-1] else "."
    rows = [cells for line in ahead if isinstance(cells := _split(line, separator), list)]
    if not rows:
        raise BatchError(f"{name}: is not a table.")
    head = not all(_is_number(cell.replace(decimal, ".")) for cell in rows[0] if cell.strip())
    body = rows[1:] if head else rows
    total = len(rows[0])
    if head and body and all(len(row) == total + 1 for row in body):
        # R leaves the head of row names out; a comma at the end of each line but the head's looks the same.
        total += any(row[-1].strip() for row in body)
        rows[0] = ["", *rows[0]] if total > len(rows[0]) else rows[0]
    elif total > 1 and all(len(row) == total and not row[-1].strip() for row in rows):
        total -= 1
    label, pixels = _columns(rows[0][:total] if head else None, [row[:total] for row in body], total)
    if not is_square(len(pixels)):
        raise BatchError(
            f"{name}: {len(pixels)} columns of pixels make no square image: give 784 (28x28), with or without a "
            "column named 'label'."
        )
    return Layout(separator, decimal, total, label, pixels), head


def _columns(head: list[str] | None, body: list[list[str]], total: int) -> tuple[int | None, tuple[int, ...]]:
    """The column of the label and those of the pixels."""
    if head is not None:
        names = [cell.strip().lower() for cell in head]
        label = label_column(names)
        pixels = tuple(i for i, cell in enumerate(names) if i != label and cell not in NUMBERING)
        numbered = tuple(i for i in pixels if _PIXEL.fullmatch(names[i]))
        chosen = pixels if is_square(len(pixels)) else numbered
        return label, tuple(chosen[i] for i in in_order([names[i] for i in chosen]))
    first = 0
    if not is_square(total) and not is_square(total - 1) and is_square(total - 2) and _counts_up(body):
        first = 1
    label = None
    if not is_square(total - first) and is_square(total - first - 1):
        label = _unnamed_label(body, first) % total
    return label, tuple(i for i in range(first, total) if i != label)


def _counts_up(body: list[list[str]]) -> bool:
    numbers = [as_label(row[0]) for row in body if row]
    return len(numbers) > 1 and numbers[1:] == [str(int(n) + 1) if n and n.isdigit() else "" for n in numbers[:-1]]


def is_square(count: int) -> bool:
    """Whether so many pixels make a square image of a usable size."""
    return count >= 64 and math.isqrt(count) ** 2 == count


def _unnamed_label(body: list[list[str]], at: int) -> int:
    """Where the label stands in a table without a head: first, as on Kaggle, or last, as in UCI's data sets."""
    first, last = ({as_label(row[column]) for row in body if len(row) > at} for column in (at, -1))
    # A first column that is always 0 is the corner of the paper.
    paper = first == {"0"} or not first <= LABELS
    return -1 if paper and last <= LABELS and last != {"0"} else at


def _split(line: str, separator: str) -> list[str] | str:
    if separator == " ":
        return line.split()
    try:
        return next(csv.reader([line], delimiter=separator))
    except (csv.Error, StopIteration) as error:
        return str(error) or "it is empty"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
