"""``python -m core batch``: one command from a pile to a file."""

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result
from typer.testing import CliRunner

from core.cli.app import app
from core.history import History
from tests.support.piles import digits, folder_of


def batch(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["batch", *map(str, arguments)])


@pytest.fixture
def pile(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "pile", digits(8)[0])


def test_a_pile_becomes_a_table_a_summary_on_one_line_and_history(
    pile: Path, tmp_path: Path, tiny_shelf: tuple[str, str]
) -> None:
    result = batch(pile, "--model", "tiny-any", "--output", tmp_path / "found.csv")

    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    table = pd.read_csv(tmp_path / "found.csv")
    assert len(table) == summary["rows"] == summary["judged"] == 8
    assert summary["flagged"] == int(table["class_id"].sum())
    assert History().count().judged == 8


def test_the_history_can_be_left_alone(pile: Path, tmp_path: Path, tiny_shelf: tuple[str, str]) -> None:
    batch(pile, "--model", "tiny-5", "--output", tmp_path / "found.csv", "--no-history")

    assert History().count().judged == 0


def test_a_refused_file_is_in_the_table_and_in_the_exit_code(
    pile: Path, tmp_path: Path, tiny_shelf: tuple[str, str]
) -> None:
    (pile / "notes.txt").write_text("no digits")

    result = batch(pile, "--model", "tiny-5", "--output", tmp_path / "found.parquet")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["refused"] == 1
    table = pd.read_parquet(tmp_path / "found.parquet")
    assert table["verdict"].tolist()[-1] == "refused"


def test_a_false_discovery_rate_warns_where_it_cannot_flag(tmp_path: Path, tiny_shelf: tuple[str, str]) -> None:
    pile = folder_of(tmp_path / "pile", digits(30)[0])

    result = batch(pile, "--model", "tiny-5", "--fdr", 0.05, "--output", tmp_path / "found.csv")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["fdr"] == 0.05
    assert "flags none at all" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--alpha", "0.1", "--fdr", "0.1"], "not both"),
        (["--alpha", "2"], "between 0 and 1"),
        (["--fdr", "0"], "between 0 and 1"),
        (["--engine", "steam"], "local or ray"),
        (["--evidence", "smell"], "unknown"),
        (["--output", "found.doc"], "ends in"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_read(arguments: list[str], said: str, tmp_path: Path) -> None:
    given = [tmp_path / "missing", "--output", tmp_path / "found.csv", *arguments]

    result = batch(*given)

    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_a_missing_input_is_said_in_a_sentence(tmp_path: Path, tiny_shelf: tuple[str, str]) -> None:
    result = batch(tmp_path / "missing", "--model", "tiny-5", "--output", tmp_path / "found.csv")

    assert result.exit_code == 1
    assert "cannot be read" in result.stderr
    assert not (tmp_path / "found.csv").exists()
