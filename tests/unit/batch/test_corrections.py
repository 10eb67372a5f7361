"""Labels that a person has set right: kept, taken back, and taken away as a set that can be handed in again."""

import csv
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from core.batch import corrections
from core.batch.findings import Review, Rule
from core.batch.score import SCHEMA
from core.batch.store import Job, Store
from core.errors import BatchError
from core.operating_point import OperatingPoint
from core.training.run import EVERY_LABEL, wanted_labels
from core.words import NO_DIGIT
from tests.support.formats import read
from tests.unit.batch.test_findings import CALIBRATION, row

POINT = OperatingPoint("stand-in")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Four rows labelled 5, 5, ../3 and nothing; the last but one could not be read."""
    rows = [row(1, "5"), row(2, "5"), row(None, "../3"), row(3)]
    store = Store.create(tmp_path / "batch", Job("pile", POINT, None, ("5",), "hash"), CALIBRATION)
    store.append(pa.Table.from_pylist(rows, schema=SCHEMA), len(rows), 0)
    return store


def test_labels_are_kept_and_taken_back(store: Store) -> None:
    corrections.correct(store, {0: "3", 1: "5"})
    corrections.correct(store, {0: None, 3: "8"})

    assert corrections.read(store) == {1: "5", 3: "8"}
    assert corrections.changed(Review(store, Rule(POINT)), corrections.read(store)) == 1


@pytest.mark.parametrize("labels", [{4: "5"}, {-1: "5"}, {0: ""}, {0: "5" * 200}])
def test_what_is_no_row_or_no_label_is_refused_and_changes_nothing(store: Store, labels: dict[int, str]) -> None:
    corrections.correct(store, {0: "3"})

    with pytest.raises(BatchError):
        corrections.correct(store, labels)

    assert corrections.read(store) == {0: "3"}


@pytest.mark.parametrize("content", ["", "[]", '{"a": "5"}', '{"1": 5}', "\x00"])
def test_a_damaged_file_is_said(store: Store, content: str) -> None:
    (store.folder / "corrections.json").write_text(content)

    with pytest.raises(BatchError):
        corrections.read(store)


def test_the_corrected_set_has_every_digit_in_the_folder_of_its_right_label(store: Store) -> None:
    corrections.correct(store, {1: "3"})
    buffer = io.BytesIO()

    corrections.write_zip(Review(store, Rule(POINT)), buffer, corrections.read(store))

    with zipfile.ZipFile(buffer) as archive:
        names = archive.namelist()
        lines = list(csv.DictReader(io.StringIO(archive.read("labels.csv").decode())))
    assert [name.split("/")[0] for name in names] == ["5", "3", "unlabelled", "labels.csv"]
    assert [(line["label"], line["corrected_label"]) for line in lines] == [("5", "5"), ("5", "3"), ("", "")]
    assert [line["file"] for line in lines] == names[:3]


def test_what_is_no_digit_keeps_a_folder_of_its_own_and_no_training_on_every_label_takes_it(
    store: Store, tmp_path: Path
) -> None:
    corrections.correct(store, {1: NO_DIGIT})
    corrected = tmp_path / "pile-corrected.zip"

    corrections.write_zip(Review(store, Rule(POINT)), corrected, corrections.read(store))

    labels = [item.label for item in read(corrected)]
    assert labels[:2] == ["5", NO_DIGIT]
    assert wanted_labels((EVERY_LABEL,), [label for label in labels if label]) == ("5",)


def test_the_corrected_set_is_handed_in_again_whole_and_nothing_in_it_is_refused(store: Store, tmp_path: Path) -> None:
    corrections.correct(store, {1: "3"})
    corrected = tmp_path / "pile-corrected.zip"

    corrections.write_zip(Review(store, Rule(POINT)), corrected, corrections.read(store))

    items = read(corrected)
    assert [item.label for item in items] == ["5", "3", None, None]
    assert not any(item.error for item in items)
    assert items[-1].note.endswith("holds results of this program: left out.")
