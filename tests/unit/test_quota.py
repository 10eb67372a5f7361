"""Quotas of a shared server: what goes beyond them is refused in a sentence, and on one's own machine nothing is."""

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
def _shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    monkeypatch.setattr(settings, "VISITOR_MB", 1)


@pytest.fixture
def anna_is_full(_shared: None) -> None:
    folder = uploads.folder("anna")
    folder.mkdir(parents=True)
    (folder / "pictures.npz").write_bytes(bytes(1_000_001))


@pytest.mark.usefixtures("_shared")
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

    assert 11_100 < quota.kept("anna") < 12_000
    assert 1_000 < quota.kept("ben") < 1_100


@pytest.mark.usefixtures("anna_is_full")
def test_who_keeps_too_much_is_refused_more_at_every_door_and_nobody_else_is(
    tiny_detector: Detector, tiny_detector_file: Path
) -> None:
    said = "take 1 of the 1 MB that a visitor has here"
    rule = Rule(OperatingPoint("tiny-5"))

    with pytest.raises(QuotaError, match=said):
        registry.import_model(tiny_detector_file.read_bytes(), "anna", "mine")
    with pytest.raises(QuotaError, match=said):
        uploads.keep([("5.png", b"x")], "5", "anna")
    with pytest.raises(QuotaError, match=said):
        Jobs(tick_seconds=0).submit(RunSpec("mine", visitor="anna"))
    with pytest.raises(QuotaError, match=said):
        BatchQueue().submit([Upload("5.png", b"x")], tiny_detector, rule, False, False, "anna")
    quota.check("ben", 999_999)


@pytest.mark.usefixtures("anna_is_full")
def test_all_together_have_a_quota_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALL_MB", 1)

    with pytest.raises(QuotaError, match="all visitors together have used up the 1 MB"):
        quota.check("ben")


def test_ones_own_machine_has_no_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "VISITOR_MB", 1)

    quota.check("", 10**12)
