"""A training run from data set to shelf, and what can be known before it starts."""

from pathlib import Path
from typing import Any

import filelock
import pytest

from core import datasets
from core.datasets import uploads
from core.detector import Detector, registry
from core.detector.file import read_measured
from core.errors import ModelError, TrainingError
from core.training import plan, queue, run
from core.training.job import forget_upload
from core.training.plan import Counts
from core.training.run import RunSpec
from core.views import model_table
from tests.unit.datasets.test_uploads import picture_of_seven

TEN_LABELS = {str(digit): 500 for digit in range(10)}
COUNTS = Counts(train=TEN_LABELS | {"few": 49, "none": 0}, test={str(digit): 100 for digit in range(10)})


def finish(spec: RunSpec, **options: Any) -> Detector:
    for _ in run.run(spec, **options):
        pass
    return Detector.load(spec.name)


def test_a_training_is_forecast_to_take_longer_on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(plan.os, "getloadavg", lambda: (0.1, 0.0, 0.0))
    assert plan.busy() == 1.0

    monkeypatch.setattr(plan.os, "getloadavg", lambda: (5.0, 0.0, 0.0))
    assert plan.busy() == 3.0


def test_a_run_ends_on_the_shelf_evaluated_on_images_that_took_no_part_in_it() -> None:
    detector = finish(RunSpec("mine", ("5",), "digits", "dense", 1))
    assert detector.card_.dataset == "digits"
    assert detector.evaluation_.sources == ("digits:test",)
    assert detector.card_.evaluated_on == "digits (test); anomalies: 0, 1, 2, 3, 4, 6, 7, 8, 9"
    assert not run.folder(RunSpec("mine")).exists()


def test_enough_keeps_the_last_finished_epoch_and_the_digits_that_have_one() -> None:
    seen = []
    spec = RunSpec("some", ("1", "5", "7"), "digits", "dense", 3)
    watch = lambda _, label, trainer: seen.append((label, trainer.epoch))  # noqa: E731
    detector = finish(spec, watch=watch, enough=lambda: ("5", 2) in seen)
    assert seen == [("1", 0), ("1", 1), ("1", 2), ("1", 3), ("5", 0), ("5", 1), ("5", 2)]
    assert detector.card_.normal == ("1", "5")
    assert [len(curves["generator"]) for curves in detector.card_.curve.values()] == [3, 2]
    assert model_table.facts(read_measured(registry.find("some", "").path))["epochs"] == "3"


def test_a_run_cannot_be_trained_by_two_processes_at_once() -> None:
    run.reserve(RunSpec("mine", ("5",), "digits", "dense", 1))
    with (
        filelock.FileLock(run.folder(RunSpec("mine")) / "lock"),
        pytest.raises(TrainingError, match="being trained by another process"),
    ):
        finish(RunSpec("mine"), resume=True)


def test_a_run_that_was_killed_just_after_saving_is_done_when_resumed() -> None:
    detector = finish(RunSpec("mine", ("5",), "digits", "dense", 1))
    place = registry.find("mine", "").path
    place.rename(place.with_suffix(".away"))
    run.reserve(RunSpec("mine", ("5",), "digits", "dense", 1))
    place.with_suffix(".away").rename(place)
    assert list(run.run(RunSpec("mine"), resume=True)) == []
    assert Detector.load("mine").fingerprint == detector.fingerprint
    assert not run.folder(RunSpec("mine")).exists()


def test_what_could_not_start_leaves_the_name_free() -> None:
    with pytest.raises(TrainingError, match="no images labelled 'x'"):
        finish(RunSpec("mine", ("x",), "digits"))
    assert not run.folder(RunSpec("mine")).exists()


def test_nothing_else_takes_the_name_of_an_unfinished_run(tiny_detector_file: Path) -> None:
    run.reserve(RunSpec("mine"))
    with pytest.raises(ModelError, match="'Mine' is the name of an unfinished training run"):
        registry.import_model(tiny_detector_file.read_bytes(), "", "Mine")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "mine", "normal": 5}', '{"surprise": 1}'])
def test_a_damaged_state_says_which_and_what_to_do_and_nothing_is_resumed_where_nothing_began(text: str) -> None:
    with pytest.raises(TrainingError, match="no interrupted run named 'mine'"):
        finish(RunSpec("mine"), resume=True)
    run.reserve(RunSpec("mine"))
    (run.folder(RunSpec("mine")) / "spec.json").write_text(text)
    with pytest.raises(TrainingError, match="state of run 'mine' is damaged: delete"):
        finish(RunSpec("mine"), resume=True)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"normal": ()}, "no normal digit is chosen"),
        ({"normal": ("few",)}, "label 'few' has 49 images"),
        ({"normal": ("5", "none")}, "no images labelled 'none'"),
        ({"normal": ("x",)}, "no images labelled 'x'"),
        ({"normal": ("any",)}, "label 'few' has 49 images"),
        ({"architecture": "clay"}, "no architecture is called 'clay'"),
        ({"epochs": 0}, "0 epochs: choose 1 to 1,000"),
        ({"epochs": 1001}, "1001 epochs"),
    ],
)
def test_what_cannot_be_trained_is_said_before_it_starts(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(TrainingError, match=says):
        plan.plan_run(RunSpec("mine", **changes), COUNTS)


def test_a_full_disk_is_said_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**6})())
    with pytest.raises(TrainingError, match="only 1 MB are free"):
        plan.plan_run(RunSpec("mine"), COUNTS)


def test_a_plan_counts_what_is_normal_and_what_is_not() -> None:
    counts = Counts(train=TEN_LABELS, test=COUNTS.test)
    one, two = (plan.plan_run(RunSpec("mine", labels), counts) for labels in (("5",), ("5", "6")))
    assert (one.images, one.anomalies, two.images, two.anomalies) == (500, 900, 1000, 800)
    assert two.work > one.work
    assert plan.plan_run(RunSpec("mine", ("any",)), counts).anomalies == 0


def test_the_pace_is_measured_on_this_machine() -> None:
    assert 1e-6 < plan.seconds_an_image("dense") < plan.seconds_an_image("attention") < 10


def test_a_data_sets_labels_are_counted_part_by_part() -> None:
    counts = plan.count_images("digits")
    assert sum(counts.train.values()) == datasets.DIGITS_TRAIN
    assert sum(counts.train.values()) + sum(counts.test.values()) == 1797


def test_an_upload_and_nothing_else_is_forgotten_with_the_last_that_refers_to_it(tmp_path: Path) -> None:
    pictures = [(f"{i}.png", picture_of_seven()) for i in range(3)]
    upload = uploads.keep(pictures, "seven", "")
    assert upload.counts == {"7": 3}
    server = queue.Jobs(tick_seconds=0)
    job = server.submit(RunSpec("mine", ("seven",), upload.dataset))
    forget_upload(upload.dataset, "")
    assert datasets.available(upload.dataset)
    server.delete(job.id, "")
    forget_upload(upload.dataset, "")
    assert not datasets.available(upload.dataset)
    server.close()

    (tmp_path / "precious.npz").write_bytes(b"x")
    for name in (f"npz:{tmp_path / 'precious.npz'}", "mnist"):
        forget_upload(name, "")
    assert (tmp_path / "precious.npz").exists()
