"""One step of a batch: rows with what the detector says of them; nothing is drawn that nobody asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.ink import storage
from core.operating_point import DISTANCES, EVIDENCES
from core.readers.rows import Row

if TYPE_CHECKING:
    from core.detector import Detector

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


def evidences(evidence: str, full: bool) -> tuple[str, ...]:
    """Which evidences the rows of a batch have: all where digits are drawn, as they are for an evidence that needs it.

    >>> evidences("fused", full=False), len(evidences("pixel", full=False))
    (('manifold', 'fused'), 5)
    """
    return DISTANCES if evidence in DISTANCES and not full else EVIDENCES


def judge(rows: Sequence[Row], detector: "Detector", evidence: str, full: bool = False) -> pa.Table:
    """Rows with what the detector says, in the columns of ``SCHEMA``; refusals have no numbers.

    ``image`` is as ``core.ink.storage`` keeps it, ``reconstruction`` 784 uint8; ``digit_p_values`` belong to
    ``evidence``, in the order of the detector's normal digits, and are empty for a detector of one. What would have to
    be drawn is empty, unless digits are (``evidences``).
    """
    at = np.flatnonzero([row.image is not None for row in rows])
    columns: dict[str, Any] = {
        "item": [row.item for row in rows],
        "source": [row.source for row in rows],
        "label": [row.label for row in rows],
        "error": [row.error for row in rows],
        **{edge: [None if row.box is None else row.box[i] for row in rows] for i, edge in enumerate(EDGES)},
    }

    def fill(name: str, values: Sequence[Any] | NDArray[Any]) -> None:
        cells = np.full(len(rows), None, dtype=object)
        for row, value in zip(at, values, strict=True):
            cells[row] = value
        columns[name] = cells

    if len(at):
        images = np.stack([row.image for row in rows if row.image is not None]).astype(np.float32)
        names = evidences(evidence, full)
        if names == DISTANCES:
            scores = detector.scores(images)
        else:
            scores = readings = detector.inspect(images)
            fill("reconstruction", [drawing.tobytes() for drawing in storage.grey(readings.reconstruction)])
        fill("image", storage.to_bytes(scores.images))
        digits = scores.digits_by(evidence)
        fill("digit_p_values", np.stack(list(digits.values()), axis=1) if digits else np.zeros((len(at), 0)))
        for name in names:
            fill(f"score_{name}", scores.scores[name].tolist())
            fill(f"p_value_{name}", scores.p_values[name].tolist())
    return pa.table({name: columns.get(name, [None] * len(rows)) for name in SCHEMA.names}, schema=SCHEMA)
