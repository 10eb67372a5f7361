"""Parquet tables of digits: pictures as bytes, as data sets store them, lists of pixels, or a column a pixel."""

import base64
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.errors import BatchError
from core.ink.containers import is_picture
from core.ink.picture import SUFFIXES
from core.readers.arrays import MOST_IMAGES
from core.readers.columns import LOOK, guessed, hot, is_square, label_column, named
from core.readers.items import FOLDERS, LARGEST_PICTURE, Item, Place, as_label
from core.readers.rewriting import pixels_in
from core.readers.stacks import Form, StackReader
from core.readers.unpack import DAMAGE

PICTURE_NAMES = ("image", "img", "picture", "bytes", "png", "pixels", "data", "x")
LARGEST_GROUP = 4 << 30  # bytes that one row group may claim to unpack to
TOGETHER = 128
# Arrow sets a gigabyte of addresses aside when first asked, which is all that a reader with limits may add.
pa.allocate_buffer(1)
_PATHS = f"holds paths of pictures and not the pictures: {FOLDERS}"


@dataclass(frozen=True)
class Layout:
    """Where things stand: one column of pictures or as many as pixels, and that of the labels, ten, or none."""

    pictures: tuple[str, ...]
    label: tuple[str, ...]
    note: str = ""


def read_parquet(place: Place, start: int = 0, stop: int | None = None) -> Iterator[Item]:
    """The rows of a Parquet file.

    Args:
        place: the file.
        start: first row.
        stop: one past the last row; None reads to the end.

    Raises:
        BatchError: damaged, too many rows, or no column holds pictures.
    """
    with ExitStack() as stack:
        try:
            table = stack.enter_context(pq.ParquetFile(stack.enter_context(place.open()), buffer_size=1 << 20))
            groups = [table.metadata.row_group(i) for i in range(table.metadata.num_row_groups)]
            if any(group.total_byte_size > LARGEST_GROUP for group in groups):
                raise BatchError(f"{place.name}: a row group claims more than 4 GB: write it with smaller row groups.")
            layout = _layout(place.name, table)
            if layout.note:
                yield Item(place.name, None, note=f"{place.name}: {layout.note}")
            ends = np.cumsum([group.num_rows for group in groups], dtype=np.int64).tolist()
            begins = [0, *ends][: len(ends)]
            last = ends[-1] if stop is None and ends else stop or 0
            if last - start > MOST_IMAGES:
                raise BatchError(f"{place.name}: {last - start:,} rows; at most {MOST_IMAGES:,}. Take a part of it.")
            chosen = [i for i, begin in enumerate(begins) if begin < last and ends[i] > start]
            at = begins[chosen[0]] if chosen else 0
            reader = StackReader(place.name, max(at, start))
            for batch in table.iter_batches(TOGETHER, row_groups=chosen, columns=[*layout.pictures, *layout.label]):
                rows = batch.slice(max(0, start - at), max(0, last - max(at, start)))
                at += len(batch)
                if len(rows):
                    yield from _items(rows, layout, reader)
        except (pa.ArrowException, *DAMAGE) as error:
            if isinstance(error, BatchError):
                raise
            if isinstance(error, MemoryError):
                raise BatchError(f"{place.name}: unpacks to more than a reader's memory.") from error
            raise BatchError(f"{place.name}: is not a whole Parquet file ({error}). Copy it again.") from error


def count(place: Place) -> int:
    """How many rows a Parquet file has."""
    with place.open() as file:
        return int(pq.ParquetFile(file).metadata.num_rows)


def columns(place: Place) -> list[str]:
    """The names of the columns; none where the file is damaged."""
    try:
        with place.open() as file:
            return list(pq.ParquetFile(file).schema_arrow.names)
    except (pa.ArrowException, *DAMAGE):
        return []


def _layout(name: str, table: pq.ParquetFile) -> Layout:
    schema = table.schema_arrow
    at = label_column(schema.names)
    label = () if at is None else (schema.names[at],)
    able = {field.name: rank for field in schema if (rank := _rank(field.type)) and (field.name,) != label}
    if able:
        picture = max(able, key=lambda column: (column.lower() in PICTURE_NAMES, able[column]))
        if label:
            return Layout((picture,), label)
    small = [field.name for field in schema if _is_number(field.type) or _is_text(field.type)]
    first = next(table.iter_batches(LOOK, columns=small), None) if small else None
    rows = [] if first is None else [list(row.values()) for row in first.to_pylist()]
    if able:
        chosen, note = guessed(small, rows, range(len(small)))
        return Layout((picture,), tuple(small[i] for i in chosen), note)
    columns = named(small, rows)
    if columns is not None and all(_is_number(schema.field(small[i]).type) for i in columns.pixels):
        return Layout(tuple(small[i] for i in columns.pixels), tuple(small[i] for i in columns.label), columns.note)
    texts = [i for i, column in enumerate(small) if _is_text(schema.field(column).type) and (column,) != label]
    for i in texts:
        if any(_decoded(row[i]) is not None or pixels_in(str(row[i])) for row in rows):
            return Layout((small[i],), label)
    for i in texts:
        if any(str(row[i]).lower().endswith(SUFFIXES) for row in rows):
            raise BatchError(f"{name}: '{small[i]}' {_PATHS}")
    raise BatchError(
        f"{name}: none of its columns ({', '.join(schema.names[:10])}) holds pictures as bytes or lists of pixels, and "
        f"{sum(_is_number(field.type) for field in schema)} columns of numbers make no square image."
    )


