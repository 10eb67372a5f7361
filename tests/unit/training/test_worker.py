"""The process that trains: what it reports and leaves, and that a kill at any moment loses no finished epoch."""

import errno
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import paths
from core.detector import Detector, estimator, registry
from core.errors import WriteError
from core.gan.recipe import TrainingSettings
from core.gan.trainer import Trainer
from core.jobs import process
from core.jobs.process import GAVE_UP, said
from core.training import run, snapshots
from core.training.job import Job, State, frames_folder, jobs_folder, read_report, write_job
from core.training.queue import Jobs
from core.training.run import RunSpec
from core.training.worker import Clock, Orders, main
from tests.support.command_line import save_npz
from tests.support.waiting import wait_for


def deaf_orders(finishing: bool = False) -> Orders:
    """Orders that never come."""
    return Orders(os.pipe()[0], finishing)


def job_folder() -> Path:
    spec = RunSpec("tiny", ("5",), "digits", "dense", epochs=2)
    run.reserve(spec)
    folder = jobs_folder() / "job"
    write_job(folder, Job(id="job", spec=spec))
    return folder


def diverge_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Trainer._step

    def spoilt(self: Trainer, *arguments: Any) -> dict[str, float]:
        losses = step(self, *arguments)
        return losses if self.epoch < epochs else losses | {"generator": float("nan")}

    monkeypatch.setattr(Trainer, "_step", spoilt)


def test_the_worker_reports_draws_frames_and_puts_the_detector_on_the_shelf() -> None:
    folder = job_folder()
    assert main(folder, deaf_orders()) == 0
    frames = [snapshots.read(path) for path in snapshots.frames(frames_folder(folder))]
    assert [(frame.label, frame.epoch) for frame in frames] == [("5", 0), ("5", 1), ("5", 2)]
    assert [bool(frame.losses) for frame in frames] == [False, True, True]
    assert frames[0].samples.shape == (16, 28, 28)
    assert np.array_equal(frames[0].held_out, frames[1].held_out)
    assert not np.array_equal(frames[0].samples, frames[1].samples)
    assert 0 <= frames[1].separation <= 1
    assert frames[0].fresh_flagged == 1, "before it learns it draws no digits"
    assert frames[2].fresh_distances.shape == (200,)
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
    assert "diverged in epoch 2" in said(folder)
    assert main(folder, deaf_orders(finishing=True)) == 0
    assert len(registry.card("tiny", "").curve["5"]["generator"]) == 1
    assert Detector.load("tiny").evaluation_.n_anomaly > 0


def test_training_that_diverges_at_once_leaves_nothing_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = job_folder()
    diverge_after(0, monkeypatch)
    assert main(folder, deaf_orders()) == GAVE_UP
    assert "diverged in epoch 1" in said(folder)
    assert not run.begun(RunSpec("tiny"))


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ZeroDivisionError("division by zero"), "training broke off: ZeroDivisionError: division by zero"),
        (OSError(28, "No space left on device"), "No space left on device.*make room, then let it go on"),
    ],
)
def test_what_ended_the_work_is_kept_with_its_kind_or_the_remedy(
    error: Exception, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = job_folder()

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(run, "run", fail)
    assert main(folder, deaf_orders()) == GAVE_UP
    assert re.search(cause, said(folder))


def test_what_earlier_sessions_worked_counts_and_pauses_between_them_do_not() -> None:
    clock = Clock(spent=100)
    assert 100 <= clock.seconds < 100.05
    assert clock.left(0.5) is None


SERVER = textwrap.dedent("""
    import sys, time
    from core.training.queue import Jobs
    from core.training.run import RunSpec
    jobs = Jobs()
    print(jobs.submit(RunSpec("tiny", ("5",), sys.argv[1], "dense", epochs=int(sys.argv[2]))).id, flush=True)
    time.sleep(600)
""")


def workers_of(folder: Path) -> list[int]:
    """Numbers of the processes that train the job in a folder."""
    listed = subprocess.run(
        ["pgrep", "-f", f"core.training.worker {folder}"], capture_output=True, text=True, check=False
    )
    return [int(line) for line in listed.stdout.split()]


def test_a_server_killed_outright_loses_no_finished_epoch_and_resumes_to_the_same_tensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Arrange: an uninterrupted run with the same seed, and a server that is killed in the middle of one. The short
    # epochs of tests end at this process, so here they are whole ones, of few images.
    monkeypatch.setattr(estimator, "TrainingSettings", TrainingSettings)
    monkeypatch.chdir(tmp_path)
    epochs, few = 2, save_npz(str(tmp_path / "few.npz"), ("5", "8"), 63)
    for _ in run.run(RunSpec("whole", ("5",), few, "dense", epochs)):
        pass
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, few, str(epochs)], cwd=paths.ROOT, stdout=subprocess.PIPE, text=True
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


def test_a_process_that_can_leave_no_word_on_a_full_disk_says_so_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise WriteError("the disk is full", errno.ENOSPC)

    monkeypatch.setattr(process, "write_whole", full)

    assert "the disk is full or cannot be written" in process.why(process.ending(full, tmp_path, "training"))
