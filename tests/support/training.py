"""A training queue with workers that do nothing, ticked by hand."""

from pathlib import Path

from core.jobs.process import say
from core.training import run
from core.training.job import State, read_job
from core.training.queue import Jobs
from core.training.run import RunSpec


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
            say(worker.folder, cause)
        worker.code = code
        self.jobs.tick()

    def states(self) -> dict[str, State]:
        return {job.spec.name: job.state for job in self.jobs.of("")}
