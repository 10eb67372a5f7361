"""What a training job leaves on disk: what was asked for, where it stands, and what its process reported last.

The server and the process that trains meet here alone, and everything survives both of them.
"""

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from core import paths
from core.datasets import uploads
from core.detector import registry
from core.errors import ModelError, TrainingError
from core.files.atomic import write_whole
from core.files.folder import folders
from core.jobs.queue import State
from core.training.run import RunSpec


@dataclass(frozen=True)
class Job:
    """A training job.

    Attributes:
        id: names its folder.
        spec: what to train, and for whom.
        state: where it stands.
        turn: place in the queue, lowest first.
        finishing: whether it was told to stop and make a detector of what it has learnt.
        cause: why it failed or stands still, for people; empty otherwise.
        after: what is to be done after training, as a share of training; for the estimate of what is left.
        created: Unix time, seconds.
    """

    id: str
    spec: RunSpec
    state: State = State.WAITING
    turn: float = 0.0
    finishing: bool = False
    cause: str = ""
    after: float = 0.0
    created: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Report:
    """What the training process said last.

    Attributes:
        stage: what is being done, in words.
        epoch: epochs finished of the digit being learnt.
        epochs: epochs in all, of each digit.
        fraction: of the training, 0..1.
        seconds: spent working, without pauses, earlier sessions included.
        seconds_left: estimate, or None before there is anything to judge by.
        losses: running means of the present epoch, by name.
        written: Unix time of this report, seconds.
    """

    stage: str = "starting"
    epoch: int = 0
    epochs: int = 0
    fraction: float = 0.0
    seconds: float = 0.0
    seconds_left: float | None = None
    losses: dict[str, float] = field(default_factory=dict)
    written: float = 0.0

    def standing(self, now: float) -> tuple[float, float | None]:
        """Share of the whole job done, 0..1, and seconds left, if known, at a Unix time after the report.

        >>> Report(fraction=0.5, seconds=30, seconds_left=60, written=1000).standing(1030)
        (0.6666666666666666, 30)
        """
        if self.seconds_left is None:
            return self.fraction, None
        since = max(now - self.written, 0.0)
        left = max(self.seconds_left - since, 1.0)
        return min((self.seconds + since) / (self.seconds + since + left), 1.0), left


def jobs_folder() -> Path:
    """Where all jobs lie, a folder each."""
    return paths.state_dir() / "jobs"


def frames_folder(folder: Path) -> Path:
    """Where a job's frames lie; see ``core.training.snapshots``."""
    return folder / "frames"


def write_job(folder: Path, job: Job) -> None:
    """Keep a job, whole or not at all."""
    _write(folder / "job.json", asdict(job))


def read_job(folder: Path) -> Job:
    """A job as it was kept.

    Raises:
        TrainingError: the file is missing or damaged.
    """
    data = _read(folder / "job.json")
    try:
        spec = data.pop("spec")
        # Before a run said for whom it is, the job alone did.
        spec = {"visitor": data.pop("visitor", "")} | spec | {"normal": tuple(spec["normal"])}
        job = Job(**data | {"state": State(data["state"]), "spec": RunSpec(**spec)})
        check_types(job, job.spec)
        return job
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrainingError(f"the job in {folder.name} is damaged ({error}).") from error


def check_types(*kept: Job | RunSpec) -> None:
    """Refuse what was read from a file where a field is not of its type: nothing later asks again.

    Raises:
        TypeError: a field is of another type; the text names it.
    """
    for record in kept:
        for name, expected in get_type_hints(type(record)).items():
            expected = tuple if get_origin(expected) is tuple else (int, float) if expected is float else expected
            if not isinstance(getattr(record, name), expected):
                raise TypeError(f"its {name} is {getattr(record, name)!r}")


def all_jobs() -> list[Job]:
    """Every job that can be read, oldest first."""
    jobs = []
    for folder in folders(jobs_folder()):
        try:
            jobs.append(read_job(folder))
        except TrainingError:
            continue  # deleted just now, or damaged: no reason to hide the others
    return sorted(jobs, key=lambda job: job.created)


def forget_upload(dataset: str, visitor: str) -> None:
    """Remove a visitor's upload, unless a job or one of the visitor's models still refers to it."""
    if not uploads.holds(dataset, visitor):
        return
    used = {job.spec.dataset for job in all_jobs()}
    for model in registry.models(visitor):
        if not model.shipped:
            with suppress(ModelError):
                used.add(registry.card(model.name, visitor).dataset)
    if dataset not in used:
        Path(dataset.removeprefix("npz:")).unlink(missing_ok=True)


def write_report(folder: Path, report: Report) -> None:
    """Keep a report, whole or not at all."""
    _write(folder / "report.json", asdict(report))


def read_report(folder: Path) -> Report:
    """The last report; an empty one before there is any."""
    try:
        return Report(**_read(folder / "report.json"))
    except (TrainingError, TypeError):
        return Report()


def _write(path: Path, data: dict[str, Any]) -> None:
    text = json.dumps(data)
    write_whole(path, lambda part: part.write_text(text))


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path.parent.name}/{path.name} cannot be read ({error}).") from error
    if not isinstance(data, dict):
        raise TrainingError(f"{path.parent.name}/{path.name} is not what this app writes.")
    return data
