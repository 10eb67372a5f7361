"""Tables of digits: CSV of pixels as circulated on Kaggle, and Parquet with pictures or pixels in a column."""

import csv
import gzip
import io
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from core.batch.arrays import DAMAGE, LABEL_NAMES, as_picture, brightness_top
from core.batch.items import LABELS, LARGEST_PICTURE, Item, Place, as_label
from core.errors import BatchError

LONGEST_LINE = 1 << 22  # characters
LOOK_AHEAD = 200  # rows that decide where the label stands and which value is white
NUMBERING = ("", "id", "index", "unnamed: 0", "imageid", "image_id", "rowid")
PICTURE_NAMES = ("image", "img", "picture", "bytes", "png", "pixels", "data", "x")
LARGEST_GROUP = 4 << 30  # bytes that one Parquet row group may claim to unpack to
PARQUET_TOGETHER = 128


@dataclass(frozen=True)
class Columns:
    """Where things stand in a table of pixels: the label's column or None, and the pixels' columns in order."""

    total: int
    label: int | None
    pixels: tuple[int, ...]

    @property
    def side(self) -> int:
        """Height and width of an image."""
        return math.isqrt(len(self.pixels))


def read_csv(place: Place) -> Iterator[Item]:
    """The rows of a table of pixels; a row that cannot be used is refused on its own.

    Raises:
        BatchError: not a table of square images.
    """
    with ExitStack() as stack:
        lines = _lines(place, stack)
        try:
            first = next(lines, "")
            separator = max(",;\t", key=first.count)
            rows = csv.reader(chain([first], lines), delimiter=separator)
            ahead = list(islice(rows, LOOK_AHEAD))
        except (csv.Error, *DAMAGE) as error:
            raise BatchError(f"{place.name}: is not a table ({error}).") from error
        named = bool(ahead) and not all(_is_number(cell) for cell in ahead[0])
        body = ahead[1:] if named else ahead
        columns = _columns(place.name, ahead[0] if ahead else [], named, body)
        readable = [cells for row in body if isinstance(cells := _numbers(row, columns), np.ndarray)]
        top = brightness_top(np.stack(readable)) if readable else 255.0
        number = 0
        for row in _tolerant(chain(body, rows)):
            if row == []:
                continue
            number += 1
            yield _csv_item(f"{place.name} #{number}", row, columns, top)


def count_csv(place: Place) -> int:
    """About how many rows a table has: its lines, without a head."""
    try:
        with ExitStack() as stack:
            file = _unpacked(place, stack)
            lines, last = 0, b"\n"
            head = file.readline(LONGEST_LINE)
            while block := file.read(1 << 20):
                lines, last = lines + block.count(b"\n"), block[-1:]
            named = not all(_is_number(cell) for cell in head.decode("utf-8", "replace").replace(";", ",").split(","))
            return max(1, lines + (last != b"\n") + (not named))
    except (BatchError, *DAMAGE):
        return 1


def read_parquet(place: Place, start: int = 0, stop: int | None = None) -> Iterator[Item]:
    """The rows of a Parquet file: pictures as bytes, as data sets store them (``{bytes, path}``), or lists of pixels.

    Args:
        place: the file.
        start: first row.
        stop: one past the last row; None reads to the end.

    Raises:
        BatchError: damaged, or no column holds pictures.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with ExitStack() as stack:
        try:
            table = stack.enter_context(pq.ParquetFile(stack.enter_context(place.open()), buffer_size=1 << 20))
            groups = [table.metadata.row_group(i) for i in range(table.metadata.num_row_groups)]
            if any(group.total_byte_size > LARGEST_GROUP for group in groups):
                raise BatchError(f"{place.name}: a row group claims more than 4 GB: write it with smaller row groups.")
            picture, label = _picture_column(place.name, table.schema_arrow)
            wanted = [picture] if label is None else [picture, label]
            chosen: list[int] = []
            number, at, top = 0, 0, 0.0
            for i, group in enumerate(groups):
                if at + group.num_rows > start and (stop is None or at < stop):
                    number = at if not chosen else number
                    chosen.append(i)
                at += group.num_rows
            for batch in table.iter_batches(PARQUET_TOGETHER, row_groups=chosen, columns=wanted):
                pictures = batch.column(batch.schema.get_field_index(picture))
                labels = None if label is None else batch.column(batch.schema.get_field_index(label))
                top = top or _parquet_top(pictures)
                for i in range(len(batch)):
                    number += 1
                    if number <= start or (stop is not None and number > stop):
                        continue
                    given = None if labels is None else as_label(labels[i].as_py())
                    yield _parquet_item(f"{place.name} #{number}", pictures[i].as_py(), given, top)
        except (pa.ArrowException, *DAMAGE) as error:
            if isinstance(error, BatchError):
                raise
            raise BatchError(f"{place.name}: is not a whole Parquet file ({error}). Copy it again.") from error


def count_parquet(place: Place) -> int:
    """How many rows a Parquet file has; 1 where it will be refused."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with place.open() as file:
            return max(1, int(pq.ParquetFile(file).metadata.num_rows))
    except (pa.ArrowException, *DAMAGE):
        return 1


