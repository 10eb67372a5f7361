"""Folders: what is a job's, and how they go away."""

import errno
import shutil
from pathlib import Path

import pytest

from core.errors import WriteError
from core.files.folder import folders, trash


def test_a_folder_whose_removal_was_ended_on_the_way_is_listed_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kept", "removed", "no-job"):
        (tmp_path / name).mkdir()
    for name in ("kept", "removed"):
        (tmp_path / name / "job.json").write_text("{}")
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # as a kill leaves it

    trash(tmp_path / "removed")

    assert len(list(tmp_path.iterdir())) == 3
    assert folders(tmp_path) == [tmp_path / "kept"]


def test_a_folder_that_the_disk_does_not_let_go_is_all_there_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "job.json").write_text("{}")

    def refuse(path: Path, to: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "rename", refuse)

    with pytest.raises(WriteError, match="the disk is read-only"):
        trash(tmp_path / "kept")
    assert folders(tmp_path) == [tmp_path / "kept"]
