"""Background training: whatever order things happen in, no job is lost, run twice or left in doubt."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import settings as limits
from core.errors import ModelError, TrainingError
from core.training import run
from core.training.job import Report, State, all_jobs, jobs_folder, write_report
from core.training.queue import Jobs
from core.training.run import RunSpec
from tests.support.training import Bench, FakeWorker, finish_an_epoch


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.jobs.close()


def test_a_resumed_job_has_the_place_that_it_had(bench: Bench) -> None:
    bench.submit("first")
    second = bench.submit("second")
    bench.submit("third")
    bench.jobs.pause(second, "")
    bench.jobs.resume(second, "")

    assert [bench.jobs.ahead(job) for job in bench.jobs.of("")] == [1, 1, 2]
    bench.end(0)
    assert bench.states() == {"first": State.DONE, "second": State.RUNNING, "third": State.WAITING}


def test_while_a_job_stands_still_none_of_what_is_left_of_it_passes(bench: Bench) -> None:
    job = bench.submit("first")
    bench.jobs.pause(job, "")
    said = Report(fraction=0.25, seconds=100, seconds_left=300, written=time.time() - 3_600)
    write_report(jobs_folder() / job, said)

    bench.jobs.resume(job, "")
    bench.jobs.tick()

    [resumed] = bench.jobs.of("")
    assert resumed.state is State.RUNNING
    share, left = bench.jobs.report(resumed).standing(time.time())
    assert share == pytest.approx(0.25, abs=0.05)
    assert left == pytest.approx(300, abs=20)


def test_visitors_take_turns_however_much_one_of_them_asks_for(bench: Bench, shared_server: None) -> None:
    for name in ("a1", "a2", "a3", "a4"):
        bench.submit(name, visitor="anna")
    for name in ("b1", "b2"):
        bench.submit(name, visitor="ben")
    bench.submit("c1", visitor="carl")
    assert [bench.jobs.ahead(job) for job in bench.jobs.of("ben")] == [1, 4]

    order = []
    while running := [job for job in all_jobs() if job.state is State.RUNNING]:
        order += [job.spec.name for job in running]
        bench.end(0)

    assert order == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_pausing_and_resuming_does_not_come_before_another_visitor(bench: Bench, shared_server: None) -> None:
    first, second = (bench.submit(name, visitor="anna") for name in ("a1", "a2"))
    bench.submit("b1", visitor="ben")
    for _ in range(3):
        bench.jobs.pause(second, "anna")
        bench.jobs.resume(second, "anna")
    bench.jobs.pause(first, "anna")
    bench.jobs.tick()

    assert [job.state for job in bench.jobs.of("ben")] == [State.RUNNING]


def test_who_has_trained_for_long_makes_way_for_who_waits_and_goes_on_later(
    bench: Bench, shared_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = RunSpec("a1", visitor="anna")
    long = bench.submit("a1", visitor="anna")
    bench.submit("b1", visitor="ben")
    later = time.time() + 60 * limits.TRAINING_MINUTES + 1
    monkeypatch.setattr("core.jobs.queue.time.time", lambda: later)

    bench.jobs.tick()
    assert bench.jobs.get(long, "anna").state is State.RUNNING, "without an epoch to show, its time was for nothing"
    (run.folder(spec) / "digit-0.safetensors").write_bytes(b"")
    bench.jobs.tick()

    assert [job.state for job in bench.jobs.of("ben")] == [State.RUNNING]
    waiting = bench.jobs.get(long, "anna")
    assert (waiting.state, bench.workers[0].code) == (State.WAITING, -9)
    assert "made way" in waiting.cause
    bench.end(0)
    assert bench.jobs.get(long, "anna").state is State.RUNNING


def test_a_person_alone_is_never_made_to_wait_for_their_own_jobs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bench.submit("first")
    bench.submit("second")
    finish_an_epoch("first")
    later = time.time() + 60 * limits.TRAINING_MINUTES + 1
    monkeypatch.setattr("core.jobs.queue.time.time", lambda: later)

    bench.jobs.tick()

    assert bench.jobs.get(first, "").state is State.RUNNING


def test_all_visitors_together_have_a_limit(bench: Bench, shared_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ALL_JOBS", 2)
    bench.submit("one", visitor="anna")
    bench.submit("two", visitor="ben")

    with pytest.raises(TrainingError, match="no more are taken: try again later"):
        bench.submit("three", visitor="carl")


@pytest.mark.parametrize(
    ("code", "said", "words"),
    [
        (1, "training diverged in epoch 3", "training diverged in epoch 3"),
        (-9, "", "signal 9"),
        (7, "", "ended with code 7: Segmentation something"),
    ],
)
def test_a_worker_that_fails_or_dies_is_accounted_for_by_what_it_said(
    bench: Bench, code: int, said: str, words: str
) -> None:
    job_id = bench.submit("first")
    (jobs_folder() / job_id / "worker.log").write_text("Traceback\nSegmentation something\n")
    bench.end(code, said)
    assert words in bench.jobs.get(job_id, "").cause


def test_a_process_that_cannot_be_started_is_a_failed_job_and_not_a_dead_queue(bench: Bench) -> None:
    def refuse(folder: Path) -> FakeWorker:
        raise OSError("no more processes")

    bench.jobs._launch = refuse
    job_id = bench.submit("first")
    assert "no more processes" in bench.jobs.get(job_id, "").cause
    bench.jobs._launch = bench.launch
    bench.submit("second")
    assert bench.states() == {"first": State.FAILED, "second": State.RUNNING}


def test_stopping_before_anything_is_learnt_says_that_there_is_nothing_to_keep(bench: Bench) -> None:
    bench.submit("first")
    second = bench.submit("second")
    with pytest.raises(TrainingError, match="has not finished an epoch, so there is nothing to keep"):
        bench.jobs.stop(second, "")


def test_an_unfinished_jobs_name_is_taken_until_it_is_deleted(bench: Bench) -> None:
    job_id = bench.submit("mine")
    for name in ("mine", "MINE"):
        with pytest.raises(ModelError, match="unfinished training run"):
            bench.jobs.submit(RunSpec(name))
    bench.jobs.delete(job_id, "")
    assert bench.submit("mine") != job_id


def test_each_visitor_of_a_shared_server_sees_and_orders_their_own_jobs(bench: Bench, shared_server: None) -> None:
    hers = bench.jobs.submit(RunSpec("mine", visitor="anna"))
    bench.jobs.submit(RunSpec("mine", visitor="ben"))

    assert [job.id for job in bench.jobs.of("anna")] == [hers.id]
    for order in (bench.jobs.get, bench.jobs.pause, bench.jobs.resume, bench.jobs.stop, bench.jobs.delete):
        with pytest.raises(TrainingError, match="no longer here"):
            order(hers.id, "ben")


def test_a_job_of_before_runs_said_whose_they_are_is_still_its_visitors(bench: Bench) -> None:
    job_id = bench.submit("first")
    file = jobs_folder() / job_id / "job.json"
    kept = json.loads(file.read_text())
    del kept["spec"]["visitor"]
    file.write_text(json.dumps(kept | {"visitor": "anna"}))

    assert bench.jobs.get(job_id, "anna").spec.visitor == "anna"


@pytest.mark.parametrize(
    "damage", [{"turn": "first"}, {"created": None}, {"finishing": "no"}, {"cause": 7}, {"id": 3}, None], ids=str
)
def test_a_damaged_job_hides_no_other(bench: Bench, damage: dict[str, object] | None) -> None:
    first = bench.submit("first")
    second = bench.submit("second")
    file = jobs_folder() / first / "job.json"
    file.write_text('{"id": 3' if damage is None else json.dumps(json.loads(file.read_text()) | damage))

    assert [job.id for job in bench.jobs.of("")] == [second]


@pytest.mark.parametrize("job_id", ["", "../../etc", "no-such-job", "a/b"])
def test_a_name_that_is_no_job_opens_no_folder(bench: Bench, job_id: str) -> None:
    with pytest.raises(TrainingError, match="no longer here"):
        bench.jobs.get(job_id, "")


def test_of_two_servers_one_trains_and_the_other_shows(bench: Bench) -> None:
    bench.submit("first")
    other = Jobs(FakeWorker, tick_seconds=0)
    assert [job.state for job in other.of("")] == [State.RUNNING]
    with pytest.raises(TrainingError, match="another server"):
        other.submit(RunSpec("second"))
    bench.jobs.close()
    other.tick()
    assert [job.state for job in other.of("")] == [State.INTERRUPTED]
    other.close()
