"""CSV tables of pixels as data sets circulate and spreadsheets and NumPy write them: one digit a line."""

import codecs
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as pa_csv

from core.errors import BatchError
from core.ink.geometry import SIDE
from core.ink.picture import SUFFIXES
from core.readers.brightness import Brightness
from core.readers.columns import LOOK, Columns, named, unnamed
from core.readers.items import FOLDERS, Item, Place
from core.readers.rewriting import cells_of, most, rewriting
from core.readers.stacks import StackReader
from core.readers.unpack import DAMAGE, opened, packed_position

LONGEST_LINE = 1 << 20  # characters
MOST_JOINED = 1024  # lines of one cell
LOOK_AHEAD = 200  # lines that decide where the label stands and which value is white
LOOK_AHEAD_SIZE = 1 << 24  # characters that are looked at for it
TOGETHER = 2048  # lines parsed at a time
COUNTED = 1 << 26  # bytes; the lines of a longer file are estimated
_ATTRIBUTE = re.compile(r"@attribute\s+('[^']*'|\"[^\"]*\"|\S+)", re.IGNORECASE)
_PIXEL = re.compile(r"\"?\D{0,10}\d+\"?")
_BOOLEAN = {"true": "1", "false": "0"}
_COMMAS_IN_NUMBERS = re.compile(r"\d,\d+ +\d+,\d+ ")  # between blanks
_TITLE = "{} lines above the table are passed over."
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
_MARKS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Layout:
    """How a table of pixels is written.

    Attributes:
        separator: between cells; a blank stands for any number of blanks and tabs.
        decimal: point or comma.
        total: cells a line.
        columns: where the label and the pixels stand.
    """

    separator: str
    decimal: str
    total: int
    columns: Columns

    @property
    def side(self) -> int:
        """Height and width of an image."""
        return math.isqrt(len(self.columns.pixels))

    def row(self, line: str) -> tuple[NDArray[np.float32] | str, object]:
        """The pixels of a line as ``(side, side)``, or what is wrong with it, and its label."""
        cells = cells_of(line, self.separator)
        if len(cells) == self.total + 1 and not cells[-1].strip():
            cells.pop()  # after a comma at the end
        label = self.columns.labels([cells])[0]
        if len(cells) != self.total:
            return f"has {len(cells)} cells instead of {self.total}.", label
        try:
            values = [cells[i].replace(",", ".") if self.decimal == "," else cells[i] for i in self.columns.pixels]
            values = [_BOOLEAN.get(value.strip().lower(), value) for value in values]
            return np.array(values, dtype=np.float32).reshape(self.side, self.side), label
        except ValueError as error:
            return f"holds a pixel that is not a number ({error}).", label


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
        if (rewritten := rewriting(ahead)) is not None:
            ahead, lines = list(map(rewritten, ahead)), map(rewritten, lines)
        layout, passed = _layout(place.name, ahead)
        head = ahead[passed - 1].strip() if passed else None
        if passed > 1:
            yield Item(place.name, None, note=f"{place.name}: {_TITLE.format(passed - 1)}")
        if layout.columns.note:
            yield Item(place.name, None, note=f"{place.name}: {layout.columns.note}")
        del ahead[:passed]
        reader = StackReader(place.name)
        if ahead and (parsed := _parse(ahead, layout)):
            yield from reader.look(parsed[0].astype(np.float32))
        elif images := [image for image, _ in map(layout.row, ahead) if isinstance(image, np.ndarray)]:
            yield from reader.look(np.stack(images))
        reader.brightness = reader.brightness or Brightness()
        # Tables that were joined have the head again.
        remaining = (line for line in chain(ahead, lines) if head is None or line.strip() != head)
        while block := list(islice(remaining, TOGETHER)):
            if parsed := _parse(block, layout):
                yield from reader.items(*parsed)
                continue
            for image, label in map(layout.row, block):
                if isinstance(image, str):
                    yield reader.refusal(image, label)
                else:
                    yield from reader.items(image[None], [label])
        if damage:
            raise damage[0]


