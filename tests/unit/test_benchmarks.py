"""What benchmarks share: rows that survive a crash, results, methods that are chosen, and what is never shipped."""

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from benchmarks import common, results
from benchmarks.detection import one_class, outliers
from benchmarks.speed import scans
from core import datasets, paths
from scripts import ship


def rows_in(folder: Path) -> common.Rows:
    return common.Rows(folder / "rows.csv", ("method", "digit", "auroc"), ("method", "digit"))


def repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository that stands for this one, everything in it committed."""
    for name in ("core.py", "benchmarks/results.md", "benchmarks/tables/speed.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("old")
    (folder / ".gitignore").write_text("/state\n")
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    monkeypatch.setattr(paths, "ROOT", folder)


def test_a_row_is_there_for_the_next_run(tmp_path: Path) -> None:
    rows_in(tmp_path).append({"method": "a, b", "digit": 5, "auroc": 0.25})

    assert rows_in(tmp_path).find(method="a, b", digit=5) == {"method": "a, b", "digit": "5", "auroc": "0.250000"}
    assert rows_in(tmp_path).find(method="a, b", digit=6) is None


def test_a_row_measured_again_replaces_the_old_one(tmp_path: Path) -> None:
    rows = rows_in(tmp_path)
    rows.append({"method": "a", "digit": 5, "auroc": 0.25})
    rows.append({"method": "a", "digit": 5, "auroc": 0.75})

    assert [row["auroc"] for row in rows.read()] == ["0.750000"]


def test_a_row_cut_short_by_a_crash_is_measured_again(tmp_path: Path) -> None:
    rows = rows_in(tmp_path)
    rows.append({"method": "a", "digit": 5, "auroc": 0.25})
    with rows.file.open("a") as out:
        out.write("a,6,0.9")

    assert rows.find(method="a", digit=6) is None
    rows.append({"method": "a", "digit": 6, "auroc": 0.5})

    assert [(row["digit"], row["auroc"]) for row in rows.read()] == [("5", "0.250000"), ("6", "0.500000")]


def test_writing_a_section_again_leaves_the_others_alone(tmp_path: Path) -> None:
    file = tmp_path / "results.md"
    results.put("First", "old", file)
    results.put("Second, kept", "### A part\n\nkept", file)

    results.put("First", "new", file)

    assert file.read_text() == (
        "# Results\n\n- [First](#first)\n- [Second, kept](#second-kept)\n\n"
        "## First\n\nnew\n\n## Second, kept\n\n### A part\n\nkept\n"
    )


def test_tables_are_kept_as_csv_and_go_with_their_section(tmp_path: Path) -> None:
    file = tmp_path / "results.md"
    tables = [results.table(["digit", "AUROC"], [[5, auroc]]) for auroc in (0.25, 0.5)]

    results.put("Two tables", "\nand\n\n".join(tables), file)
    (tmp_path / "tables" / "of-yesterday.csv").touch()
    results.put("Two tables", "\nand\n\n".join(tables), file)

    assert {csv.name: csv.read_text() for csv in (tmp_path / "tables").iterdir()} == {
        "two-tables.csv": "digit,AUROC\n5,0.2500\n",
        "two-tables-2.csv": "digit,AUROC\n5,0.5000\n",
    }


def test_no_figure_of_a_tree_with_changes_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository(tmp_path, monkeypatch)
    assert results.Report(write=True)

    (tmp_path / "core.py").write_text("changed = 1\n")

    assert results.Report(write=False)
    with pytest.raises(SystemExit, match="commit them first"):
        results.Report(write=True)


def test_what_benchmarks_write_stands_in_the_way_of_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository(tmp_path, monkeypatch)

    for name in ("results.md", "tables/speed.csv"):
        (tmp_path / "benchmarks" / name).write_text("new")

    assert results.Report(write=True)


def test_a_section_says_by_which_command_at_which_commit_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository(tmp_path, monkeypatch)
    monkeypatch.setattr(results.__main__, "__spec__", SimpleNamespace(name="benchmarks.speed.scale"))
    monkeypatch.setattr(sys, "argv", ["scale.py", "--workers", "1", "--write"])
    monkeypatch.setattr(results, "put", lambda section, text: written.append((section, text)))
    written: list[tuple[str, str]] = []

    results.Report(write=True).publish("Scale", "two workers")

    ((section, text),) = written
    assert section == "Scale"
    assert text.startswith("`python -m benchmarks.speed.scale --workers 1 --write`, ")
    assert f"commit {results.commit()}\n" in text
    assert text.endswith("\n\ntwo workers\n")
    assert capsys.readouterr().out == text


def test_rows_of_a_tree_with_changes_lie_outside_the_repository(
    tmp_path: Path, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(tmp_path, monkeypatch)
    inside = common.rows_of("speed/rows", ("digit",), ("digit",)).file

    (tmp_path / "core.py").write_text("changed = 1\n")
    outside = common.rows_of("speed/rows", ("digit",), ("digit",)).file

    assert inside == results.BENCHMARKS / "speed" / "rows.csv"
    assert state_dir in outside.parents


def test_no_outlier_bears_the_name_of_a_digit() -> None:
    for part in outliers.SETS:
        assert not set(part.label_names) & set("0123456789")


def test_letters_that_look_like_digits_are_left_out() -> None:
    letters = outliers.SETS[0]
    labels = np.arange(26)
    alphabet = datasets.Dataset("letters", np.zeros((26, 28, 28), np.float32), labels, letters.label_names, "all")

    kept = letters.kept(alphabet)

    assert kept.sum() == 18
    assert not kept[[ord(name) - ord("a") for name in "lozsgqib"]].any()


def test_the_test_images_are_not_used_without_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log.md"

    for command in ("first command", "second command"):
        monkeypatch.setattr(results, "command", lambda command=command: command)
        one_class.log_use(log)

    lines = log.read_text().splitlines()
    assert lines[-2].endswith("`first command` |")
    assert lines[-1].endswith("`second command` |")


def test_an_unmeasured_digit_leaves_the_mean_empty() -> None:
    figures = dict.fromkeys(one_class.FIGURES, "0.5")
    rows = [
        {"method": name, "digit": digit, "seed": "0", "split": "test"} | figures
        for name, digit in (("whole", "1"), ("whole", "2"), ("partial", "1"))
    ]

    text = one_class.report(rows, "test")

    assert "| whole | 0.5000 | 0.5000 | 0.5000 |" in text
    assert "| partial |  | 0.5000 |  |" in text


def test_a_file_with_images_in_it_is_not_shipped(tmp_path: Path) -> None:
    good, bad = tmp_path / "mnist-1.safetensors", tmp_path / "mnist-2.safetensors"
    allowed = {"scorer.0.latents": np.zeros((9, 32), np.int8), "calibration.fused": np.zeros(9, np.float32)}
    save_file(allowed, good)
    save_file(allowed | {"images": np.zeros((9, 784), np.uint8)}, bad)

    assert ship.faults(good) == []
    assert any("images" in fault for fault in ship.faults(bad))


def test_a_file_above_its_size_is_not_shipped(tmp_path: Path) -> None:
    file = tmp_path / "mnist-1.safetensors"
    save_file({"scorer.0.weights.generator.w": np.zeros(ship.LARGEST_DIGIT // 4 + 1, np.float32)}, file)

    assert any("bytes" in fault for fault in ship.faults(file))


def test_scans_are_timed_against_decoding_and_a_missed_limit_is_said() -> None:
    blobs = [scans.scan(np.eye(28, dtype=np.uint8) * 255, 64, kind) for kind in ("PNG", "JPEG")]

    assert [Image.open(io.BytesIO(blob)).size for blob in blobs] == [(64, 64)] * 2
    assert scans._row("two", blobs, 1e-6)[-2:] == ["at most 1e-06 ms", "no"]
    assert scans._row("two", blobs, None)[-2:] == ["", ""]
