"""The parts of the benchmarks that have logic: rows that survive a crash, splits, malformed digits, sheets."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

from benchmarks import common, development, results
from benchmarks.detection import ablation, malformations, malformed, one_class, outliers
from benchmarks.detection.peers.contract import Method, measure, quality
from benchmarks.detection.peers.scikit import Neighbours, Pca, flat
from benchmarks.generator import fresh
from benchmarks.speed import scans
from core import datasets, paths
from core.datasets.examples import for_normal
from core.gan import latents
from core.gan.recipe import TrainingSettings
from core.ink import read
from core.scoring import memory_bank, scorer
from scripts import ship


def rows_in(folder: Path) -> common.Rows:
    return common.Rows(folder / "rows.csv", ("method", "digit", "auroc"), ("method", "digit"))


def drawn(digit: str) -> np.ndarray:
    """The project's own drawing of a digit as an ink image ``(1, 28, 28)``."""
    return read(for_normal((digit,))[0].picture(), split=False).images


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


@pytest.fixture(scope="module")
def two_digits() -> datasets.Dataset:
    bundled = datasets.load("digits", "train")
    return bundled.take(np.flatnonzero(np.isin(bundled.labels, (0, 1))))


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


@pytest.mark.parametrize("strength", range(3), ids=malformations.STRENGTHS)
@pytest.mark.parametrize("family", malformations.FAMILIES)
def test_a_malformed_digit_is_another_ink_image(family: str, strength: int) -> None:
    five = drawn("5")

    edited = malformations.malform(five, family, strength)

    assert edited.shape == five.shape
    assert edited.dtype == np.float32
    assert edited.min() >= 0
    assert edited.max() <= 1
    assert np.abs(edited - five).sum() >= malformed.LEAST_CHANGE


@pytest.mark.parametrize("family", malformations.FAMILIES)
def test_an_edit_is_the_same_every_time(family: str) -> None:
    images = np.concatenate([drawn("2"), drawn("8")])

    assert np.array_equal(malformations.malform(images, family, 1), malformations.malform(images, family, 1))


@pytest.mark.parametrize("family", malformations.FAMILIES)
def test_no_edit_stumbles_over_an_empty_image(family: str) -> None:
    empty = np.zeros((1, 28, 28), np.float32)

    assert np.array_equal(malformations.malform(empty, family, 2), empty)


def test_erasing_takes_more_ink_the_stronger_it_is() -> None:
    five = drawn("5")

    ink = [float(malformations.malform(five, "stroke erased", strength).sum()) for strength in range(3)]

    assert float(five.sum()) > ink[0] > ink[1] > ink[2] > 0


def test_mirroring_is_not_held_against_symmetric_digits() -> None:
    assert malformed.counted("mirrored", ["0", "1", "5", "8"]) == ["5"]
    assert malformed.counted("gap torn", ["0", "5"]) == ["0", "5"]


@pytest.mark.parametrize("variant", ablation.VARIANTS, ids=lambda variant: variant.name)
def test_what_an_ablation_changes_is_there_to_be_changed(variant: ablation.Variant) -> None:
    replace(TrainingSettings(), **development.VARIANTS[variant.training])

    assert set(variant.memory) <= set(vars(memory_bank))
    assert set(variant.latents) <= set(vars(latents))
    assert set(variant.scoring) <= set(vars(scorer))


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


def test_methods_are_chosen_by_parts_of_their_names_and_left_out_where_not_installed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    there, missing = Method("Kept one", "numpy", Pca), Method("kept two", "no-such-distribution", Pca)
    other = Method("another", "numpy", Pca)

    assert one_class.select([there, missing, other], "kept") == [there]
    assert "kept two" in capsys.readouterr().err


def test_the_test_images_are_not_used_without_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log.md"

    for command in ("first command", "second command"):
        monkeypatch.setattr(results, "command", lambda command=command: command)
        one_class.log_use(log)

    lines = log.read_text().splitlines()
    assert lines[-2].endswith("`first command` |")
    assert lines[-1].endswith("`second command` |")


@pytest.mark.parametrize("peer", [Pca(), Neighbours(flat)], ids=["pca", "neighbours"])
def test_a_peer_tells_zeros_from_ones(peer: Pca | Neighbours, two_digits: datasets.Dataset) -> None:
    zeros, ones = two_digits.of("0"), two_digits.of("1")
    test = np.concatenate([zeros[100:], ones])
    anomaly = np.arange(len(test)) >= len(zeros[100:])

    measured = measure(peer, zeros[:100], test, anomaly, seed=0)

    assert measured.auroc > 0.9
    assert measured.train_seconds > 0


def test_detection_and_false_alarms_are_counted_at_the_methods_own_line() -> None:
    figures = quality(np.array([0.1, 0.6, 0.4, 0.9]), 0.5, np.array([False, False, True, True]))

    assert figures == {"auroc": 0.75, "detection": 0.5, "false_alarms": 0.5}


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


def points(n: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(seed)) + shift


def test_points_of_one_distribution_lie_within_each_others_manifold() -> None:
    precision, recall = fresh.precision_recall(points(400, 1), points(400, 2))
    assert precision > 0.9
    assert recall > 0.9


def test_points_far_away_have_neither_precision_nor_recall() -> None:
    assert fresh.precision_recall(points(100, 1), points(100, 2, shift=50.0)) == (0.0, 0.0)


def test_one_good_point_drawn_again_and_again_is_precise_and_covers_nothing() -> None:
    real = points(200, 1)
    precision, recall = fresh.precision_recall(real, real[:1].repeat(200, 1))
    assert precision == 1.0
    assert recall < 0.05


def test_the_frechet_distance_of_a_shifted_cloud_is_the_squared_shift() -> None:
    cloud = points(500, 1)
    assert fresh.frechet(cloud, cloud) == pytest.approx(0.0, abs=1e-6)
    assert fresh.frechet(cloud, cloud + torch.tensor([3.0, 0.0, 0.0])) == pytest.approx(9.0, abs=1e-4)


def test_grey_is_what_is_neither_paper_nor_dark_ink() -> None:
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 0, :4] = [1.0, 0.5, 0.9, 0.4]
    assert fresh.grey_share(image) == pytest.approx(0.5)


def test_a_copy_of_a_training_digit_is_at_distance_zero() -> None:
    training = points(50, 1)
    assert fresh.nearest_distance(training[:5], training) == pytest.approx(0.0, abs=1e-3)
