"""``python -m core batch``: one command from a pile to a file."""

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result
from typer.testing import CliRunner

from core.cli.app import app
from core.history import History
from core.views import second_opinion
from tests.support.command_line import draw
from tests.support.piles import digits, folder_of, png


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


def test_a_second_opinion_is_a_column_of_its_own_and_changes_no_verdict(
    pile: Path, tmp_path: Path, tiny_shelf: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_opinion, "MODEL", "tiny-any")
    asked = (pile, "--model", "tiny-5", "--output")

    batch(*asked, tmp_path / "alone.csv", "--no-history")
    result = batch(*asked, tmp_path / "second.csv", "--second-opinion")

    alone, second = (pd.read_csv(tmp_path / f"{name}.csv", dtype=str) for name in ("alone", "second"))
    assert alone["second_opinion"].isna().all()
    pd.testing.assert_frame_equal(alone.drop(columns="second_opinion"), second.drop(columns="second_opinion"))
    kept = {verdict.source.rsplit("/", 1)[1]: verdict.second_opinion for verdict in History().browse()}
    assert kept == dict(zip(second["source"].map(lambda name: Path(name).name), second["second_opinion"], strict=True))
    passed = second[second["verdict"] == "normal"]
    doubted = sum("5" not in said.split() for said in passed["second_opinion"])
    assert json.loads(result.stdout)["doubted"] == doubted


def test_several_shapes_are_one_digit_together_and_whole_says_that_it_is_no_word_for_that(
    tmp_path: Path, tiny_shelf: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw("three.png", count=3)
    asked = ("three.png", "--model", "tiny-5", "--no-history", "--output")

    apart, together = batch(*asked, "a.csv", "--whole"), batch(*asked, "b.csv", "--together")

    assert [json.loads(result.stdout)["rows"] for result in (apart, together)] == [3, 1]
    assert "--together takes a picture as one digit" in " ".join(apart.stderr.split())
    assert "--together" not in together.stderr


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
        (["--engine", "steam"], "'local', 'ray'"),
        (["--evidence", "smell"], "'fused'"),
        (["--model", "none"], "there is no model 'none'"),
        (["missing.png"], "missing.png: cannot be read"),
        (["."], "there is no file in this folder"),
        ([""], "a name is empty"),
        (["--output", "found.doc"], "ends in"),
        (["--engine", "ray", "--output", "rows/", "--second-opinion"], "no verdict"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_read(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = batch(tmp_path, "--output", tmp_path / "found.csv", *arguments)

    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_a_hyphen_writes_the_rows_to_standard_output_and_the_history_can_be_left_alone(
    pile: Path, tmp_path: Path, tiny_shelf: tuple[str, str]
) -> None:
    batch(pile, "--model", "tiny-5", "--output", tmp_path / "found.csv", "--no-history")

    result = batch(pile, "--model", "tiny-5", "--output", "-", "--no-history")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == (tmp_path / "found.csv").read_text().splitlines()
    assert "8 judged" in result.stderr
    assert History().count().judged == 0


@pytest.mark.parametrize("suffix", ["png", "csv"])
def test_a_hyphen_reads_a_file_of_any_kind_from_standard_input(
    suffix: str, tmp_path: Path, tiny_shelf: tuple[str, str]
) -> None:
    images = digits(2)[0]
    content = png(images[0]) if suffix == "png" else "\n".join(",".join(map(str, i.ravel())) for i in images).encode()
    asked = ["batch", "-", "--model", "tiny-5", "--no-history", "--output", str(tmp_path / "found.csv")]

    result = CliRunner().invoke(app, asked, input=content)

    assert json.loads(result.stdout)["judged"] == (1 if suffix == "png" else 2)
    assert pd.read_csv(tmp_path / "found.csv")["source"].str.startswith("standard input").all()


def test_an_interrupted_batch_says_what_is_kept_and_the_same_command_goes_on(
    pile: Path, tmp_path: Path, tiny_shelf: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (pile, "--model", "tiny-5", "--output", tmp_path / "found.csv", "--no-history")

    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("core.batch.run.judge", interrupted)
        early = batch(*asked)
    with monkeypatch.context() as patch:
        patch.setattr("core.batch.export.write", interrupted)
        late = batch(*asked)
    whole = batch(*asked)

    assert (early.exit_code, late.exit_code, whole.exit_code) == (130, 130, 0)
    assert "nothing was judged and kept yet" in early.stderr
    assert "8 of about 8 items are judged and kept, and the same command goes on" in " ".join(late.stderr.split())
    assert "Going on after 8" in whole.stderr


def test_a_disk_that_refuses_ends_a_batch_in_a_sentence_and_the_next_place_goes_on(
    pile: Path, tmp_path: Path, tiny_shelf: tuple[str, str]
) -> None:
    (tmp_path / "file").write_text("no folder")

    refused = batch(pile, "--model", "tiny-5", "--output", tmp_path / "file" / "found.csv")
    written = batch(pile, "--model", "tiny-5", "--output", tmp_path / "found.csv")

    assert refused.exit_code == 1
    assert "a file lies where a folder should be" in refused.stderr
    assert written.exit_code == 0
    assert "Going on after 8" in written.stderr
