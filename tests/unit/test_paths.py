from pathlib import Path

import pytest

from core import paths


def test_without_any_setting_everything_lies_in_the_repository_wherever_one_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ODD_DIGIT_DATASETS", raising=False)
    monkeypatch.chdir(tmp_path)

    assert paths.datasets_dir() == paths.ROOT / "data" / "datasets"
    assert (paths.CHECKPOINTS.parent / "core" / "paths.py").is_file()


def test_data_sets_and_state_lie_where_the_environment_says_and_asking_makes_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    for sets, state in ((str(tmp_path / "sets"), str(tmp_path / "deep" / "state")), ("~/sets", "deep/state")):
        monkeypatch.setenv("ODD_DIGIT_DATASETS", sets)
        monkeypatch.setenv("ODD_DIGIT_STATE", state)
        assert paths.datasets_dir() == tmp_path / "sets"
        assert paths.state_dir() == tmp_path / "deep" / "state"
    assert not list(tmp_path.iterdir())


def test_a_folder_of_nobodys_is_said_with_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_DIGIT_STATE", "~nobody-here/state")

    with pytest.raises(SystemExit, match="ODD_DIGIT_STATE is '~nobody-here/state', and there is no such user"):
        paths.state_dir()
