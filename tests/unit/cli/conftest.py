from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from core import paths
from core.cli.app import app
from tests.support.command_line import Run


@pytest.fixture
def run(tiny_shelf: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process, in a folder of its own, where the models tiny-5 and tiny-any are on the shelf."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(paths, "CHECKPOINTS", tmp_path / "no-shipped-models")

    def call(*arguments: str) -> Result:
        result = CliRunner().invoke(app, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return call
