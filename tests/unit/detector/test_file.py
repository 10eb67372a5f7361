"""A detector's file: what it holds and does not, and what is kept of it on the disk."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from core.datasets import load as load_dataset
from core.detector import Detector
from core.detector import file as detector_file
from core.errors import ModelError
from core.operating_point import EVIDENCES


def test_a_file_holds_no_training_image_and_no_feature_of_one(tiny_detector_any_file: Path) -> None:
    tensors = load_file(tiny_detector_any_file)

    for name, tensor in tensors.items():
        if ".weights." not in name:
            assert tensor.ndim == 1 or name.endswith((".latents", ".prior.means", ".prior.factors")), name
    assert all(tensors[f"scorer.{i}.latents"].shape[1] <= 32 for i in range(3))


def test_evaluation_scores_are_stored_with_their_labels_bit_for_bit(tiny_detector_any: Detector) -> None:
    again = tiny_detector_any.evaluate(load_dataset("digits", "test"))

    stored = tiny_detector_any.evaluation_

    np.testing.assert_array_equal(stored.label, again.label)
    np.testing.assert_array_equal(stored.anomaly, again.anomaly)
    assert (stored.sources, stored.label_names) == (again.sources, again.label_names)
    for evidence in EVIDENCES:
        np.testing.assert_array_equal(stored.scores[evidence], again.scores[evidence])


def test_what_was_measured_can_be_read_without_the_networks(
    tiny_detector_any_file: Path, tiny_detector_any: Detector
) -> None:
    measured = detector_file.read_measured(tiny_detector_any_file)

    assert measured.card == tiny_detector_any.card_
    assert measured.evaluation.auroc("fused") == tiny_detector_any.evaluation_.auroc("fused")
    np.testing.assert_array_equal(
        measured.calibrations["fused"].scores, tiny_detector_any.calibrations_["fused"].scores
    )


def test_saving_is_all_or_nothing(tiny_detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    tiny_detector.save(path)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(detector_file.tensor_files, "write_whole", fail)
    with pytest.raises(OSError, match="No space left"):
        tiny_detector.save(path)
    assert path.read_bytes() == before


def test_a_model_loads_where_nothing_can_be_cached(
    tiny_detector_file: Path, tiny_detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "cache").write_text("a file where the folder should be")
    monkeypatch.setenv("ODD_DIGIT_STATE", str(tmp_path / "blocked"))

    assert detector_file.load(tiny_detector_file).fingerprint == tiny_detector.fingerprint


def test_a_damaged_cache_is_made_again(tiny_detector_file: Path, state_dir: Path) -> None:
    images = load_dataset("digits", "test").images[:5]
    first = Detector.load(tiny_detector_file).inspect(images)
    (cached,) = (state_dir / "cache").iterdir()

    whole = cached.read_bytes()
    middle = len(whole) // 2
    for damaged in (
        whole[:1_000],
        bytes(len(whole)),
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
    ):
        cached.write_bytes(damaged)
        second = Detector.load(tiny_detector_file).inspect(images)

        np.testing.assert_array_equal(second.p_value, first.p_value)
        assert cached.read_bytes() == whole


def test_a_cache_that_is_cut_short_while_it_is_in_use_changes_nothing(
    tiny_detector_file: Path, state_dir: Path
) -> None:
    images = load_dataset("digits", "test").images[:5]
    detector = Detector.load(tiny_detector_file)
    first = Detector.load(tiny_detector_file).inspect(images)
    (cached,) = (state_dir / "cache").iterdir()

    with cached.open("rb+") as file:
        file.truncate(0)  # a mapped file would end the process here with SIGBUS

    np.testing.assert_array_equal(detector.inspect(images).p_value, first.p_value)


def test_scores_of_another_version_can_be_read_to_make_them_anew_but_no_other_format(
    monkeypatch: pytest.MonkeyPatch, tiny_detector_any_file: Path
) -> None:
    monkeypatch.setitem(detector_file._VERSIONS, "scoring", detector_file.SCORING_VERSION + 1)
    monkeypatch.setattr(detector_file, "SCORING_VERSION", detector_file.SCORING_VERSION + 1)
    with pytest.raises(ModelError, match="scoring version"):
        detector_file.load(tiny_detector_any_file)
    assert detector_file.load(tiny_detector_any_file, outdated=True).card.normal
    monkeypatch.setitem(detector_file._VERSIONS, "format", detector_file.FORMAT + 1)
    with pytest.raises(ModelError, match="format version"):
        detector_file.load(tiny_detector_any_file, outdated=True)
