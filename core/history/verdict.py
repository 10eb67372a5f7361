"""A verdict as it is kept: what was judged, by what, how odd it was, and what a person said about it afterwards."""

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from time import time as now
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.calibration.prediction_set import prediction_set
from core.detector.readings import ANOMALY, NORMAL, Readings
from core.errors import HistoryError
from core.ink import storage
from core.ink.storage import SIDE
from core.operating_point import OperatingPoint
from core.words import clean_text

MARKS = ("right", "wrong")
MAPPINGS = ("scores", "p_values", "digits")  # kept as JSON
WIDE = (*MAPPINGS, "image", "checksum")  # columns of table readings; all others are in verdicts
NARROW = (
    *("time", "last_seen", "visitor", "drawing", "source", "source_kind", "model", "model_hash", "evidence"),
    *("alpha", "threshold", "p_value", "class_id", "true_label", "mark", "identity", "second_opinion"),
)
CHECKED = (*NARROW, *WIDE[:-1])  # what a row's checksum is made of


@dataclass(frozen=True, eq=False)
class Verdict:
    """One judged digit.

    Attributes:
        source: where the ink came from, for people: ``"canvas"``, ``"upload: five.png"``, ``"cli: five.png"``.
        source_kind: the same as one word to filter by: ``"canvas"``, ``"upload"``, ``"camera"``, ``"batch"`` or
            ``"cli"``.
        model: the detector's name.
        evidence: which evidence decided.
        alpha: the operating point's false-alarm rate; None with a fixed threshold.
        threshold: on the raw score axis; None when alpha was too small to flag anything.
        scores: raw score of each evidence.
        p_values: conformal p-value of each evidence.
        p_value: p-value of the evidence that decided.
        class_id: 0 normal, 1 anomaly.
        image: the ink image, float32 ``(28, 28)``, 0 paper .. 1 ink; kept bit for bit.
        digits: for models of several digits, label -> p-value; else empty.
        model_hash: which build of the model, so that a retrained one of the same name is another.
        visitor: who judged it; empty on the command line.
        drawing: id of one drawing (or upload) that is judged again while it or the threshold changes; empty for none.
        time: when it was first judged, UTC seconds since 1970.
        last_seen: when it was last judged, UTC seconds since 1970.
        true_label: what a person says it was; None while nobody has.
        mark: ``"right"`` or ``"wrong"`` as a person says of the verdict; None while nobody has.
        second_opinion: for a model of one digit, how the model of all ten reads it: ``"6"``, ``"4 9"`` or ``"none"``;
            None where it was not asked.
        id: its row in the history; 0 before it is recorded.
    """

    source: str
    source_kind: str
    model: str
    evidence: str
    alpha: float | None
    threshold: float | None
    scores: dict[str, float]
    p_values: dict[str, float]
    p_value: float
    class_id: int
    image: NDArray[np.float32]
    digits: dict[str, float | None] = field(default_factory=dict)
    model_hash: str = ""
    visitor: str = ""
    drawing: str = ""
    time: float = field(default_factory=now)
    last_seen: float = field(default_factory=now)
    true_label: str | None = None
    mark: str | None = None
    second_opinion: str | None = None
    id: int = 0

    @classmethod
    def of(cls, readings: Readings, row: int, point: OperatingPoint, **about: Any) -> Self:
        """The verdict on one row of readings at an operating point.

        Args:
            readings: what the detector said.
            row: which of them.
            point: evidence and threshold; the model's name is taken from the readings.
            **about: ``source`` and ``source_kind``, and where known ``model_hash``, ``visitor`` and ``drawing``.
        """
        threshold = readings.threshold(point)
        digits = readings.digits_by(point.evidence)
        return cls(
            model=readings.model,
            evidence=point.evidence,
            alpha=point.alpha,
            threshold=threshold if math.isfinite(threshold) else None,
            scores={name: float(values[row]) for name, values in readings.scores.items()},
            p_values={name: float(values[row]) for name, values in readings.p_values.items()},
            p_value=float(readings.p_values[point.evidence][row]),
            class_id=int(readings.class_id(point)[row]),
            image=readings.images[row],
            digits={name: float(values[row]) for name, values in digits.items()},
            **about,
        )

    @property
    def point(self) -> OperatingPoint:
        """The operating point it was judged at."""
        return OperatingPoint(self.model, self.evidence, self.alpha, self.threshold if self.alpha is None else None)

    @property
    def prediction_set(self) -> tuple[str, ...]:
        """Which normal digits the ink could be at its alpha, most plausible first; unknown with a fixed threshold."""
        return () if self.alpha is None else self.prediction_set_at(self.alpha)

    def prediction_set_at(self, alpha: float) -> tuple[str, ...]:
        """The same at the alpha that a fixed threshold stands for, which its model knows."""
        known = {name: p for name, p in self.digits.items() if p is not None}
        return prediction_set(known, alpha, self.class_id == ANOMALY)

    @property
    def truly_normal(self) -> bool | None:
        """Whether the digit is normal by a person's word; None while nobody has marked the verdict."""
        if self.mark is None:
            return None
        return (self.class_id == NORMAL) == (self.mark == "right")

    @property
    def identity(self) -> bytes:
        """Sixteen bytes that are the same for the same image, model and operating point, whoever judged it."""
        fixed = None if self.alpha is not None else self.threshold
        judged_by = _judged_by(self.model, self.model_hash, self.evidence, self.alpha, fixed)
        _check_image(self.image)
        return blake2b(np.ascontiguousarray(self.image, "<f4").tobytes() + judged_by, digest_size=16).digest()


