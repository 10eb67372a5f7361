"""A history of a test's own."""

from pathlib import Path

import pytest

from core.history import History


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history.sqlite")
