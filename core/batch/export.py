"""What leaves a batch: a table for spreadsheets, a Parquet file with pictures, a zip of chosen digits, the history."""

import csv
import io
import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.batch.findings import Review
from core.batch.score import EDGES, SCHEMA, evidences
from core.detector.readings import ANOMALY, NORMAL
from core.errors import BatchError
from core.files.atomic import write_whole
from core.files.csv import write_csv
from core.history import History, Verdict
from core.ink import storage
from core.operating_point import EVIDENCES

SUFFIXES = (".csv", ".parquet", ".zip")
MEANINGS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("number", "source"), "place in the batch, from 1; the file, and where in it"),
    (EDGES, "the digit's box in its picture, in pixels"),
    (("model", "evidence", "alpha", "threshold"), "what decided: a score above the threshold is an anomaly"),
    (("verdict", "class_id"), "normal (0), anomaly (1), or refused"),
    (("p_value", "anomaly_score"), "share of normal digits that look at least this odd; 1 minus it"),
    (("score",), "by the evidence that decided; higher is odder"),
    (("label",), "as it was handed in"),
    (("plausible_digits",), "what the ink could be, with a model of several digits"),
    (
        ("second_opinion",),
        "how the network that knows all ten digits reads it, beside a model of one digit; none: as no digit",
    ),
    (("label_p_value",), "share of digits of that label that look at least this odd as it"),
    (("suspicion",), "how much better another digit explains the ink, in powers of ten: sort by it to check labels"),
    (("label_disagrees",), "yes where the label is none of the plausible digits"),
    (("probably_mislabelled",), "yes where another digit is more plausible, too: about one in ten is right after all"),
    (
        tuple(f"score_{name}" for name in EVIDENCES),
        "by each evidence; those of drawings where every digit was drawn (`--full`)",
    ),
    (tuple(f"p_value_{name}" for name in EVIDENCES), "likewise"),
    (("error",), "why a picture was refused, and what helps"),
)
_TEXT = {"source", "model", "evidence", "verdict", "label", "plausible_digits", "second_opinion"}
_TEXT |= {"label_disagrees", "probably_mislabelled", "error"}
_WHOLE = {"number", *EDGES, "class_id"}
COLUMNS: dict[str, pa.DataType] = {
    name: pa.string() if name in _TEXT else pa.int64() if name in _WHOLE else pa.float64()
    for names, _ in MEANINGS
    for name in names
}
PICTURES = {"image": pa.binary(), "reconstruction": pa.binary()}


def write(review: Review, path: Path) -> str:
    """Write a file of the kind its suffix names: every row as ``.csv`` or ``.parquet``, the flagged as ``.zip``.

    Returns:
        what to say where it took the place of a larger one; empty otherwise.

    Raises:
        BatchError: another suffix.
        WriteError: the file cannot be written.
    """
    check_suffix(path)
    before = rows_in(path)
    writers = {".csv": _to_csv, ".parquet": write_parquet, ".zip": _to_zip}
    write_whole(path, partial(writers[path.suffix], review))
    after = rows_in(path)
    return f"{path} held {before:,} rows and now holds {after:,}." if after < before else ""


def columns_of(review: Review) -> dict[str, pa.DataType]:
    """The columns of a batch's table, in order: without evidences and reconstruction of what was not drawn."""
    job = review.store.job
    undrawn = set(EVIDENCES) - set(evidences(job.point.evidence, job.manner.full))
    left_out = {f"{kind}_{name}" for kind in ("score", "p_value") for name in undrawn}
    left_out |= {"reconstruction"} if undrawn else set()
    return {name: kind for name, kind in (COLUMNS | PICTURES).items() if name not in left_out}


def explained() -> str:
    """What the columns of a table say, as a markdown table."""
    lines = [f"| {', '.join(f'`{name}`' for name in names)} | {meaning} |" for names, meaning in MEANINGS]
    return "\n".join(["| column | what it says |", "|---|---|", *lines]) + "\n"


