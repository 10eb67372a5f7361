"""One step of a batch: items become ink images, ink images become rows with everything the detector says."""

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from core import ink
from core.batch.items import Item, Place
from core.errors import BatchError, OddDigitError
from core.history import clean_text
from core.ink import storage
from core.ink.picture import Source
from core.operating_point import EVIDENCES

if TYPE_CHECKING:
    from core.detector import Detector

SIDE = 28
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST_PAGES = 1_000  # of a TIFF file
_REDUCED = 254  # TIFF tag NewSubfileType, whose lowest bit says that a page is a preview of another
EDGES = ("left", "top", "right", "bottom")
SCHEMA = pa.schema(
    [
        pa.field("item", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("error", pa.string(), nullable=False),
        *(pa.field(edge, pa.int32()) for edge in EDGES),
        pa.field("image", pa.binary()),
        pa.field("reconstruction", pa.binary()),
        *(pa.field(f"score_{name}", pa.float64()) for name in EVIDENCES),
        *(pa.field(f"p_value_{name}", pa.float64()) for name in EVIDENCES),
        pa.field("digit_p_values", pa.list_(pa.float64())),
    ]
)


@dataclass(frozen=True, eq=False)
class Row:
    """A digit to judge, or a refusal.

    Attributes:
        item: position of the item it came from in the batch, from 0; several digits in one picture share it.
        source: where it came from, for people.
        label: what it is said to be, or None.
        error: why it was refused; empty when it was not.
        box: left, top, right, bottom in the upright original picture, pixels; None for a refusal.
        image: the ink image, float32 ``(28, 28)``; None for a refusal.
    """

    item: int
    source: str
    label: str | None
    error: str = ""
    box: tuple[int, ...] | None = None
    image: NDArray[np.float32] | None = None


def read_item(position: int, item: Item, whole: bool = False) -> list[Row]:
    """The digits of an item in reading order, or the one row that says why there are none.

    Args:
        position: the item's position in the batch.
        item: what was read.
        whole: take every picture as one digit, whatever shapes are in it.
    """
    source = clean_text(item.source)
    label = None if item.label is None else clean_text(item.label)
    if item.note:
        return []
    if item.picture is None:
        return [Row(position, source, label, clean_text(item.error))]
    if item.ready and isinstance(item.picture, np.ndarray):
        return [_ready(position, source, label, item.picture)]
    rows: list[Row] = []
    # The one boundary of an item: whatever goes wrong inside it is its reason and never ends the batch.
    try:
        picture = item.picture.read() if isinstance(item.picture, Place) else item.picture
        for name, page in _pages(source, picture):
            reading = ink.read(page, name=name, split=not (whole or item.whole))
            boxes = [tuple(int(edge) for edge in box) for box in reading.boxes]
            rows += [
                Row(position, name, label, "", box, image) for box, image in zip(boxes, reading.images, strict=True)
            ]
    except OddDigitError as error:
        rows.append(Row(position, source, label, clean_text(str(error))))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        rows.append(Row(position, source, label, clean_text(f"{source} cannot be read ({reason}).")))
    return rows


def _pages(name: str, picture: Source) -> Iterator[tuple[str, Source]]:
    """A picture under its name, or each page of a TIFF file that has several; previews among them are left out."""
    if not isinstance(picture, bytes) or picture[:4] not in TIFF:
        yield name, picture
        return
    with suppress(Image.UnidentifiedImageError), Image.open(io.BytesIO(picture), formats=["TIFF"]) as file:
        assert isinstance(file, TiffImageFile)
        count = file.n_frames
        if count > MOST_PAGES:
            raise BatchError(f"{name} has {count:,} pages; at most {MOST_PAGES}: split it.")
        if count > 1:
            for page in range(count):
                file.seek(page)
                if not file.tag_v2.get(_REDUCED, 0) & 1:
                    yield f"{name} page {page + 1}", file
            return
    yield name, picture


def _ready(position: int, source: str, label: str | None, pixels: NDArray[np.generic]) -> Row:
    """What ``ink.read`` makes of an ink image, which it takes as it stands; without the steps for a page."""
    rows, columns = np.logical_or.reduce(pixels, axis=1), np.logical_or.reduce(pixels, axis=0)
    ends = (SIDE - int(columns[::-1].argmax()), SIDE - int(rows[::-1].argmax()))
    box = (int(columns.argmax()), int(rows.argmax()), *ends)
    return Row(position, source, label, "", box, pixels.astype(np.float32) / np.float32(255))


def judge(rows: Sequence[Row], detector: "Detector", evidence: str) -> pa.Table:
    """Rows with all that the detector says, in the columns of ``SCHEMA``; refusals have no numbers.

    ``image`` is as ``core.ink.storage`` keeps it, ``reconstruction`` 784 uint8; ``digit_p_values`` belong to
    ``evidence``, in the order of the detector's normal digits, and are empty for a detector of one.
    """
    at = [i for i, row in enumerate(rows) if row.image is not None]
    images = np.stack([row.image for row in rows if row.image is not None]) if at else np.zeros((0, SIDE, SIDE))
    readings = detector.inspect(images.astype(np.float32)) if at else None
    columns: dict[str, list[Any]] = {
        "item": [row.item for row in rows],
        "source": [row.source for row in rows],
        "label": [row.label for row in rows],
        "error": [row.error for row in rows],
        **{edge: [None if row.box is None else row.box[i] for row in rows] for i, edge in enumerate(EDGES)},
    }
    for name in SCHEMA.names[len(columns) :]:
        columns[name] = [None] * len(rows)
    if readings is not None:
        kept = storage.to_bytes(readings.images)
        reconstructions = np.rint(np.clip(readings.reconstruction, 0, 1) * 255).astype(np.uint8)
        digits = readings.digit_p_values.get(evidence, {})
        by_digit = np.stack(list(digits.values()), axis=1) if digits else np.zeros((len(at), 0))
        for i, row in enumerate(at):
            columns["image"][row] = kept[i]
            columns["reconstruction"][row] = reconstructions[i].tobytes()
            columns["digit_p_values"][row] = by_digit[i]
            for name in EVIDENCES:
                columns[f"score_{name}"][row] = readings.scores[name][i]
                columns[f"p_value_{name}"][row] = readings.p_values[name][i]
    return pa.table(columns, schema=SCHEMA)
