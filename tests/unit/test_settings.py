"""What people may ask of a server: limits come from the environment, and whoever meets one is told."""

import numpy as np
import pytest

from core import settings
from core.batch.findings import Rule
from core.batch.queue import BatchQueue, Upload
from core.batch.store import stores
from core.detector import Detector
from core.errors import BatchError, TrainingError
from core.operating_point import OperatingPoint
from core.training.queue import Jobs
from core.training.run import RunSpec
from tests.support.piles import png

VARIABLE = "ODD_DIGIT_MAX_TRIED"


def test_a_limit_is_what_the_environment_says_or_else_the_default_and_nonsense_stops_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert settings.whole_number(VARIABLE, 7) == 7
    monkeypatch.setenv(VARIABLE, " 12 ")
    assert settings.whole_number(VARIABLE, 7) == 12

    for text in ("0", "-3", "many", "1.5"):
        monkeypatch.setenv(VARIABLE, text)
        with pytest.raises(SystemExit, match=f"{VARIABLE} is '{text}': set it to a whole number above 0"):
            settings.whole_number(VARIABLE, 7)


@pytest.mark.parametrize(("value", "shared"), [("1", True), ("0", False), ("", False), ("yes", False)])
def test_a_server_is_shared_only_when_it_says_1(value: str, shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", value)

    assert settings.shared_server() is shared


def test_a_visitor_with_too_many_unfinished_jobs_is_refused_and_another_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    monkeypatch.setattr(settings, "JOBS", 2)
    monkeypatch.setattr(Jobs, "_start", lambda *_: None)
    server = Jobs(tick_seconds=0)
    first = server.submit(RunSpec("one", visitor="anna"))
    server.submit(RunSpec("two", visitor="anna"))

    with pytest.raises(TrainingError, match="2 of your training jobs are not finished, and no more are taken"):
        server.submit(RunSpec("three", visitor="anna"))
    server.submit(RunSpec("bens", visitor="ben"))
    server.delete(first.id, "anna")

    assert server.submit(RunSpec("three", visitor="anna")).spec.name == "three"
    server.close()


def test_a_visitor_with_too_many_batches_at_work_is_refused_and_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, tiny_detector: Detector
) -> None:
    monkeypatch.setattr(settings, "BATCHES", 1)
    upload, rule = Upload("one.png", png(np.zeros((28, 28), np.uint8))), Rule(OperatingPoint("tiny-5"))
    table = BatchQueue(tick_seconds=0)
    table.submit([upload], tiny_detector, rule, "anna", keep=False)

    with pytest.raises(BatchError, match="1 of your batches are not judged yet"):
        table.submit([upload], tiny_detector, rule, "anna", keep=False)
    table.submit([upload], tiny_detector, rule, "ben", keep=False)

    assert len(stores("anna")) == 1
