"""Background training: whatever order things happen in, no job is lost, run twice or left in doubt."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from core import paths
from core import settings as limits
from core.detector import Detector, estimator, registry
from core.errors import ModelError, TrainingError
from core.gan.recipe import TrainingSettings
from core.gan.trainer import Trainer
from core.training import run, snapshots
from core.training.job import (
    Job,
    State,
    all_jobs,
    frames_folder,
    jobs_folder,
    read_job,
    read_report,
    take_cause,
    write_cause,
    write_job,
)
from core.training.process import GAVE_UP
from core.training.queue import Jobs
from core.training.run import RunSpec
from core.training.worker import Clock, Orders, main


class FakeWorker:
    """Does nothing until told to end, and remembers what it was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.words = []
        self.code = None
        self.started_finishing = read_job(folder).finishing

    @property
    def finishing(self) -> bool:
        return self.started_finishing or "finish" in self.words

    def say(self, word: str) -> None:
        self.words.append(word)

    def exit_code(self) -> int | None:
        return self.code

    def kill(self) -> None:
        self.code = -9


def finish_an_epoch(name: str) -> None:
    (run.folder(RunSpec(name)) / "digit-0.safetensors").write_bytes(b"")


class Bench:
    """A queue with fake workers, ticked by hand."""

    def __init__(self) -> None:
        self.workers = []
        self.jobs = Jobs(self.launch, tick_seconds=0)

    def launch(self, folder: Path) -> FakeWorker:
        self.workers.append(FakeWorker(folder))
        return self.workers[-1]

    def submit(self, name: str, **settings: object) -> str:
        job = self.jobs.submit(RunSpec(name, **settings))
        self.jobs.tick()
        return job.id

    def end(self, code: int, cause: str = "") -> None:
        worker = self.workers[-1]
        if cause:
            write_cause(worker.folder, cause)
        worker.code = code
        self.jobs.tick()

    def states(self) -> dict[str, State]:
        return {job.spec.name: job.state for job in self.jobs.of("")}


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.jobs.close()


class QueueMachine(RuleBasedStateMachine):
    """Starts, pauses, stops, crashes and restarts in any order, against a plain account of what should be."""

    ids = Bundle("ids")

    @initialize()
    def start(self) -> None:
        self.before = os.environ["ODD_DIGIT_STATE"]
        os.environ["ODD_DIGIT_STATE"] = tempfile.mkdtemp(dir=paths.state_dir().parent)
        self.bench = Bench()
        self.expected = {}
        self.learnt = set()
        self.count = 0

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.jobs.close()
            os.environ["ODD_DIGIT_STATE"] = self.before

    @rule(target=ids)
    def submit(self) -> object:
        self.count += 1
        if sum(state is not State.DONE for state in self.expected.values()) >= limits.JOBS:
            with pytest.raises(TrainingError, match="not finished"):
                self.bench.jobs.submit(RunSpec(f"job-{self.count}"))
            return multiple()
        job_id = self.bench.jobs.submit(RunSpec(f"job-{self.count}")).id
        self.expected[job_id] = State.WAITING
        self.settle()
        return job_id

    @rule(job_id=ids)
    def pause(self, job_id: str) -> None:
        self.order(self.bench.jobs.pause, job_id, {State.WAITING, State.RUNNING}, State.PAUSED)

    @rule(job_id=ids)
    def resume(self, job_id: str) -> None:
        self.order(self.bench.jobs.resume, job_id, {State.PAUSED, State.INTERRUPTED, State.FAILED}, State.WAITING)

    @rule(job_id=ids)
    def stop(self, job_id: str) -> None:
        allowed = {State.RUNNING} | (set(State) - {State.DONE} if job_id in self.learnt else set())
        after = State.RUNNING if self.expected[job_id] is State.RUNNING else State.WAITING
        self.order(self.bench.jobs.stop, job_id, allowed, after)

    @rule(job_id=consumes(ids))
    def delete(self, job_id: str) -> None:
        self.bench.jobs.delete(job_id, "")
        del self.expected[job_id]
        self.settle()
        assert not (jobs_folder() / job_id).exists()

    @rule()
    def an_epoch_ends(self) -> None:
        for job_id in self.running():
            finish_an_epoch(self.bench.jobs.get(job_id, "").spec.name)
            self.learnt.add(job_id)

    @rule(code=st.sampled_from([0, 1, -9]))
    def the_running_worker_ends(self, code: int) -> None:
        for job_id in self.running():
            if code == 0:
                run.discard(self.bench.jobs.get(job_id, "").spec)
            self.worker(job_id).code = code
            self.expected[job_id] = State.DONE if code == 0 else State.FAILED
        self.settle()

    @rule()
    def the_server_is_killed_and_another_starts(self) -> None:
        self.bench.jobs.close()
        for job_id in self.running():
            self.expected[job_id] = State.INTERRUPTED
        self.bench = Bench()
        self.settle()

    @invariant()
    def every_job_stands_where_it_should(self) -> None:
        if hasattr(self, "bench"):
            assert {job.id: job.state for job in self.bench.jobs.of("")} == self.expected

    @invariant()
    def one_worker_works_and_only_for_the_running_job(self) -> None:
        if hasattr(self, "bench"):
            assert [worker.folder.name for worker in self.bench.workers if worker.code is None] == self.running()

    @invariant()
    def a_job_told_to_stop_has_a_worker_that_knows(self) -> None:
        if hasattr(self, "bench"):
            for job_id in self.running():
                assert self.worker(job_id).finishing == self.bench.jobs.get(job_id, "").finishing

    def running(self):
        return [job_id for job_id, state in self.expected.items() if state is State.RUNNING]

    def worker(self, job_id):
        return next(w for w in self.bench.workers if w.folder.name == job_id and w.code is None)

    def order(self, call, job_id, allowed, after):
        if self.expected[job_id] in allowed:
            call(job_id, "")
            self.expected[job_id] = after
        else:
            with pytest.raises(TrainingError):
                call(job_id, "")
        self.settle()

    def settle(self):
        self.bench.jobs.tick()
        waiting = [job for job in self.bench.jobs.of("") if self.expected[job.id] is State.WAITING]
        if not self.running() and waiting:
            self.expected[min(waiting, key=lambda job: job.turn).id] = State.RUNNING


