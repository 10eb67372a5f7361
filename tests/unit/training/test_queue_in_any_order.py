"""The training queue against a plain account of what should be, whatever happens in whatever order."""

import os
import tempfile

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from core import paths
from core import settings as limits
from core.errors import TrainingError
from core.training import run
from core.training.job import State, jobs_folder
from core.training.run import RunSpec
from tests.support.training import Bench, finish_an_epoch


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
        spec = self.bench.jobs.get(job_id, "").spec
        self.bench.jobs.delete(job_id, "")
        assert not run.folder(spec).exists()
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
        assert {job.id: job.state for job in self.bench.jobs.of("")} == self.expected

    @invariant()
    def one_worker_works_and_only_for_the_running_job(self) -> None:
        assert [worker.folder.name for worker in self.bench.workers if worker.code is None] == self.running()

    @invariant()
    def a_job_told_to_stop_has_a_worker_that_knows(self) -> None:
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