def count(place: Place) -> int:
    """About how many images a table has: its lines, without a head; what is long is estimated from its beginning."""
    with ExitStack() as stack:
        file = opened(place, stack)
        lines, size, last = 0, 0, b"\n"
        head = file.readline(LONGEST_LINE)
        quoted = head.count(b'"') % 2
        while size < COUNTED and (block := file.read(1 << 20)):
            parts = block.split(b'"')  # every other one stands in quotes, where a line's end ends none
            lines, size, last = lines + b"".join(parts[quoted::2]).count(b"\n"), size + len(block), block[-1:]
            quoted ^= 1 - len(parts) % 2
        if size >= COUNTED:
            return round(lines * place.size / max(packed_position(file), 1))
        cells = re.split(r"[,;|\s]+", head.decode("utf-8", "replace").replace("\0", ""))
        return lines + (last != b"\n") + all(_is_number(cell) for cell in cells if cell)


def looks_like_table(head: bytes) -> bool:
    """Whether the first bytes of a file, of whatever name, are numbers or names of columns in text.

    >>> looks_like_table(b"label,pixel0,pixel1,pixel2,pixel3,p"), looks_like_table(b"0.0 1.0 0.5 0.25 0.5 0.5 0")
    (True, True)
    """
    text = head.decode("latin-1")
    cells = re.split(r"[,;\s|]+", text.strip())[:-1]
    plain = text.isprintable() or text.replace("\r", "").replace("\n", "").replace("\t", "").isprintable()
    return (
        plain
        and len(cells) > 4
        and sum(_is_number(cell) or bool(_PIXEL.fullmatch(cell)) for cell in cells[1:]) > len(cells) / 2
    )


def _lines(place: Place, stack: ExitStack, damage: list[BatchError]) -> Iterator[str]:
    """The lines of a table, none longer than memory allows; blank lines, comments and Excel's ``sep=`` are left out.

    The attributes of Weka's ARFF, as OpenML has MNIST, become the head.

    What ends the reading early is added to ``damage``; the lines before it count.
    """
    names: list[str] = []
    try:
        file = io.BufferedReader(cast(io.RawIOBase, opened(place, stack)), 1 << 16)
        head = file.peek(4)
        text = io.TextIOWrapper(file, _encoding(head), "replace", newline="")
        for line in _rows(iter(lambda: text.readline(LONGEST_LINE), "")):
            if len(line) >= LONGEST_LINE:
                raise BatchError(
                    f"{place.name}: a line is longer than {LONGEST_LINE:,} characters: no table of digits."
                )
            if attribute := _ATTRIBUTE.match(line):
                names.append(attribute[1].strip("'\""))
            elif line.lower().startswith("@data"):
                yield ",".join(names) + "\n"
            elif line.strip(",; \t\r\n") and not line.lower().startswith(("#", "%", "sep=", "@relation")):
                yield line
    except BatchError as error:
        damage.append(error)
    except DAMAGE as error:
        damage.append(BatchError(f"{place.name}: cannot be read on ({error}). Copy it again."))


def _rows(lines: Iterator[str]) -> Iterator[str]:
    """Lines, joined where a quoted cell goes on in the next one; a quote that nothing closes is text."""
    ahead: list[str] = []
    while line := ahead.pop(0) if ahead else next(lines, ""):
        if line.count('"') % 2:
            ahead += islice(lines, MOST_JOINED - len(ahead))
            end = next((i for i, later in enumerate(ahead, 1) if later.count('"') % 2), 0)
            line, ahead = line + "".join(ahead[:end]), ahead[end:]
        yield line


def _encoding(head: bytes) -> str:
    for bom, name in _MARKS.items():
        if head.startswith(bom):
            return name
    # Digits and commas have a zero byte each in UTF-16, here written without its mark.
    if head[1:2] == b"\0" and head[:1] != b"\0":
        return "utf-16-le"
    return "utf-16-be" if head[:1] == b"\0" and head[1:2] != b"\0" else "utf-8"


