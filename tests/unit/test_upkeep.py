"""Upkeep: rubbish and what nobody can reach goes away, what anyone still uses stays."""

import os
import time
from pathlib import Path

import pytest

from core import paths, quota, settings, upkeep
from core.detector import registry
from core.history import History
from core.training.job import Job, jobs_folder, write_job
from core.training.run import RunSpec
from tests.support.recorded import verdict


def put(path: Path, days_ago: float = 0.0, size: int = 1) -> Path:
    """A file that was last used so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    age(path, days_ago)
    return path


def age(path: Path, days_ago: float) -> None:
    moment = time.time() - days_ago * upkeep.DAY
    os.utime(path, (moment, moment))


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_kills_left_behind_goes_and_what_is_being_written_stays(state_dir: Path) -> None:
    put(state_dir / "models" / ".mine.safetensors.abc.part", days_ago=1)
    put(state_dir / "models" / ".new.safetensors.abc.part")
    put(state_dir / "models" / "mine.safetensors", days_ago=900)
    age(put(state_dir / "import-abc" / "the file.safetensors").parent, days_ago=1)
    age(put(state_dir / "batches" / ".deleted-1" / "part").parent, days_ago=1)
    age(put(state_dir / "jobs" / "without" / "frames" / "one").parents[1], days_ago=1)
    age(put(state_dir / "batches" / "without" / "calibration.npy").parent, days_ago=1)
    age(put(state_dir / "batches" / "ray" / "rows" / "unit").parents[1], days_ago=1)
    write_job(state_dir / "jobs" / "whole", Job("whole", RunSpec("mine")))
    age(state_dir / "jobs" / "whole", days_ago=900)

    upkeep.sweep()

    models = {"models/.new.safetensors.abc.part", "models/mine.safetensors"}
    assert files_in(state_dir) == models | {"jobs/whole/job.json", "batches/ray/rows/unit"}


def test_of_a_cache_beyond_its_share_what_was_used_longest_ago_goes(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "CACHE_MB", 1)
    for days in range(5):
        put(state_dir / "cache" / f"{days}.safetensors", days, 400_000)

    upkeep.sweep()

    assert files_in(state_dir / "cache") == {"0.safetensors", "1.safetensors"}


@pytest.mark.usefixtures("shared_server")
def test_what_nobody_can_reach_any_more_goes_with_all_that_is_theirs(state_dir: Path) -> None:
    for visitor, known_by, days in (
        ("gone", "cookie", 402),
        ("back", "cookie", 390),
        ("tab", "session", 31),
        ("staff", "proxy", 9_000),
    ):
        quota.seen(visitor, known_by)
        put(registry.own_folder(visitor) / "mine.safetensors", 900)
        write_job(jobs_folder() / visitor, Job(visitor, RunSpec("mine", visitor=visitor)))
        put(state_dir / "batches" / visitor / "job.json").write_text(f'{{"visitor": "{visitor}"}}')
        History(visitor=visitor).record(verdict(1, visitor=visitor))
        age(paths.visitors_dir() / visitor / quota.SEEN, days)
    put(registry.own_folder("older") / "mine.safetensors", 900)

    upkeep.sweep()

    stays = {"back", "staff"}
    assert {path.name for path in paths.visitors_dir().glob("*/")} == stays | {"older"}
    assert {path.name for path in jobs_folder().glob("*/")} == stays
    assert {path.name for path in state_dir.glob("batches/*/")} == stays
    assert {who for who in ("gone", "back", "tab", "staff") if History(visitor=who).count().judged} == stays
    assert (paths.visitors_dir() / "older" / quota.SEEN).exists(), "whose time begins now"


@pytest.mark.usefixtures("shared_server")
def test_a_visitors_run_that_no_job_goes_on_with_goes_and_one_that_waits_stays() -> None:
    quota.seen("anna", "cookie")
    write_job(jobs_folder() / "one", Job("one", RunSpec("wanted", visitor="anna")))
    for name in ("wanted", "orphan"):
        age(put(registry.runs_folder("anna") / name / "spec.json").parent, days_ago=2)

    upkeep.sweep()

    assert {run.name for run in registry.runs_folder("anna").glob("*/")} == {"wanted"}


def test_on_ones_own_machine_nothing_expires(state_dir: Path) -> None:
    put(state_dir / "models" / "mine.safetensors", 9_000)
    age(put(state_dir / "runs" / "mine" / "spec.json").parent, 9_000)

    upkeep.sweep()

    assert files_in(state_dir) == {"models/mine.safetensors", "runs/mine/spec.json"}