def rows_in(path: Path) -> int:
    """How many rows a table lists, or digits a zip holds, that was written before; 0 where there is none."""
    try:
        if path.suffix == ".csv":
            with path.open(newline="", encoding="utf-8", errors="replace") as file:
                return max(0, sum(1 for _ in csv.reader(file)) - 1)
        if path.suffix == ".parquet":
            return int(pq.ParquetFile(path).metadata.num_rows)
        with zipfile.ZipFile(path) as archive:
            return max(0, len(archive.namelist()) - 1)
    # Whatever it is, it is no earlier output.
    except (OSError, ValueError, csv.Error, pa.ArrowException, zipfile.BadZipFile):
        return 0


def check_suffix(path: Path) -> None:
    """Refuse a name that does not say what to write.

    Raises:
        BatchError: its suffix is none of ``SUFFIXES``.
    """
    if path.suffix not in SUFFIXES:
        raise BatchError(f"{path}: name a file that ends in .csv, .parquet or .zip (of the flagged digits).")


def export_csv(review: Review, file: TextIO, rows: Sequence[int] | None = None) -> None:
    """Write one line a row under its columns, in the batch's order and with its numbers; no text opens as a formula.

    Args:
        review: the batch under its rule.
        file: opened with ``newline=""``.
        rows: these alone, in this order; None for all.
    """
    names = [name for name in columns_of(review) if name not in PICTURES]
    lines = (
        (start + i, line)
        for start, table in _parts(review, names)
        for i, line in enumerate(zip(*_columns(review, start, table).values(), strict=True))
    )
    if rows is None:
        chosen = (line for _, line in lines)
    else:
        wanted = {int(row) for row in rows}
        kept = {row: line for row, line in lines if row in wanted}
        chosen = (kept[int(row)] for row in rows)
    write_csv(file, names, chosen)


def write_parquet(review: Review, path: Path | io.BytesIO) -> None:
    """Write every row with its picture as PNG (light ink on black), in full tables its reconstruction too."""
    schema = pa.schema(columns_of(review))
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start, table in _parts(review, schema.names):
            columns = _columns(review, start, table)
            for name in PICTURES.keys() & columns.keys():
                columns[name] = [_image_png(data) for data in columns[name]]
            writer.write_table(pa.table(columns, schema=schema))


