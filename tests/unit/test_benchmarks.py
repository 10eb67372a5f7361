"""What benchmarks share: rows that survive a crash, results, methods that are chosen, and what is never shipped."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save_file

from benchmarks import harness, results, samples
from benchmarks.detection import one_class, outliers
from benchmarks.detection.peers.contract import Measured
from benchmarks.speed import scans
from core import paths
from core.calibration.evaluation import Evaluation
from scripts import ship


@pytest.fixture
def rows(tmp_path: Path) -> harness.Rows:
    return harness.Rows(tmp_path / "rows.csv", ("method", "digit", "auroc"), ("method", "digit"))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that stands for this one, everything in it committed."""
    for name in ("core.py", "benchmarks/results.md", "benchmarks/tables/speed.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("old")
    (tmp_path / ".gitignore").write_text("/state\n")
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The sections that benchmarks put into results.md."""
    put: list[tuple[str, str]] = []
    monkeypatch.setattr(harness, "put", lambda section, text: put.append((section, text)))
    monkeypatch.setattr(harness, "one_thread", lambda: None)
    monkeypatch.setattr(harness.__main__, "__spec__", SimpleNamespace(name="benchmarks.speed.scale"))
    return put


def scale(workers: str = "1,2") -> Iterator[tuple[str, ...]]:
    yield "Scale", f"workers: {workers}", "a table\n"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """The benchmark ``scale`` from the command line; how it ends."""
    monkeypatch.setattr(sys, "argv", ["scale.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        harness.run(scale)
    return ended.value.code


def test_a_row_is_there_for_the_next_run_and_measured_again_it_replaces_the_old_one(rows: harness.Rows) -> None:
    rows.append({"method": "a, b", "digit": 5, "auroc": 0.25})
    assert rows.find(method="a, b", digit=5) == {"method": "a, b", "digit": "5", "auroc": "0.250000"}
    assert rows.find(method="a, b", digit=6) is None

    rows.append({"method": "a, b", "digit": 5, "auroc": 0.75})
    assert [row["auroc"] for row in rows.read()] == ["0.750000"]


def test_a_row_cut_short_by_a_crash_is_measured_again(rows: harness.Rows) -> None:
    rows.append({"method": "a", "digit": 5, "auroc": 0.25})
    with rows.file.open("a") as out:
        out.write("a,6,0.9")

    assert rows.find(method="a", digit=6) is None
    rows.append({"method": "a", "digit": 6, "auroc": 0.5})

    assert [(row["digit"], row["auroc"]) for row in rows.read()] == [("5", "0.250000"), ("6", "0.500000")]


def test_a_section_written_again_takes_its_place_and_every_table_is_kept_as_csv(tmp_path: Path) -> None:
    file, table = tmp_path / "results.md", results.table(["digit", "AUROC"], [[5, 0.25]])
    results.put("First", table, file)
    results.put("Second, kept", f"### A part\n\n{table}\nand\n\n{table}", file)

    results.put("First", "new", file)

    assert file.read_text() == (
        "# Results\n\n- [First](#first)\n- [Second, kept](#second-kept)\n\n"
        f"## First\n\nnew\n\n## Second, kept\n\n### A part\n\n{table}\nand\n\n{table}"
    )
    kept = {csv.name: csv.read_text() for csv in (tmp_path / "tables").iterdir()}
    assert kept == dict.fromkeys(("second-kept.csv", "second-kept-2.csv"), "digit,AUROC\n5,0.2500\n")


def test_no_figure_of_a_tree_with_changes_is_kept(
    repository: Path, written: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "core.py").write_text("changed = 1\n")

    assert run(monkeypatch) == 0
    assert "commit them" in str(run(monkeypatch, "--write"))
    assert written == []


def test_a_section_says_by_which_command_at_which_commit_it_was_made_and_what_benchmarks_write_stops_none(
    repository: Path,
    written: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("results.md", "tables/speed.csv"):
        (repository / "benchmarks" / name).write_text("new")

    assert run(monkeypatch, "--workers", "1", "--write") == 0

    ((section, text),) = written
    assert section == "Scale"
    assert text.startswith("`python -m benchmarks.speed.scale --workers 1 --write`, ")
    assert f"commit {harness.commit()}\n" in text
    assert not harness.commit().endswith("+")
    assert text.endswith("\n\nworkers: 1\n\na table\n")
    assert capsys.readouterr().out == text


def test_the_test_images_are_not_used_without_a_note(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = repository / "log.md"
    monkeypatch.setattr(harness.__main__, "__spec__", SimpleNamespace(name="benchmarks.one_class"))

    for seeds in ("0", "1, 2"):
        monkeypatch.setattr(sys, "argv", ["one_class.py", "--seeds", seeds])
        harness.look(log)

    first, second = log.read_text().splitlines()
    assert first.startswith("| 20")
    assert first.endswith(f" | {harness.commit()} | `python -m benchmarks.one_class --seeds 0` |")
    assert second.endswith("`python -m benchmarks.one_class --seeds '1, 2'` |")


def test_rows_of_a_tree_with_changes_lie_outside_the_repository(repository: Path, state_dir: Path) -> None:
    inside = harness.rows_of("speed/rows", ("digit",), ("digit",)).file

    (repository / "core.py").write_text("changed = 1\n")
    outside = harness.rows_of("speed/rows", ("digit",), ("digit",)).file

    assert inside == results.BENCHMARKS / "speed" / "rows.csv"
    assert state_dir in outside.parents


def test_no_outlier_bears_the_name_of_a_digit_and_letters_that_look_like_one_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_DIGIT_DATASETS", str(tmp_path))
    assert not any(set(part.label_names) & set("0123456789") for part in outliers.SETS)
    labels, none = np.arange(26), np.zeros(26, np.int64)
    letters = outliers.SETS[0]._replace(source="npz:letters.npz")
    np.savez(paths.datasets_dir() / "letters.npz", images=np.zeros((26, 28, 28), np.uint8), labels=labels)
    scores = {"fused": labels.astype(float)}
    whole = Evaluation(("letters",), none, labels, labels, letters.label_names, none == 0, scores)

    kept = letters.evaluate(SimpleNamespace(evaluate=lambda _: whole))

    assert {letters.label_names[label].removeprefix("letter ") for label in kept.label} == {*"acdefhjkmnprtuvwxy"}
    assert np.array_equal(kept.scores["fused"], kept.position)


def test_an_unmeasured_digit_leaves_the_mean_empty() -> None:
    figures = dict.fromkeys(Measured._fields, "0.5")
    rows = [
        {"method": name, "digit": digit, "seed": "0", "split": "test"} | figures
        for name, digit in (("partial", "1"), ("whole", "1"), ("whole", "2"))
    ]

    _, text, *_ = one_class.report(rows, "test")

    assert text.splitlines()[2:] == ["| whole | 0.5000 | 0.5000 | 0.5000 |  | 1 |", "| partial |  | 0.5000 |  |  | 1 |"]


def test_a_file_with_images_in_it_or_above_its_size_is_not_shipped(tmp_path: Path) -> None:
    allowed = {"scorer.0.latents": np.zeros((9, 32), np.int8), "calibration.fused": np.zeros(9, np.float32)}
    images = {"images": np.zeros((9, 784), np.uint8)}
    large = {"scorer.0.weights.generator.w": np.zeros(ship.LARGEST_DIGIT // 4 + 1, np.float32)}

    def faults(content: dict[str, np.ndarray]) -> str:
        save_file(content, tmp_path / "mnist-1.safetensors")
        return " ".join(ship.faults(tmp_path / "mnist-1.safetensors"))

    assert not faults(allowed)
    assert "images" in faults(allowed | images)
    assert "bytes" in faults(large)


def test_scans_are_timed_against_decoding_and_a_missed_limit_is_said() -> None:
    blobs = [samples.scan(np.eye(28, dtype=np.uint8) * 255, 64, kind) for kind in ("PNG", "JPEG")]

    assert scans.row("two", blobs, 1e-6)[-2:] == ["at most 1e-06 ms", "no"]
    assert scans.row("two", blobs)[-2:] == ["", ""]
