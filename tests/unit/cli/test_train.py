"""``train``: refused before anything is made, interrupted at any moment, resumed to the same detector."""

import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.datasets import own
from core.detector import Detector, registry
from core.gan.trainer import Progress
from core.training import run as training
from tests.support.command_line import Run, save_npz


def test_train_puts_a_calibrated_and_evaluated_detector_on_the_shelf(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    few, read, times = save_npz("few.npz", ("5", "8"), 63), own.read_file, []
    monkeypatch.setattr(own, "read_file", lambda *given: times.append(1) or read(*given))
    quick = ("--epochs", "1", "--architecture", "dense", "--seed", "3")

    result = run("train", "--dataset", few, "--normal", "5", *quick)

    assert result.exit_code == 0
    assert len(times) == 1, "read once, to check and to train"
    detector = Detector.load("my-few-5")
    assert detector.card_.normal == ("5",)
    assert detector.card_.settings["architecture"] == "dense"
    assert detector.card_.settings["seed"] == 3
    assert detector.calibrations_["fused"].n == 10
    assert (detector.evaluation_.n_normal, detector.evaluation_.n_anomaly) == (13, 13)
    assert "AUROC" in result.stdout
    assert "my-few-5.safetensors" in result.stderr
    assert "my-few-5 is weak. It learnt 5 from" in result.stderr
    assert 0 <= detector.card_.fresh_flagged <= 1
    again = run("train", "--dataset", few, "--normal", "5", *quick)
    assert again.exit_code == 2
    assert "'my-few-5' is the name of a model that is already here: choose another name" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(("--normal", "x"), 2, "its labels are 0, 1, 2", id="a label that is not there"),
        pytest.param(("--normal", ","), 2, "name at least one digit", id="no label"),
        pytest.param(("--normal", "5", "--name", "../x"), 2, "is no model name", id="a name that climbs"),
        pytest.param(("--normal", "5", "--name", "tiny-5"), 2, "of a model that is already here", id="a name in use"),
        pytest.param(("--normal", "5", "--resume"), 2, "no interrupted run", id="nothing to resume"),
        pytest.param(("--normal", "5", "--epochs", "0"), 2, "--epochs", id="no epochs"),
        pytest.param(("--normal", "5", "--architecture", "tree"), 2, "--architecture", id="unknown architecture"),
        pytest.param(("--normal", "5", "--dataset", "digit"), 2, "Did you mean 'digits'", id="misspelt data set"),
        pytest.param((), 2, "--normal", id="nothing normal"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_any_training_and_leaves_nothing(
    arguments: tuple[str, ...], code: int, said: str, run: Run
) -> None:
    data = () if "--dataset" in arguments else ("--dataset", "digits")

    result = run("train", *data, *arguments)

    assert result.exit_code == code
    assert said in result.stderr
    assert [model.name for model in registry.models("")] == ["tiny-5", "tiny-any"]
    assert not list(registry.runs_folder("").glob("*"))


def test_too_few_pictures_of_ones_own_are_refused_with_the_number_given_and_what_is_set_aside(run: Run) -> None:
    result = run("train", "--dataset", save_npz("few.npz", ("5",), 30), "--normal", "5")

    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert "label '5' has 30 images, of which a fifth, 6, is set aside" in said
    assert "give at least 62" in said


def test_interrupted_training_says_how_to_go_on_and_then_makes_the_same_detector(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, whole = save_npz("few.npz", ("0", "5"), 63), training.run
    asked = ("train", "--dataset", few, "--normal", "0,5", "--epochs", "1", "--architecture", "dense", "--seed", "1")

    def interrupted(*what: Any, **how: Any) -> Iterator[Progress]:
        with closing(whole(*what, **how)) as steps:
            for progress in steps:
                yield progress
                if progress.epoch_ended:
                    raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "run", interrupted)
        stopped = run(*asked, "--name", "stopped")
    go_on = stopped.stderr.rpartition("python -m core ")[2]
    resumed = run(*shlex.split(go_on))
    run(*asked, "--name", "uninterrupted")

    assert (stopped.exit_code, stopped.stdout, resumed.exit_code) == (130, "", 0)
    assert go_on == f"train --normal 0,5 --dataset {few} --name stopped --resume\n"
    assert f"Going on with stopped as it was asked for: 0, 5 of {few}." in resumed.stderr
    assert Detector.load("stopped").fingerprint == Detector.load("uninterrupted").fingerprint
    assert not list(registry.runs_folder("").glob("*"))


def test_a_disk_that_refuses_ends_training_in_a_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ODD_DIGIT_STATE", str(tmp_path / "file"))

    result = run("train", "--dataset", "digits", "--normal", "5", "--name", "nowhere")

    assert result.exit_code == 1
    assert "cannot be written: a file lies where a folder should be" in result.stderr
    assert "set ODD_DIGIT_STATE to another folder" in result.stderr
