"""The Python API as another team uses it: saving and loading, labels, fresh digits, verdicts and tables."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.datasets import load
from core.detector import Detector, registry
from core.detector.inputs import as_labels
from core.detector.model_card import UNNAMED
from core.errors import ModelError, OddDigitError
from core.operating_point import EVIDENCES, OperatingPoint
from tests.support.stand_in import readings


@pytest.fixture(scope="module")
def fives() -> np.ndarray:
    return load("digits", "train").of("5")[:50]


def test_a_saved_detector_is_called_by_the_name_of_its_file(tiny_detector_file: Path, tmp_path: Path) -> None:
    loaded = Detector.load(tiny_detector_file)
    detector = Detector.of(loaded.state_.named(UNNAMED))  # as a fit leaves it
    images = load("digits", "test").images[:2]

    detector.save(str(tmp_path / "our-5.safetensors"))

    assert detector.inspect(images).model == detector.card_.name == "our-5"
    assert registry.card(tmp_path / "our-5.safetensors", "").name == "our-5"
    (tmp_path / "our-5.safetensors").rename(tmp_path / "their-5.safetensors")
    assert Detector.load(str(tmp_path / "their-5.safetensors")).card_.name == "their-5"
    detector.save(tmp_path / "v1.2")  # a path without suffix gets the one that detectors have
    assert Detector.load(tmp_path / "v1.2.safetensors").card_.name == "v1.2"
    assert Detector.load(tmp_path / "v1.2").card_.name == "v1.2"


def test_a_bare_name_saves_among_ones_own_models_where_every_page_finds_it(
    state_dir: Path, tiny_detector_file: Path
) -> None:
    detector = Detector.load(tiny_detector_file)

    detector.save("our-5")

    assert registry.find("our-5", "").path == registry.own_folder("") / "our-5.safetensors"
    for name in ("our-5", "our-5.safetensors", Path("our-5"), Path("our-5.safetensors")):
        assert Detector.load(name).fingerprint == detector.fingerprint
    with pytest.raises(ModelError, match="already here: choose another name"):
        detector.save("our-5")


def test_labels_that_a_table_made_floats_of_are_the_digits_they_were() -> None:
    assert as_labels("y", [5.0, 0, 2.5, float("inf")], 4).tolist() == ["5", "0", "2.5", "inf"]
    assert as_labels("y", np.array([b"5"]), 1).tolist() == ["5"]


def test_images_come_as_other_libraries_have_them(tiny_detector_file: Path) -> None:
    detector, images = Detector.load(tiny_detector_file), load("digits", "test").images[:3]
    frozen = images[::-1].copy()[::-1]
    frozen.flags.writeable = False
    ways = (frozen, images[:, None], images[..., None], torch.from_numpy(images).requires_grad_(), images.tolist())

    for way in ways:
        np.testing.assert_array_equal(detector.score_samples(way), detector.score_samples(images))


def test_a_fit_says_how_far_it_is_when_asked(fives: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    Detector("dense", epochs=2, verbose=True).fit(fives)

    assert "epoch 1 of 2" in capsys.readouterr().err


def test_fresh_digits_are_as_many_as_asked_for_and_the_same_for_the_same_seed(tiny_detector_any: Detector) -> None:
    drawn = tiny_detector_any.sample(5, seed=3)

    assert drawn.shape == (5, 28, 28)
    assert drawn.dtype == np.float32
    assert ((drawn >= 0) & (drawn <= 1)).all()
    np.testing.assert_array_equal(drawn, tiny_detector_any.sample(5, seed=3))
    assert not np.array_equal(drawn, tiny_detector_any.sample(5, seed=4))
    assert tiny_detector_any.sample(0).shape == (0, 28, 28)


def test_a_false_alarm_rate_is_enough_for_a_verdict_and_another_models_point_is_refused() -> None:
    judged = readings(94, 95.5)

    assert judged.class_id(alpha=0.05).tolist() == judged.class_id(OperatingPoint("stand-in")).tolist() == [0, 1]
    assert judged.class_id(OperatingPoint("models/stand-in.safetensors")).tolist() == [0, 1]
    for wrong in ({}, {"point": OperatingPoint("stand-in"), "alpha": 0.05}):
        with pytest.raises(OddDigitError, match="give either an operating point or alpha"):
            judged.class_id(**wrong)
    with pytest.raises(OddDigitError, match="of mnist-7 and these readings are by stand-in"):
        judged.class_id(OperatingPoint("mnist-7"))


def test_a_table_has_a_row_an_image_and_every_score() -> None:
    table = readings(1, 95.5, normal=("4", "9")).to_frame()

    assert len(table) == 2
    assert {f"score_{e}" for e in EVIDENCES} | {f"p_value_{e}" for e in EVIDENCES} < set(table)
    assert table["p_value"].tolist() == table["digit_4"].tolist() == [0.99 + 0.01, 0.05]