def _parse(lines: Sequence[str], layout: Layout) -> tuple[NDArray[np.generic], list[object]] | None:
    """Images ``(m, side, side)`` and labels of some lines at once; None where one of them needs a look of its own."""
    separator = layout.separator
    if separator == " ":
        lines, separator = ["\t".join(line.split()) + "\n" for line in lines], "\t"
    more = lines[0].count(separator) + 1 - layout.total
    if more and not (more == 1 and all(line.rstrip(" \r\n").endswith(separator) for line in lines)):
        return None
    names = [str(i) for i in range(layout.total + more)]
    label, pixels = ([names[i] for i in columns] for columns in (layout.columns.label, layout.columns.pixels))
    data = "".join(lines).encode()
    for kind in (pa.uint8(), pa.float64())[layout.decimal in lines[0] :]:  # a fraction is no byte
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(data),
                pa_csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
                pa_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(label, pa.string()) | dict.fromkeys(pixels, kind),
                    include_columns=[*label, *pixels],
                    null_values=[],
                    decimal_point=layout.decimal,
                ),
            )
        except pa.ArrowInvalid:
            continue
        if table.num_rows != len(lines):
            return None
        images = np.stack([column.to_numpy() for column in table.columns[len(label) :]], axis=1)
        images = images if kind == pa.uint8() else images.astype(np.float32)
        cells = list(zip(*(column.to_pylist() for column in table.columns[: len(label)]), strict=True))
        columns = layout.columns._replace(label=tuple(range(len(label))))
        return images.reshape(-1, layout.side, layout.side), columns.labels(cells or [()] * len(lines))
    return None


def _layout(name: str, ahead: Sequence[str]) -> tuple[Layout, int]:
    """How the table is written, by its first lines, and how many of them stand above its rows: titles and a head."""
    if not ahead:
        raise BatchError(f"{name}: is empty: give a table with a digit a line.")
    # Most lines decide: there may be titles above and totals below. Spreadsheets that write a decimal comma separate
    # cells by semicolons, so the comma comes last.
    counts = {mark: sorted(line.count(mark) for line in ahead)[len(ahead) // 2] for mark in ";\t|,"}
    few = min(8, max(counts.values()))
    separator = next((mark for mark in ";\t|," if few and counts[mark] >= few), " ")
    if separator == "," and most(ahead, _COMMAS_IN_NUMBERS.search):
        separator = " "
    rows = [cells_of(line, separator) for line in ahead]
    decimal = "," if most(rows, lambda row: any("," in cell for cell in row)) else "."
    total = sorted(map(len, rows))[len(rows) // 2]
    if total > 1 and all(not row[-1].strip() for row in rows if len(row) == total):
        total -= 1  # a comma at the end of each line
    title = (i for i, row in enumerate(rows) if sum(bool(cell.strip()) for cell in row) >= total / 10)
    start = next(title, 0)
    first, *body = ([cell.replace(decimal, ".").strip() for cell in row] for row in rows[start:])
    body = [row[:total] for row in body if len(row) == total or (len(row) == total + 1 and not row[-1])][:LOOK]
    head = _is_head(first, body)
    if head and len(first) == total - 1:
        first = ["", *first]  # R leaves the head of row names out
    names = [] if not head or all(not cell or _is_number(cell) for cell in first) else first[:total]
    body = body if head or len(first) < total else [first[:total], *body]
    columns = (named(names, body) if names else None) or (unnamed(body) if body else None)
    if columns is None:
        if any(cell.lower().endswith(SUFFIXES) for row in body for cell in row):
            raise BatchError(f"{name}: names pictures and holds none: {FOLDERS}")
        raise BatchError(
            f"{name}: {total} columns make no square images: give a digit a line, 784 columns of pixels (28x28), with "
            "or without a column named 'label'."
        )
    return Layout(separator, decimal, total, columns), start + head


def _is_head(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a line names the columns: a word where all others have numbers, or numbers that are only counted."""
    counted = first[1:]
    start = int(counted[0]) if len(counted) > SIDE and counted[0].isdigit() else 0
    if counted == [str(start + i) for i in range(max(len(counted), SIDE))]:
        return True
    words = [i for i, cell in enumerate(first) if cell and not _is_number(cell)]
    if not body:
        return len(words) > len(first) / 2
    return any(sum(_is_number(row[i]) for row in body if i < len(row)) > len(body) / 2 for i in words)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.strip().lower() in _BOOLEAN
    return True
