"""Background training: the queue of training jobs that belongs to the server, who may order what of which.

Jobs live in files, so that closing a tab, restarting the server or killing it loses at most the epoch under way.
"""

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
from core.jobs.process import LOG, NO_ROOM, Process, Worker, said, why
from core.jobs.queue import Entry, Queue, State, in_turn
from core.training import run
from core.training.job import Job, Report, all_jobs, jobs_folder, read_job, read_report, write_job, write_report
from core.training.run import RunSpec
from core.training.worker import FINISH

_TICK_SECONDS = 0.2
_NO_JOB = "that training job is no longer here: it was deleted."


def start(folder: Path) -> Worker:
    """The process that trains the job in a folder."""
    return Process(folder, "core.training.worker")


class Jobs(Queue):
    """The server's training jobs.

    Jobs that were running when a server died are marked interrupted by the next one. Of several servers with one state
    folder only the first works; the others show what it does.

    Args:
        launch: starts the worker for the job in a folder.
        tick_seconds: how often the thread looks; 0 starts none, for whoever calls ``tick`` themselves.
    """

    def __init__(self, launch: Callable[[Path], Worker] = start, tick_seconds: float = _TICK_SECONDS) -> None:
        self._root = jobs_folder()
        self._owner = filelock.FileLock(self._root / "lock", timeout=0, thread_local=False)
        super().__init__(launch, tick_seconds)
        self._look()

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
        entries = self.entries()
        order = [entry.folder.name for entry in in_turn(entries, self._served)]
        before = order.index(job.id) if job.id in order else 0
        return before + any(entry.state is State.RUNNING for entry in entries)

    def pause(self, job_id: str, visitor: str) -> Job:
        """Hold a waiting or running job, whose process ends; the queue goes on without it.

        Raises:
            TrainingError: it is neither.
        """
        with self._mutex:
            job = self._expect(job_id, visitor, "be paused", State.WAITING, State.RUNNING)
            self._end(self.folder(job))
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
                self._workers[self.folder(job)].say(FINISH)
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
            self._end(self.folder(job))
            if job.state is not State.DONE:
                run.discard(job.spec)
            trash(self.folder(job))

    def close(self) -> None:
        """End all workers and let go of the queue, as a dying server would; running jobs will be found interrupted."""
        super().close()
        self._owner.release()

    def entries(self) -> list[Entry]:
        """All jobs, of all visitors; on one person's machine all are that person's."""
        return [
            Entry(self.folder(job), job.spec.visitor * settings.shared_server(), job.state, job.turn, job.cause)
            for job in all_jobs()
        ]

    def _set(self, folder: Path, state: State, cause: str = "") -> None:
        job, report = read_job(folder), read_report(folder)
        if state is State.RUNNING and report.written:  # what is left of it begins to pass again now
            write_report(folder, replace(report, written=time.time()))
        self._put(replace(job, state=state, cause=cause, finishing=job.finishing and state is not State.FAILED))

    def _ended(self, folder: Path, code: int) -> None:
        if code == 0:
            self._set(folder, State.DONE)
        else:
            self._set(folder, State.FAILED, said(folder) or _guess(folder, code))

    def _got_on(self, folder: Path, since: float) -> bool:
        return run.kept_since(read_job(folder).spec, since)

    def _patience(self) -> float:
        return 60 * settings.TRAINING_MINUTES

    def _may_work(self) -> bool:
        """Whether this server owns the queue; one whose owner has died is taken over."""
        if self._root != jobs_folder():  # the process has another state folder by now, with a manager of its own
            return False
        if not self._owner.is_locked:
            try:
                self._owner.acquire()
            # Another server has it, or nothing can be written here: then what there is can still be looked at.
            except (filelock.Timeout, OSError):
                return False
            self._adopt()
        return True

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


def _guess(folder: Path, code: int) -> str:
    """Why a process ended that could not say so itself."""
    log = folder / LOG
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    last = lines[-1] if lines else "it said nothing"
    return why(code) if code < 0 or code == NO_ROOM else f"{why(code)}: {last}"


@cache
def _at(state: Path) -> Jobs:  # noqa: ARG001 - one manager a state folder
    return Jobs()


def of_server() -> Jobs:
    """The one manager of this process, started on first use."""
    return _at(jobs_folder())
