import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.files.csv import RISKY, safe_cell
from core.history import Damaged, History
from core.history.export import COLUMNS, export_csv
from core.words import clean_text
from tests.support.recorded import verdict


def exported(*verdicts: object) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    export_csv(verdicts, file)
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def test_every_verdict_is_one_line_with_its_times_scores_and_marks() -> None:
    kept = verdict(
        1, id=7, alpha=0.05, digits={"4": 0.1, "9": 0.3, "1": 0.01}, class_id=0, mark="wrong", true_label="4", time=0.0
    )

    (line,) = exported(kept)

    assert tuple(line) == COLUMNS
    assert (line["id"], line["first_seen"], line["verdict"]) == ("7", "1970-01-01T00:00:00+00:00", "normal")
    assert (line["plausible_digits"], line["mark"], line["true_label"]) == ("9 4", "wrong", "4")
    assert float(line["score_fused"]) == kept.scores["fused"]
    assert float(line["p_value_pixel"]) == kept.p_values["pixel"]


def test_a_damaged_row_is_a_line_that_says_so() -> None:
    whole, damaged = exported(verdict(1, id=1), Damaged(2))

    assert (whole["verdict"], damaged["id"], damaged["verdict"], damaged["p_value"]) == ("normal", "2", "damaged", "")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_name_that_would_be_a_formula_is_exported_as_text(name: str) -> None:
    (line,) = exported(verdict(1, source=name, true_label=name))

    assert line["source"] == f"'{name}"
    assert line["true_label"] == f"'{name}"


@given(st.text(st.characters(), max_size=40))
def test_any_name_ends_up_in_one_cell_that_begins_no_formula(name: str) -> None:
    (line,) = exported(verdict(1, source=clean_text(name)))

    cell = line["source"]
    assert not cell.startswith(RISKY) or cell == "-"
    assert cell.removeprefix("'") == clean_text(name).removeprefix("'")
    assert cell.encode().decode() == cell


def test_names_with_commas_quotes_and_line_ends_stay_in_their_cell() -> None:
    name = 'upload: "a", b\nc.png'

    assert [line["source"] for line in exported(verdict(1, source=name), verdict(2))] == [name, "upload: 2.png"]


def test_negative_numbers_stay_numbers() -> None:
    assert safe_cell(-0.5) == -0.5


def test_a_whole_history_is_exported_first_recorded_first(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    history.record_all([verdict(2), replace(verdict(1), alpha=None)])

    lines = exported(*history.each())

    assert [line["source"] for line in lines] == ["upload: 2.png", "upload: 1.png"]
    assert lines[1]["alpha"] == ""