def test_any_order_of_events_leaves_every_job_accounted_for() -> None:
    # On the way a worker's end and a restart are as likely as any wish of a person.
    QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
    QueueMachine.TestCase().runTest()


def test_jobs_run_one_after_the_other_in_the_order_they_were_asked_for(bench: Bench) -> None:
    for name in ("first", "second", "third"):
        bench.submit(name)
    assert list(bench.states().values()) == [State.RUNNING, State.WAITING, State.WAITING]
    assert [bench.jobs.ahead(job) for job in bench.jobs.of("")][1:] == [1, 2]
    bench.end(0)
    assert list(bench.states().values()) == [State.DONE, State.RUNNING, State.WAITING]


def test_a_paused_job_ends_its_process_and_goes_on_in_another(bench: Bench) -> None:
    first = bench.submit("first")
    bench.submit("second")
    bench.jobs.pause(first, "")
    assert bench.workers[0].code == -9
    bench.jobs.tick()
    assert bench.states() == {"first": State.PAUSED, "second": State.RUNNING}
    bench.jobs.resume(first, "")
    bench.end(0)
    assert bench.states() == {"first": State.RUNNING, "second": State.DONE}
    assert len(bench.workers) == 3


def test_a_resumed_job_has_the_place_that_it_had(bench: Bench) -> None:
    bench.submit("first")
    second = bench.submit("second")
    bench.submit("third")
    bench.jobs.pause(second, "")
    bench.jobs.resume(second, "")

    assert [bench.jobs.ahead(job) for job in bench.jobs.of("")] == [1, 1, 2]
    bench.end(0)
    assert bench.states() == {"first": State.DONE, "second": State.RUNNING, "third": State.WAITING}


def test_visitors_take_turns_however_much_one_of_them_asks_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
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


