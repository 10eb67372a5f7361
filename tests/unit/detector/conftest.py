"""What tests of detectors share."""

import shutil
from pathlib import Path

import pytest

from core import paths
from core.detector import Detector


@pytest.fixture(params=["tiny_detector", "tiny_detector_any"], ids=["one digit", "several digits"])
def detector(request: pytest.FixtureRequest) -> Detector:
    return request.getfixturevalue(request.param)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_detector_file: Path) -> Path:
    """A folder of shipped models that holds one, "mnist-5"."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    shutil.copy(tiny_detector_file, folder / "mnist-5.safetensors")
    monkeypatch.setattr(paths, "CHECKPOINTS", folder)
    return folder