def _unpacked(place: Place, stack: ExitStack) -> BinaryIO:
    file = stack.enter_context(place.open())
    head = file.read(2)
    file.seek(0)
    return stack.enter_context(cast(BinaryIO, gzip.GzipFile(fileobj=file))) if head == b"\x1f\x8b" else file


def _lines(place: Place, stack: ExitStack) -> Iterator[str]:
    """The lines of a text file, none of them longer than memory allows."""
    try:
        text = io.TextIOWrapper(_unpacked(place, stack), "utf-8-sig", "replace", newline="")
        while line := text.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE:
                raise BatchError(
                    f"{place.name}: a line is longer than {LONGEST_LINE:,} characters: no table of digits."
                )
            yield line
    except DAMAGE as error:
        if isinstance(error, BatchError):
            raise
        raise BatchError(f"{place.name}: cannot be read ({error}). Copy it again.") from error


def _tolerant(rows: Iterator[list[str]]) -> Iterator[list[str] | str]:
    """Rows; one that the reader cannot take apart comes as the reason why."""
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield str(error)


def _columns(name: str, head: list[str], named: bool, body: list[list[str]]) -> Columns:
    total = len(head)
    skip: set[int] = set()
    label = None
    if named:
        names = [cell.strip().lower() for cell in head]
        label = next((i for i, cell in enumerate(names) if cell in LABEL_NAMES), None)
        skip = {i for i, cell in enumerate(names) if cell in NUMBERING}
    elif not _square(total) and _square(total - 1):
        label = _unnamed_label(body) % total
    pixels = tuple(i for i in range(total) if i != label and i not in skip)
    if not _square(len(pixels)):
        raise BatchError(
            f"{name}: {len(pixels)} columns of pixels make no square image: give 784 (28x28), with or without a "
            "column named 'label'."
        )
    return Columns(total, label, pixels)


def _square(count: int) -> bool:
    return count >= 64 and math.isqrt(count) ** 2 == count


def _values(body: list[list[str]], column: int) -> set[str | None]:
    return {as_label(row[column]) for row in body if row}


def _unnamed_label(body: list[list[str]]) -> int:
    """Where the label stands in a table without a head: first, as on Kaggle, or last, as in UCI's data sets."""
    first, last = _values(body, 0), _values(body, -1)
    # A first column that is always 0 is the corner of the paper.
    paper = first == {"0"} or not first <= LABELS
    return -1 if paper and last <= LABELS and last != {"0"} else 0


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(row: list[str], columns: Columns) -> NDArray[np.float32] | str:
    if len(row) != columns.total:
        return f"has {len(row)} cells instead of {columns.total}."
    try:
        return np.array([row[i] for i in columns.pixels], dtype=np.float32)
    except ValueError as error:
        return f"holds a pixel that is not a number ({error})."


def _csv_item(source: str, row: list[str] | str, columns: Columns, top: float) -> Item:
    if isinstance(row, str):
        return Item(source, None, error=f"{source} cannot be read ({row}).")
    label = as_label(row[columns.label]) if columns.label is not None and columns.label < len(row) else None
    values = _numbers(row, columns)
    picture = values if isinstance(values, str) else as_picture(values.reshape(columns.side, columns.side), top)
    if isinstance(picture, str):
        return Item(source, None, label, error=f"{source} {picture}")
    return Item(source, picture, label, whole=True)


def _picture_column(name: str, schema: Any) -> tuple[str, str | None]:
    import pyarrow as pa

    def holds_pictures(kind: Any) -> bool:
        if pa.types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0
        if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            return pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type)
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)

    able = [field.name for field in schema if holds_pictures(field.type)]
    if not able:
        raise BatchError(
            f"{name}: none of its columns ({', '.join(schema.names[:10])}) holds pictures as bytes or lists of pixels."
        )
    picture = next((column for column in able if column.lower() in PICTURE_NAMES), able[0])
    label = next((column for column in schema.names if column.lower() in LABEL_NAMES and column != picture), None)
    return picture, label


def _parquet_top(pictures: Any) -> float:
    """Which value is white in a column of lists of pixels; 255 for pictures, which say so themselves."""
    brightest = [
        max((cell or 0 for cell in value), default=0) for value in pictures.to_pylist() if isinstance(value, list)
    ]
    return brightness_top(np.array(brightest, dtype=np.float64)) if brightest else 255.0


def _parquet_item(source: str, value: Any, label: str | None, top: float) -> Item:
    if isinstance(value, dict):
        value = value.get("bytes")
    if value is None or len(value) == 0:
        return Item(source, None, label, error=f"{source} has no picture.")
    if isinstance(value, bytes):
        if len(value) > LARGEST_PICTURE:
            return Item(source, None, label, error=f"{source} is {len(value) / 1e6:,.0f} MB: at most 100 MB.")
        return Item(source, value, label, whole=label is not None)
    pixels = np.array([np.nan if cell is None else cell for cell in value], dtype=np.float64)
    if not _square(len(pixels)):
        return Item(source, None, label, error=f"{source} has {len(pixels)} pixels, which make no square image.")
    side = math.isqrt(len(pixels))
    picture = as_picture(pixels.reshape(side, side), top)
    if isinstance(picture, str):
        return Item(source, None, label, error=f"{source} {picture}")
    return Item(source, picture, label, whole=True)