def test_pausing_and_resuming_does_not_come_before_another_visitor(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    first, second = (bench.submit(name, visitor="anna") for name in ("a1", "a2"))
    bench.submit("b1", visitor="ben")
    for _ in range(3):
        bench.jobs.pause(second, "anna")
        bench.jobs.resume(second, "anna")
    bench.jobs.pause(first, "anna")
    bench.jobs.tick()

    assert [job.state for job in bench.jobs.of("ben")] == [State.RUNNING]


def test_who_has_trained_for_long_makes_way_for_who_waits_and_goes_on_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    spec = RunSpec("a1", visitor="anna")
    long = bench.submit("a1", visitor="anna")
    bench.submit("b1", visitor="ben")
    later = time.time() + 60 * limits.TRAINING_MINUTES + 1
    monkeypatch.setattr("core.training.queue.time.time", lambda: later)

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
    monkeypatch.setattr("core.training.queue.time.time", lambda: later)

    bench.jobs.tick()

    assert bench.jobs.get(first, "").state is State.RUNNING


def test_all_visitors_together_have_a_limit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    monkeypatch.setattr(limits, "ALL_JOBS", 2)
    bench.submit("one", visitor="anna")
    bench.submit("two", visitor="ben")

    with pytest.raises(TrainingError, match="no more are taken: try again later"):
        bench.submit("three", visitor="carl")


def test_a_worker_that_fails_says_why_and_the_queue_goes_on(bench: Bench) -> None:
    first = bench.submit("first")
    bench.submit("second")
    bench.end(1, cause="training diverged in epoch 3")
    assert bench.jobs.get(first, "").cause == "training diverged in epoch 3"
    assert bench.states() == {"first": State.FAILED, "second": State.RUNNING}


@pytest.mark.parametrize(("code", "words"), [(-9, "signal 9"), (7, "ended with code 7: Segmentation something")])
def test_a_worker_that_dies_without_a_word_is_accounted_for(bench: Bench, code: int, words: str) -> None:
    job_id = bench.submit("first")
    (jobs_folder() / job_id / "worker.log").write_text("Traceback\nSegmentation something\n")
    bench.end(code)
    assert words in bench.jobs.get(job_id, "").cause


def test_a_process_that_cannot_be_started_is_a_failed_job_and_not_a_dead_queue(bench: Bench) -> None:
    def refuse(folder):
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


def test_deleting_a_running_job_ends_its_process(bench: Bench) -> None:
    job_id = bench.submit("first")
    bench.jobs.delete(job_id, "")
    assert bench.workers[0].code == -9
    assert not run.folder(RunSpec("first")).exists()
    with pytest.raises(TrainingError, match="no longer here"):
        bench.jobs.get(job_id, "")


def test_each_visitor_of_a_shared_server_sees_and_orders_their_own_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
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


@pytest.mark.parametrize("damage", [{"turn": "first"}, {"created": None}, {"finishing": "no"}, {"cause": 7}])
def test_a_job_with_a_field_of_another_type_hides_no_other(bench: Bench, damage: dict[str, object]) -> None:
    first = bench.submit("first")
    second = bench.submit("second")
    file = jobs_folder() / first / "job.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | damage))

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


def test_a_damaged_job_file_hides_that_job_alone(bench: Bench) -> None:
    first = bench.submit("first")
    bench.submit("second")
    (jobs_folder() / first / "job.json").write_text('{"id": 3')
    assert [job.spec.name for job in bench.jobs.of("")] == ["second"]


TINY = {"normal": ("5",), "dataset": "digits", "architecture": "dense", "epochs": 2}


def deaf_orders(finishing: bool = False) -> Orders:
    """Orders that never come."""
    return Orders(os.pipe()[0], finishing)


def job_folder(name: str = "tiny", **changes: object) -> Path:
    spec = RunSpec(name, **TINY | changes)
    run.reserve(spec)
    folder = jobs_folder() / "job"
    write_job(folder, Job(id="job", spec=spec))
    return folder


def diverge_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Trainer._step

    def spoilt(self, *arguments):
        losses = step(self, *arguments)
        return losses if self.epoch < epochs else losses | {"generator": float("nan")}

    monkeypatch.setattr(Trainer, "_step", spoilt)


def test_the_worker_reports_draws_frames_and_puts_the_detector_on_the_shelf() -> None:
    folder = job_folder()
    assert main(folder, deaf_orders()) == 0
    found = [snapshots.read(path) for path in snapshots.frames(frames_folder(folder))]
    assert [(frame.label, frame.epoch) for frame in found] == [("5", 0), ("5", 1), ("5", 2)]
    assert [bool(frame.losses) for frame in found] == [False, True, True]
    assert found[0].samples.shape == (16, 28, 28)
    assert np.array_equal(found[0].held_out, found[1].held_out)
    assert not np.array_equal(found[0].samples, found[1].samples)
    assert 0 <= found[1].separation <= 1
    assert read_report(folder).stage == "evaluating"
    assert registry.card("tiny", "").curve["5"].keys() == {"generator", "discriminator", "reconstruction"}
    assert not run.folder(RunSpec("tiny")).exists()


def test_diverged_training_says_so_and_the_last_good_epoch_still_makes_a_detector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = job_folder()
    with monkeypatch.context() as patch:
        diverge_after(1, patch)
        assert main(folder, deaf_orders()) == GAVE_UP
    assert "diverged in epoch 2" in take_cause(folder)
    assert main(folder, deaf_orders(finishing=True)) == 0
    assert len(registry.card("tiny", "").curve["5"]["generator"]) == 1
    assert Detector.load("tiny").evaluation_.n_anomaly > 0


def test_training_that_diverges_at_once_leaves_nothing_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = job_folder()
    diverge_after(0, monkeypatch)
    assert main(folder, deaf_orders()) == GAVE_UP
    assert "diverged in epoch 1" in take_cause(folder)
    assert not run.begun(RunSpec("tiny"))


def test_stopping_keeps_the_digits_that_were_learnt() -> None:
    folder = job_folder(normal=("3", "5"))
    assert main(folder, deaf_orders(finishing=True)) == 0
    assert registry.card("tiny", "").normal == ("3",)


def test_an_unexpected_exception_is_told_with_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = job_folder()
    monkeypatch.setattr(run, "run", lambda *_, **__: 1 / 0)
    assert main(folder, deaf_orders()) == GAVE_UP
    assert take_cause(folder) == "training broke off: ZeroDivisionError: division by zero"
    assert take_cause(folder) == ""


def test_a_full_disk_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = job_folder()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run, "run", full)
    assert main(folder, deaf_orders()) == GAVE_UP
    assert "No space left on device" in (cause := take_cause(folder))
    assert "make room, then let it go on" in cause