def write_zip(review: Review, path: Path | io.BytesIO, rows: Sequence[int] | NDArray[np.int64]) -> None:
    """Write chosen digits as pictures, numbered as in the batch, with their lines of the table beside them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        text = io.StringIO(newline="")
        export_csv(review, text, [int(row) for row in rows])
        archive.writestr("digits.csv", text.getvalue())
        for _, name, png in digit_files(review, rows):
            archive.writestr(name, png)


def digit_files(review: Review, rows: Sequence[int] | NDArray[np.int64]) -> Iterator[tuple[int, str, bytes]]:
    """The judged of some rows as files to take away: row, name numbered as in the batch, PNG (light ink on black)."""
    for at in range(0, len(rows), 500):
        some = [int(row) for row in rows[at : at + 500]]
        for row, image in zip(some, review.store.pictures(some), strict=True):
            if review.judged[row]:
                yield row, f"{row + 1:06d}_{_file_name(review.source[row])}.png", storage.png(storage.grey(image))


def verdicts(review: Review) -> Iterator[Verdict]:
    """Every judged digit as the history records it, a part of the batch in memory at a time."""
    job, point = review.store.job, review.point
    threshold = review.threshold if math.isfinite(review.threshold) else None
    known = evidences(point.evidence, job.manner.full)
    scores, p_values = ([f"{kind}_{name}" for name in known] for kind in ("score", "p_value"))
    decided = known.index(point.evidence)
    for start, table in _parts(review, ["source", "image", "digit_p_values", *scores, *p_values]):
        columns = table.to_pydict()
        by_evidence = [list(zip(*(columns[name] for name in names), strict=True)) for names in (scores, p_values)]
        for i in np.flatnonzero(review.judged[start : start + len(table)]).tolist():
            p = by_evidence[1][i]
            yield Verdict(
                source=f"batch: {columns['source'][i]}",
                source_kind="batch",
                model=point.model,
                evidence=point.evidence,
                alpha=point.alpha,
                threshold=threshold,
                scores=dict(zip(known, by_evidence[0][i], strict=True)),
                p_values=dict(zip(known, p, strict=True)),
                p_value=p[decided],
                class_id=ANOMALY if review.flagged[start + i] else NORMAL,
                image=storage.from_bytes(columns["image"][i]),
                digits=dict(zip(job.normal, columns["digit_p_values"][i], strict=False)),
                second_opinion=_second(review, start + i),
                model_hash=job.model_hash,
                visitor=job.visitor,
            )


def keep(review: Review) -> None:
    """Record every verdict in the history.

    Raises:
        HistoryError: the history cannot be written; the batch itself stands.
    """
    History(visitor=review.store.job.visitor).record_all(verdicts(review))


def _to_csv(review: Review, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        export_csv(review, file)


def _to_zip(review: Review, path: Path) -> None:
    write_zip(review, path, review.order("flagged"))


def _parts(review: Review, columns: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
    """What is stored of columns part by part, each with the position of its first row."""
    start = 0
    for table in review.store.tables([name for name in columns if name in SCHEMA.names]):
        yield start, table
        start += len(table)


def _columns(review: Review, start: int, table: pa.Table) -> dict[str, list[Any]]:
    """Some rows of the table, column by column in order: what is stored, and what the rule makes of it."""
    rows = slice(start, start + len(table))
    judged = review.judged[rows]
    known = judged & ~np.isnan(review.labels.p_value[rows])
    flagged = review.flagged[rows]

    def only(values: NDArray[Any] | float | str | None, where: NDArray[np.bool_] = judged) -> list[Any]:
        """Plain values, None where they do not hold."""
        kept = np.full(len(table), None, dtype=object)
        kept[where] = values[where].tolist() if isinstance(values, np.ndarray) else values
        return kept.tolist()

    columns: dict[str, list[Any]] = {name: table[name].to_pylist() for name in table.column_names}
    columns |= {
        "number": list(range(start + 1, start + 1 + len(table))),
        "error": [error or None for error in columns["error"]],
        "model": only(review.point.model),
        "evidence": only(review.point.evidence),
        "alpha": only(review.point.alpha),
        "threshold": only(review.threshold if math.isfinite(review.threshold) else None),
        "verdict": np.where(judged, np.where(flagged, "anomaly", "normal"), "refused").tolist(),
        "class_id": only(np.where(flagged, ANOMALY, NORMAL)),
        "p_value": only(review.p_value[rows]),
        "anomaly_score": only(1 - review.p_value[rows]),
        "score": only(review.score[rows]),
        "plausible_digits": [None] * len(table),
        "second_opinion": [_second(review, row) for row in range(start, start + len(table))],
        "label_p_value": only(review.labels.p_value[rows], known),
        "suspicion": only(review.labels.suspicion[rows], known),
        "label_disagrees": only(np.where(review.labels.disagreeing[rows], "yes", "no"), known),
        "probably_mislabelled": only(np.where(review.labels.mislabelled[rows], "yes", "no"), known),
    }
    if review.digits.shape[1]:
        for i in np.flatnonzero(judged).tolist():
            columns["plausible_digits"][i] = " ".join(review.prediction_set(start + i))
    return {name: columns[name] for name in COLUMNS | PICTURES if name in columns}


def _second(review: Review, row: int) -> str | None:
    opinion = review.second_opinion(row)
    return None if opinion is None else opinion.field


def _file_name(source: str) -> str:
    """The end of a source as a file name that every system takes.

    >>> _file_name("../a/=cmd|five.png"), _file_name("Stücke.idx #17")
    ('cmd_five', 'Stücke_17')
    """
    last = PurePosixPath(source.replace("\\", "/")).name
    stem = re.sub(r"\.(png|jpe?g|bmp|gif|webp|tiff?|idx|npz?|npy|csv|parquet)(?=$| #)", "", last, flags=re.IGNORECASE)
    return safe_name(stem, "digit")


def safe_name(text: str, otherwise: str) -> str:
    """Text as the name of a file that every system takes, without its ending."""
    return re.sub(r"[^\w-]+", "_", text).strip("_")[:60] or otherwise


def _image_png(data: bytes | None) -> bytes | None:
    return None if data is None else storage.png(storage.grey(storage.from_bytes(data)))
