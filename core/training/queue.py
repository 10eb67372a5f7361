"""Background training: a queue of jobs that belongs to the server, and a thread that works it off one by one.

Jobs live in files, so that closing a tab, restarting the server or killing it loses at most the epoch under way. Nobody
waits for ever: visitors take turns, and who has trained for a while makes way for who waits.
"""

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import filelock

from core import quota, settings
from core.detector import registry
from core.errors import OddDigitError, TrainingError
from core.files.atomic import why_not
from core.files.folder import trash
from core.training import run
from core.training.job import (
    Job,
    Report,
    State,
    all_jobs,
    jobs_folder,
    read_job,
    read_report,
    write_job,
)
from core.training.process import LOG, MESSAGE, NO_ROOM, Process, Worker, said, why
from core.training.run import RunSpec
from core.training.worker import FINISH

_TICK_SECONDS = 0.2
_MADE_WAY = "it made way for another visitor's training and goes on in its turn."
_NO_JOB = "that training job is no longer here: it was deleted."


class Jobs:
    """The server's training jobs.

    Every method may be called from any thread. Jobs that were running when a server died are marked interrupted by the
    next one. Of several servers with one state folder only the first works; the others show what it does.

    Args:
        launch: starts the worker for the job in a folder.
        tick_seconds: how often the thread looks; 0 starts none, for whoever calls ``tick`` themselves.
    """

    def __init__(self, launch: Callable[[Path], Worker] = Process, tick_seconds: float = _TICK_SECONDS) -> None:
        self._launch = launch
        self._workers: dict[str, Worker] = {}
        self._begun: dict[str, float] = {}  # when the worker of a job was started, Unix time
        self._served: dict[str, int] = {}  # which turn a visitor had last
        self._mutex = threading.RLock()
        self._root = jobs_folder()
        self._owner = filelock.FileLock(self._root / "lock", timeout=0, thread_local=False)
        self._closed = threading.Event()
        self._look()
        if tick_seconds:
            threading.Thread(target=self._run, args=(tick_seconds,), name="training queue", daemon=True).start()

    def submit(self, spec: RunSpec, after: float = 0.0) -> Job:
        """Put a job at the end of the queue.

        Args:
            spec: what to train, and for whom.
            after: what is to be done after training, as a share of training, for the estimate of what is left.

        Raises:
            ModelError: the name cannot be used, or is taken.
            TrainingError: another server works the queue, or the visitor has as many unfinished jobs as they may.
            QuotaError: the visitor may keep no more.
        """
        with self._mutex:
            self._check_owner()
            if sum(job.state is not State.DONE for job in all_jobs()) >= settings.ALL_JOBS:
                raise TrainingError("so many trainings wait on this server that no more are taken: try again later.")
            unfinished = sum(job.state is not State.DONE for job in self.of(spec.visitor))
            if unfinished >= settings.JOBS:
                raise TrainingError(
                    f"{unfinished} of your training jobs are not finished, and no more are taken: wait for one, or "
                    "delete one."
                )
            quota.check(spec.visitor)
            registry.place_for(spec.name, spec.visitor)
            turn = max((job.turn for job in all_jobs()), default=0.0) + 1
            # First the job: ended here, the next server reserves its name; a name without a job would stay taken.
            job = self._put(Job(id=uuid.uuid4().hex, spec=spec, turn=turn, after=after))
            try:
                run.reserve(spec)
            except OddDigitError:
                trash(self.folder(job))
                raise
            return job

    def of(self, visitor: str) -> list[Job]:
        """A visitor's jobs, oldest first; on one person's machine all there are."""
        return [job for job in all_jobs() if not settings.shared_server() or job.spec.visitor == visitor]

    def get(self, job_id: str, visitor: str) -> Job:
        """A visitor's job as it stands.

        Raises:
            TrainingError: the visitor has none of that id.
        """
        if job_id.isalnum() and (jobs_folder() / job_id / "job.json").exists():
            job = read_job(jobs_folder() / job_id)
            if not settings.shared_server() or job.spec.visitor == visitor:
                return job
        raise TrainingError(_NO_JOB)

    def folder(self, job: Job) -> Path:
        """Where a job lies; its frames are in ``frames_folder`` of it."""
        return jobs_folder() / job.id

    def report(self, job: Job) -> Report:
        """What its process said last."""
        return read_report(self.folder(job))

    def ahead(self, job: Job) -> int:
        """How many jobs, of all visitors, come before a waiting one."""
        jobs = all_jobs()
        order = [other.id for other in self._in_turn(jobs)]
        before = order.index(job.id) if job.id in order else 0
        return before + any(other.state is State.RUNNING for other in jobs)

    def pause(self, job_id: str, visitor: str) -> Job:
        """Hold a waiting or running job, whose process ends; the queue goes on without it.

        Raises:
            TrainingError: it is neither.
        """
        with self._mutex:
            job = self._expect(job_id, visitor, "be paused", State.WAITING, State.RUNNING)
            self._end(job.id)
            return self._put(replace(job, state=State.PAUSED))

    def resume(self, job_id: str, visitor: str) -> Job:
        """Let a paused, interrupted or failed job go on from its last finished epoch, when its turn comes again.

        Raises:
            TrainingError: it is neither.
        """
        with self._mutex:
            job = self._expect(job_id, visitor, "go on", State.PAUSED, State.INTERRUPTED, State.FAILED)
            return self._put(replace(job, state=State.WAITING, cause=""))

    def stop(self, job_id: str, visitor: str) -> Job:
        """End training and make a detector of what has been learnt; a running job first finishes its first epoch.

        Raises:
            TrainingError: it is done, or not running and without a finished epoch.
        """
        with self._mutex:
            job = self._expect(job_id, visitor, "be stopped", *(state for state in State if state is not State.DONE))
            if job.state is State.RUNNING:
                self._workers[job.id].say(FINISH)
                return self._put(replace(job, finishing=True))
            if not run.begun(job.spec):
                raise TrainingError(
                    f"{job.spec.name} has not finished an epoch, so there is nothing to keep: delete it."
                )
            return self._put(replace(job, state=State.WAITING, finishing=True, cause=""))

    def delete(self, job_id: str, visitor: str) -> None:
        """Forget a job, and end it if it runs. What an unfinished one has learnt is gone; a finished detector stays.

        Raises:
            TrainingError: there is none.
        """
        with self._mutex:
            self._check_owner()
            job = self.get(job_id, visitor)
            self._end(job.id)
            if job.state is not State.DONE:
                run.discard(job.spec)
            trash(self.folder(job))

    def tick(self) -> None:
        """Take over after a server that died, note which workers have ended, and start the next job if none runs."""
        with self._mutex:
            if self._closed.is_set():
                return
            if not self._owner.is_locked:
                try:
                    self._owner.acquire()
                # Another server has it, or nothing can be written here: then what there is can still be looked at.
                except (filelock.Timeout, OSError):
                    return
                self._adopt()
            for job_id, worker in list(self._workers.items()):
                if (code := worker.exit_code()) is not None:
                    self._ended(job_id, code)
            waiting = self._in_turn(all_jobs())
            running = next((job for job in all_jobs() if job.state is State.RUNNING), None)
            if waiting and running and self._has_had_its_time(running, waiting):
                self._end(running.id)
                self._put(replace(running, state=State.WAITING, cause=_MADE_WAY))
                running = None
            if waiting and not running:
                self._start(waiting[0])

    def close(self) -> None:
        """End all workers and let go of the queue, as a dying server would; running jobs will be found interrupted."""
        with self._mutex:
            self._closed.set()
            for worker in self._workers.values():
                worker.kill()
            self._workers.clear()
            self._owner.release()

    def _run(self, seconds: float) -> None:
        while not self._closed.wait(seconds):
            # Else the process has another state folder by now, and that has a manager of its own.
            if self._root == jobs_folder():
                self._look()

    def _look(self) -> None:
        with suppress(OddDigitError):  # a disk that is full for a while: what could not be noted is noted then
            self.tick()

    def _in_turn(self, jobs: list[Job]) -> list[Job]:
        """Those that wait, in the order in which they will run: each visitor's own one after the other, in turns."""
        waiting: dict[str, list[Job]] = {}
        for job in sorted(jobs, key=lambda job: job.turn):
            if job.state is State.WAITING:
                waiting.setdefault(_whose(job), []).append(job)
        served, order = dict(self._served), []
        while waiting:
            whose = min(waiting, key=lambda visitor: (served.get(visitor, 0), waiting[visitor][0].turn))
            order.append(waiting[whose].pop(0))
            served[whose] = max(served.values(), default=0) + 1
            if not waiting[whose]:
                del waiting[whose]
        return order

    def _has_had_its_time(self, running: Job, waiting: list[Job]) -> bool:
        """Whether a running job should make way: others wait, and it has kept what it learnt since it was started."""
        begun = self._begun.get(running.id, time.time())
        others = any(_whose(job) != _whose(running) for job in waiting)
        return others and time.time() - begun > 60 * settings.TRAINING_MINUTES and run.kept_since(running.spec, begun)

    def _start(self, job: Job) -> None:
        job = self._put(replace(job, state=State.RUNNING, cause=""))
        self._begun[job.id] = time.time()
        self._served[_whose(job)] = max(self._served.values(), default=0) + 1
        try:
            (self.folder(job) / MESSAGE).unlink(missing_ok=True)
            self._workers[job.id] = self._launch(self.folder(job))
        except OSError as error:
            self._put(
                replace(job, state=State.FAILED, cause=f"no process could be started for it ({error}): resume it.")
            )

    def _end(self, job_id: str) -> None:
        """End the process of a job, if it has one; every finished epoch is on disk."""
        if worker := self._workers.pop(job_id, None):
            worker.kill()

    def _ended(self, job_id: str, code: int) -> None:
        job = read_job(jobs_folder() / job_id)
        cause = said(self.folder(job))
        if code == 0:
            self._put(replace(job, state=State.DONE, cause=""))
        else:
            self._put(replace(job, state=State.FAILED, finishing=False, cause=cause or self._guess(job, code)))
        del self._workers[job_id]

    def _guess(self, job: Job, code: int) -> str:
        """Why a process ended that could not say so itself."""
        log = self.folder(job) / LOG
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        last = lines[-1] if lines else "it said nothing"
        return why(code) if code < 0 or code == NO_ROOM else f"{why(code)}: {last}"

    def _adopt(self) -> None:
        """What a server that died left as running is interrupted, and what it had just taken in gets its name."""
        for job in all_jobs():
            if job.state is State.WAITING and not run.folder(job.spec).exists():
                with suppress(OddDigitError):  # its own worker says what is in the way
                    run.reserve(job.spec)
            if job.state is State.RUNNING:
                self._put(replace(job, state=State.INTERRUPTED, cause="the server ended while it was training."))

    def _expect(self, job_id: str, visitor: str, what: str, *states: State) -> Job:
        self._check_owner()
        job = self.get(job_id, visitor)
        if job.state not in states:
            raise TrainingError(f"{job.spec.name} is {job.state}: it cannot {what}.")
        return job

    def _check_owner(self) -> None:
        if not self._owner.is_locked:
            if trouble := why_not(jobs_folder()):
                raise TrainingError(trouble)
            raise TrainingError("another server with the same state folder does the training: use that one.")

    def _put(self, job: Job) -> Job:
        write_job(self.folder(job), job)
        return job


def _whose(job: Job) -> str:
    """Whose turn it is: on one person's machine all jobs are that person's."""
    return job.spec.visitor if settings.shared_server() else ""


@cache
def _at(state: Path) -> Jobs:  # noqa: ARG001 - one manager a state folder
    return Jobs()


def of_server() -> Jobs:
    """The one manager of this process, started on first use."""
    return _at(jobs_folder())
