"""Quotas of a shared server: what goes beyond them is refused in a sentence, and on one's own machine nothing is."""

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from core import quota, settings
from core.batch.findings import Rule
from core.batch.queue import BatchQueue, Upload
from core.datasets import uploads
from core.detector import Detector, registry
from core.errors import QuotaError
from core.operating_point import OperatingPoint
from core.training.job import Job, jobs_folder, write_job
from core.training.queue import Jobs
from core.training.run import RunSpec


@pytest.fixture
def _one_megabyte(shared_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "VISITOR_MB", 1)


@pytest.fixture
def anna_is_full(_one_megabyte: None) -> None:
    folder = uploads.folder("anna")
    folder.mkdir(parents=True)
    (folder / "pictures.npz").write_bytes(bytes(1_000_001))


@pytest.mark.usefixtures("shared_server")
def test_models_uploads_batches_and_trainings_count_for_whose_they_are(state_dir: Path) -> None:
    uploads.folder("anna").mkdir(parents=True)
    (uploads.folder("anna") / "pictures.npz").write_bytes(bytes(100))
    for kind, job in (("batches", '{"visitor": "anna"}'), ("batches", '{"visitor": "ben"}'), ("batches", "{damaged")):
        folder = state_dir / kind / f"{len(job)}-{abs(hash(job))}"
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(job)
        (folder / "part").write_bytes(bytes(1_000))
    write_job(jobs_folder() / "one", Job("one", RunSpec("mine", visitor="anna")))
    (jobs_folder() / "one" / "frame").write_bytes(bytes(10_000))

    kinds = quota.usage("anna").kinds
    assert kinds["pictures to train on"] == 100
    assert 1_000 < kinds["batches"] < 1_100
    assert 10_000 < kinds["trainings"] < 11_000
    assert kinds["models"] == 0
    assert 1_000 < quota.usage("ben").bytes < 1_100


@pytest.mark.usefixtures("anna_is_full")
def test_who_keeps_too_much_is_refused_more_at_every_door_and_nobody_else_is(
    tiny_detector: Detector, tiny_detector_file: Path
) -> None:
    rule = Rule(OperatingPoint("tiny-5"))

    for door in (
        lambda: registry.import_model(tiny_detector_file.read_bytes(), "anna", "mine"),
        lambda: uploads.keep([("5.png", b"x")], "5", "anna"),
        lambda: Jobs(tick_seconds=0).submit(RunSpec("mine", visitor="anna")),
        lambda: BatchQueue().submit([Upload("5.png", b"x")], tiny_detector, rule, "anna", keep=False),
    ):
        with pytest.raises(QuotaError, match="take 1 of the 1 MB that a visitor has here"):
            door()
    quota.check("ben", 999_999)


def test_what_is_kept_is_said_with_what_to_delete_where_that_is_nearly_all() -> None:
    little = quota.Usage({"models": 80_000_000, "pictures to train on": 0, "batches": 900_000_000}, verdicts=3_000)
    much = quota.Usage({"models": 10_000_000, "batches": 1_900_000_000}, verdicts=99_000)

    assert little.say() == (
        "You keep 980 of 2,000 MB on this server (batches 900, models 80), and 3,000 of 100,000 verdicts."
    )
    assert not little.remedy()
    assert "delete batches, which take the most, and verdicts in the history" in much.remedy()


@pytest.mark.usefixtures("shared_server")
def test_a_calibrated_model_counts_too_and_a_rename_takes_nothing_more(
    tiny_detector: Detector, tiny_detector_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "VISITOR_MB", 100)
    registry.import_model(tiny_detector_file.read_bytes(), "anna", "mine")
    (registry.own_folder("anna") / "more").write_bytes(bytes(100_000_001))

    with pytest.raises(QuotaError, match="delete models, which take the most"):
        registry.add(tiny_detector.state_, "calibrated", "anna")
    registry.rename("mine", "still-mine", "anna")


@pytest.mark.usefixtures("shared_server")
def test_files_of_a_visitor_are_opened_one_after_the_other_and_of_all_so_many_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quota, "TURN_SECONDS", 0.01)
    monkeypatch.setattr(settings, "OPENED", 2)

    with quota.turn("anna"), quota.turn("ben"):
        with pytest.raises(QuotaError, match="others of your files are being opened"), quota.turn("anna"):
            pass
        with pytest.raises(QuotaError, match="so many visitors' files are just being opened"), quota.turn("cleo"):
            pass
    with quota.turn("cleo"), quota.turn("anna"):
        pass


@pytest.mark.usefixtures("shared_server")
def test_who_waits_for_a_turn_gets_it_when_the_one_before_has_ended_however_that_ends() -> None:
    begun, order = threading.Event(), []

    def wait() -> None:
        begun.set()
        with quota.turn("anna"):
            order.append("second")

    waiting = threading.Thread(target=wait)
    with suppress(ZeroDivisionError), quota.turn("anna"):
        waiting.start()
        begun.wait()
        order.append("first")
        raise ZeroDivisionError
    waiting.join(10)

    assert order == ["first", "second"]


@pytest.mark.usefixtures("anna_is_full")
def test_all_together_have_a_quota_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALL_MB", 1)

    with pytest.raises(QuotaError, match="all visitors together have used up the 1 MB"):
        quota.check("ben")


def test_ones_own_machine_has_no_quota_and_nobody_waits_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "VISITOR_MB", 1)

    quota.check("", 10**12)
    with quota.turn("local"), quota.turn("local"):
        pass
