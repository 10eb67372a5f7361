"""Corrections: labels that a person has set right in a batch, kept beside its rows, and the corrected set."""

import io
import json
import re
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path

from core.batch.export import digit_files
from core.batch.findings import Review
from core.batch.store import Store
from core.datasets.own import UNLABELLED
from core.errors import BatchError
from core.files.atomic import write_whole
from core.files.csv import write_csv

LONGEST = 120  # letters of a label
COLUMNS = ("number", "source", "label", "corrected_label", "file")
_writing = threading.Lock()


def read(store: Store) -> dict[int, str]:
    """Labels by row, as set right so far; a label equal to the one the row came with says that it is right.

    Raises:
        BatchError: the file is damaged.
    """
    file = _file(store)
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return {int(row): _checked(label) for row, label in kept.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise BatchError(f"{file} is damaged ({error}): delete it, and set the labels right anew.") from error


def correct(store: Store, labels: Mapping[int, str | None]) -> None:
    """Set labels right.

    Args:
        store: the batch.
        labels: the right label by row; None takes a correction back.

    Raises:
        BatchError: no row of the batch, or no label.
        WriteError: the folder cannot be written.
    """
    _, rows = store.done
    for row in labels:
        if not 0 <= row < rows:
            raise BatchError(f"{store.job.title}: there is no row {row + 1:,}.")
    with _writing:
        kept = read(store) | {row: _checked(label) for row, label in labels.items() if label is not None}
        for row in [row for row, label in labels.items() if label is None]:
            kept.pop(row, None)
        text = json.dumps({str(row): kept[row] for row in sorted(kept)})
        write_whole(_file(store), lambda part: part.write_text(text, encoding="utf-8"))


def changed(review: Review, corrections: Mapping[int, str]) -> int:
    """How many of the corrections give a row another label than it came with."""
    return sum(review.label[row] != label for row, label in corrections.items())


def write_zip(review: Review, path: Path | io.BytesIO, corrections: Mapping[int, str]) -> None:
    """Write the corrected set: every judged digit in a folder named after its right label, and a table of all labels.

    It can be handed in as a batch again, or trained on: what is no digit has a folder, so a label, of its own.
    """
    lines = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for row, name, png in digit_files(review, range(len(review))):
            label = corrections.get(row, review.label[row])
            file = f"{_folder_name(label)}/{name}"
            archive.writestr(file, png)
            lines.append((row + 1, review.source[row], review.label[row], label, file))
        text = io.StringIO(newline="")
        write_csv(text, COLUMNS, lines)
        archive.writestr("labels.csv", text.getvalue())


def _file(store: Store) -> Path:
    return store.folder / "corrections.json"


def _checked(label: object) -> str:
    if not isinstance(label, str) or not 0 < len(label) <= LONGEST:
        raise BatchError(f"{label!r} is no label: give up to {LONGEST} letters or digits.")
    return label


def _folder_name(label: str | None) -> str:
    """A label as a folder that every system takes: labels come from other people's files.

    >>> _folder_name("7"), _folder_name("../a:b"), _folder_name("no digit"), _folder_name(None)
    ('7', 'a_b', 'no digit', 'unlabelled')
    """
    return re.sub(r"[^\w -]+", "_", label or UNLABELLED).strip("_ ") or UNLABELLED
