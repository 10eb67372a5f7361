"""Pages without a state folder, or with one that cannot be written: they live, and say what cannot be kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core import paths
from core.detector import registry
from core.errors import TrainingError
from core.history import History
from core.training.queue import Jobs
from core.training.run import RunSpec
from tests.support.disks import read_only
from tests.support.opened import open_page, text
from tests.support.recorded import verdict

PAGES = ("dashboard.py", *(f"pages/{file.name}" for file in sorted((paths.ROOT / "pages").glob("[0-9]_*.py"))))
SAID = "no verdict, model, training or batch can be kept"


@pytest.fixture(params=["a file", "read-only"])
def unusable(
    request: pytest.FixtureRequest, tiny_shelf: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A state folder in which nothing can be kept; gives the name of a shipped model."""
    monkeypatch.setattr(paths, "CHECKPOINTS", registry.own_folder("").rename(tmp_path / "shipped"))
    with _unusable(request.param, tmp_path, monkeypatch):
        yield tiny_shelf[0]


@contextmanager
def _unusable(kind: str, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    if kind == "read-only":
        with read_only(paths.state_dir()):
            yield
        return
    (folder / "no-folder").write_text("a file where the folder should be")
    patch.setenv("ODD_DIGIT_STATE", str(folder / "no-folder"))
    yield


@pytest.mark.parametrize("file", PAGES)
def test_every_page_opens_and_says_what_cannot_be_kept(file: str, unusable: str) -> None:
    page = open_page(file, model=unusable)

    assert SAID in text(page)
    assert "cannot be written" in text(page)
    assert [error.value for error in page.error] == []


@pytest.mark.parametrize("file", [file for file in PAGES if not file.endswith(("Training.py", "History.py"))])
def test_without_a_single_model_a_page_that_needs_one_says_how_to_get_one(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "CHECKPOINTS", tmp_path)

    assert "put the files of checkpoints/ back, or train one under Training." in text(open_page(file))


def test_what_was_kept_before_is_read_from_a_folder_that_cannot_be_written(tiny_shelf: tuple[str, str]) -> None:
    History().record(verdict(1, source="kept before"))

    with read_only(paths.state_dir()):
        page = open_page("pages/4_History.py")

    assert "kept before" in text(page)


@pytest.mark.parametrize("kind", ["a file", "read-only"])
def test_training_that_cannot_be_kept_is_refused_in_a_sentence(
    kind: str, state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir.mkdir()
    with _unusable(kind, tmp_path, monkeypatch):
        jobs = Jobs(tick_seconds=0)

        assert jobs.of("") == []
        with pytest.raises(TrainingError, match="cannot be written"):
            jobs.submit(RunSpec("mine"))


def test_with_a_folder_that_can_be_written_nothing_is_said_of_it(tiny_shelf: tuple[str, str]) -> None:
    assert SAID not in text(open_page("pages/3_Batch.py", model=tiny_shelf[0]))