def test_what_earlier_sessions_worked_counts_and_pauses_between_them_do_not() -> None:
    clock = Clock(spent=100)
    assert 100 <= clock.seconds < 100.05
    assert clock.left(0.5) is None


SERVER = textwrap.dedent("""
    import sys, time
    from core.training.queue import Jobs
    from core.training.run import RunSpec
    jobs = Jobs()
    print(jobs.submit(RunSpec("tiny", ("5",), "digits", "dense", epochs=int(sys.argv[1]))).id, flush=True)
    time.sleep(600)
""")


def wait_for(what: Callable[[], object], seconds: float = 400) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def workers_of(folder: Path) -> list[int]:
    """Numbers of the processes that train the job in a folder."""
    found = subprocess.run(
        ["pgrep", "-f", f"core.training.worker {folder}"], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def test_a_server_killed_outright_loses_no_finished_epoch_and_resumes_to_the_same_tensors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Arrange: an uninterrupted run with the same seed, and a server that is killed in the middle of one. The short
    # epochs of tests end at this process, so here they are whole ones.
    monkeypatch.setattr(estimator, "TrainingSettings", TrainingSettings)
    epochs = 4
    for _ in run.run(RunSpec("whole", ("5",), "digits", "dense", epochs)):
        pass
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(epochs)],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ.copy(),
    )
    job_id = server.stdout.readline().strip()
    folder = jobs_folder() / job_id
    wait_for(lambda: run.begun(RunSpec("tiny")))
    # Act
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stdout.close()
    wait_for(lambda: not workers_of(folder), seconds=10)
    learnt = len(snapshots.frames(frames_folder(folder)))
    jobs = Jobs()
    try:
        interrupted = jobs.get(job_id, "")
        jobs.resume(job_id, "")
        wait_for(lambda: jobs.get(job_id, "").state in (State.DONE, State.FAILED))
        # Assert
        assert interrupted.state is State.INTERRUPTED
        assert 1 <= learnt <= epochs
        assert jobs.get(job_id, "").state is State.DONE, jobs.get(job_id, "").cause
        assert Detector.load("tiny").fingerprint == Detector.load("whole").fingerprint
        assert len(snapshots.frames(frames_folder(folder))) == epochs + 1
    finally:
        jobs.close()
