"""One step of a batch: rows with everything that the detector says of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from core.batch.rows import SIDE, Row
from core.ink import storage
from core.operating_point import EVIDENCES

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
        digits = readings.digits_by(evidence)
        by_digit = np.stack(list(digits.values()), axis=1) if digits else np.zeros((len(at), 0))
        for i, row in enumerate(at):
            columns["image"][row] = kept[i]
            columns["reconstruction"][row] = reconstructions[i].tobytes()
            columns["digit_p_values"][row] = by_digit[i]
            for name in EVIDENCES:
                columns[f"score_{name}"][row] = readings.scores[name][i]
                columns[f"p_value_{name}"][row] = readings.p_values[name][i]
    return pa.table(columns, schema=SCHEMA)
