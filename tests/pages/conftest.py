"""What tests of the pages share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.training import queue
from core.views import second_opinion
from tests.support import judging
from tests.support.opened import open_page


@pytest.fixture(autouse=True)
def second_opinions_by_a_tiny_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model of all ten digits takes seconds to wake; a test that is of what it says takes it back."""
    monkeypatch.setattr(second_opinion, "MODEL", "tiny-any")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[queue.Jobs]:
    """The jobs of a server that has never been online, ended with the test."""
    monkeypatch.setenv("ODD_DIGIT_DATASETS", str(tmp_path / "nothing"))
    jobs = queue.of_server()
    yield jobs
    jobs.close()


@pytest.fixture
def open_training_page(server: queue.Jobs) -> Callable[[], AppTest]:
    """Opens the Training page of that server."""
    return lambda: open_page("pages/2_Training.py")


@pytest.fixture
def judged_here(tiny_shelf: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny models on the shelf, and no process of batches to wait for."""
    monkeypatch.setattr("core.batch.queue.start", judging.by_name)
