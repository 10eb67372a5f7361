"""``models``, ``evaluate`` and ``calibrate``."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import datasets
from core.detector import Detector, registry
from core.operating_point import EVIDENCES
from tests.support.command_line import Run, objects, save_npz


def test_evaluate_prints_one_object_with_the_documented_keys_and_what_was_measured_after_training(run: Run) -> None:
    result = run("evaluate", "--model", "tiny-any", "--dataset", "digits", "--format", "json")

    (printed,) = objects(result)
    kept = Detector.load("tiny-any").evaluation_
    assert result.exit_code == 0
    assert list(printed) == ["model", "normal", "n_normal", "n_anomaly", "auroc", "at_alpha"]
    assert (printed["model"], printed["normal"]) == ("tiny-any", ["0", "5", "8"])
    assert (printed["n_normal"], printed["n_anomaly"]) == (kept.n_normal, kept.n_anomaly)
    assert printed["auroc"] == {evidence: kept.auroc(evidence) for evidence in EVIDENCES}
    assert list(printed["at_alpha"]) == ["0.01", "0.05", "0.1"]
    for rates in printed["at_alpha"].values():
        assert list(rates) == ["false_alarm_rate", "detection_rate"]
        assert all(0 <= rate <= 1 for rate in rates.values())


def test_a_data_set_without_anomalies_has_no_auroc_and_no_detection_rate(run: Run) -> None:
    save_npz("fives.npz", ("5",), 50)

    result = run("evaluate", "--model", "tiny-5", "--dataset", "npz:fives.npz", "--format", "json")

    (printed,) = objects(result)
    assert printed["n_anomaly"] == 0
    assert set(printed["auroc"].values()) == {None}
    assert printed["at_alpha"]["0.05"]["detection_rate"] is None
    assert printed["at_alpha"]["0.05"]["false_alarm_rate"] is not None
    table = run("evaluate", "--model", "tiny-5", "--dataset", "npz:fives.npz")
    assert "no anomalies to tell apart" in table.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(("--model", "tiny-6"), 2, "there is no model 'tiny-6'", id="unknown model"),
        pytest.param(("--model", "tiny-5", "--dataset", "minst"), 2, "Did you mean 'mnist'", id="misspelt data set"),
        pytest.param(("--model", "tiny-5", "--dataset", "folder:nowhere"), 2, "nowhere", id="missing folder"),
        pytest.param((), 2, "--model", id="no model"),
        pytest.param(
            ("--model", "tiny-5", "--dataset", "npz:bare.npy"), 1, "no digit in it has a label", id="no labels"
        ),
    ],
)
def test_what_cannot_be_evaluated_ends_with_a_reason(
    arguments: tuple[str, ...], code: int, said: str, run: Run
) -> None:
    np.save("bare.npy", datasets.load("digits", "test").images[:9])

    result = run("evaluate", *arguments, "--format", "json")

    assert result.exit_code == code
    assert result.stdout == ""
    assert said in result.stderr


def test_models_lists_what_there_is_and_names_what_cannot_be_used_in_words_and_as_json(run: Run) -> None:
    (registry.own_folder("") / "broken.safetensors").write_bytes(b"no model")

    result = run("models")
    broken, five, every = objects(run("models", "--format", "json"))

    assert result.exit_code == 0
    for word in ("tiny-5", "tiny-any", "0, 5, 8", "broken", "cannot be"):
        assert word in result.stdout
    assert list(broken) == ["model", "error"]
    assert (five["model"], five["normal"], five["shipped"]) == ("tiny-5", ["5"], False)
    assert every["normal"] == ["0", "5", "8"]
    assert Path(five["path"]).is_file()
    assert five["weaknesses"][0].startswith("It learnt 5 from 99 images only")
    assert f"tiny-5 is weak. {' '.join(five['weaknesses'])}" in result.stderr


def test_calibrate_makes_a_model_whose_promise_holds_for_the_ink_in_a_folder(run: Run) -> None:
    Path("mine").mkdir()
    for i, image in enumerate(datasets.load("digits", "test").of("5")[:25]):
        Image.fromarray((image * 255).astype(np.uint8)).save(f"mine/{i}.png")

    result = run("calibrate", "--model", "tiny-5", "--images", "mine", "--name", "mine-5")

    assert result.exit_code == 0
    made = Detector.load("mine-5")
    assert made.card_.recalibrated
    assert made.calibrations_["fused"].n == 25
    assert "mine" in made.card_.calibrated_on
    assert "mine-5.safetensors" in result.stderr