@dataclass(frozen=True)
class Damaged:
    """A row of the history that is not what was written there: its checksum fails, or it cannot be read at all."""

    id: int


def to_rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Verdicts as the columns of the history's tables.

    Raises:
        HistoryError: an image is not ``(28, 28)``, or a class id or mark is unknown.
    """
    for verdict in verdicts:
        if verdict.class_id not in (NORMAL, ANOMALY):
            raise HistoryError(f"class id {verdict.class_id} cannot be recorded: 0 is normal, 1 is anomaly.")
        check_mark(verdict.mark)
        _check_image(verdict.image)
    images = storage.to_bytes([verdict.image for verdict in verdicts])
    rows = [_row(verdict, image) for verdict, image in zip(verdicts, images, strict=True)]
    return [row | {"checksum": checksum(*(row[name] for name in CHECKED))} for row in rows]


def checksum(*columns: Any) -> bytes:
    """Eight bytes over the columns ``CHECKED`` of a row, as SQLite gives them back.

    It is also a function of the database, so that what changes a row there keeps its checksum true.
    """
    text = [float(value) if isinstance(value, int) else value for value in columns]
    return blake2b(repr(text).encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _row(verdict: Verdict, image: bytes) -> dict[str, Any]:
    row = {name: getattr(verdict, name) for name in (*NARROW, *MAPPINGS)}
    row = {name: clean_text(value) if isinstance(value, str) else value for name, value in row.items()}
    return row | {name: json.dumps(row[name]) for name in MAPPINGS} | {"image": zlib.compress(image, level=1)}


def from_row(row: dict[str, Any]) -> Verdict | Damaged:
    """The verdict in a row that ``to_rows`` made, unless the row has been damaged since."""
    if row["checksum"] != checksum(*(row[name] for name in CHECKED)):
        return Damaged(row["id"])
    try:
        fields = {name: value for name, value in row.items() if name not in ("identity", "checksum")}
        for name in MAPPINGS:
            fields[name] = json.loads(fields[name])
        fields["image"] = storage.from_bytes(zlib.decompressobj().decompress(fields["image"], SIDE * SIDE * 4))
        return Verdict(**fields)
    except (ValueError, TypeError, KeyError, zlib.error):
        return Damaged(row["id"])


def check_mark(mark: str | None) -> None:
    """Refuse a mark that is neither None nor one of ``MARKS``.

    Raises:
        HistoryError: it is something else.
    """
    if mark is not None and mark not in MARKS:
        raise HistoryError(f"mark {mark!r} is unknown: a verdict is marked 'right', 'wrong' or not at all.")


@lru_cache(maxsize=64, typed=True)
def _judged_by(*about: str | float | None) -> bytes:
    """What all digits of a pile have in common in their identities."""
    return json.dumps(about).encode()


def _check_image(image: NDArray[np.float32]) -> None:
    if image.shape != (SIDE, SIDE):
        raise HistoryError(f"an image of shape {image.shape} cannot be recorded: an ink image is (28, 28).")