def _rank(kind: Any) -> int:
    """How surely a column of a type holds pictures: 3 bytes, 2 lists of rows, 1 lists of numbers, 0 no."""
    kind = _plain(kind)
    if pa.types.is_struct(kind):
        return 3 * (kind.get_field_index("bytes") >= 0)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return 3
    nested = 0
    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind, nested = kind.value_type, nested + 1
    return min(nested, 2) if nested <= 3 and _is_number(kind) else 0


def _plain(kind: Any) -> Any:
    """The type of what a column holds: of an extension what it is stored as, of a dictionary what stands in it."""
    kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_number(kind: Any) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def _is_text(kind: Any) -> bool:
    kind = _plain(kind)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _items(rows: pa.RecordBatch, layout: Layout, reader: StackReader) -> Iterator[Item]:
    labels = _labels([rows.column(name).to_pylist() for name in layout.label], len(rows))
    if len(layout.pictures) > 1:
        wide = np.stack([rows.column(name).to_numpy(zero_copy_only=False) for name in layout.pictures], axis=1)
        side = math.isqrt(len(layout.pictures))
        yield from reader.items(wide.reshape(len(rows), side, side).astype(np.float64), labels)
        return
    column = rows.column(layout.pictures[0])
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    values = [_unwrapped(value) for value in column.to_pylist()]
    if reader.brightness is None:
        yield from _look(values, reader)
    for value, label in zip(values, labels, strict=True):
        yield from _item(value, label, reader)


def _labels(columns: list[list[Any]], count: int) -> list[object]:
    """A label for each row, of one column, one-hot in ten, or one-hot in a list."""
    if len(columns) != 1:
        return [hot(cells) for cells in zip(*columns, strict=True)] or [None] * count
    cells = (None if isinstance(cell, dict) else cell for cell in columns[0])
    return [cell if not isinstance(cell, list) else cell[0] if len(cell) == 1 else hot(cell) for cell in cells]


def _unwrapped(value: Any) -> Any:
    """What a cell holds: a picture's bytes, pixels, a path, or nothing."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str):
        value = _decoded(value) or ((pixels := pixels_in(value)) and [float(pixel) for pixel in pixels]) or value
    if isinstance(value, bytes) and is_square(len(value)) and not is_picture(value):
        return list(value)  # the pixels themselves
    return value


def _decoded(text: object) -> bytes | None:
    """The bytes of a picture, or of square pixels, written in base64."""
    try:
        data = base64.b64decode(str(text).partition("base64,")[2] or str(text), validate=True)
    except ValueError:
        return None
    return data if is_picture(data) or is_square(len(data)) else None


def _item(value: Any, label: object, reader: StackReader) -> Iterator[Item]:
    if isinstance(value, str):
        yield reader.refusal(_PATHS, label)
    elif value is None or len(value) == 0:
        yield reader.refusal("has no picture.", label)
    elif isinstance(value, bytes):
        if len(value) > LARGEST_PICTURE:
            yield reader.refusal(f"is {len(value) / 1e6:,.0f} MB: at most 100 MB.", label)
            return
        reader.number += 1
        name = as_label(label)
        yield Item(f"{reader.source} #{reader.number}", value, name, together=name is not None)
    elif isinstance(image := _image(value), str):
        yield reader.refusal(image, label)
    else:
        yield from reader.items(image, [label])


def _look(values: Sequence[Any], reader: StackReader) -> Iterator[Item]:
    """Let the reader judge by the rows that are images of the first one's size."""
    images = [
        image
        for value in values
        if isinstance(value, list) and value and isinstance(image := _image(value), np.ndarray)
    ]
    if images:
        yield from reader.look(np.concatenate([image for image in images if image.shape == images[0].shape]))


def _image(value: Sequence[Any]) -> NDArray[np.float64] | str:
    """Pixels in lists as one grey image ``(1, h, w)``, or why they are none."""
    try:
        array = np.array(value, dtype=np.float64)
    except (ValueError, TypeError):
        return "has rows of unequal length, or a cell that is no number."
    if array.ndim == 1 and not is_square(len(array)):
        return f"has {len(array)} pixels, which make no square image."
    form = Form.of((1, *array.shape))
    return (
        f"has shape {array.shape}, which is no image."
        if form is None
        else np.asarray(form.grey(array[None]), np.float64)
    )
