"""Sudden death at random moments, some of each kind; ``benchmarks.robustness.kills`` has two hundred."""

from pathlib import Path

import pytest

from benchmarks.robustness import kills


@pytest.mark.parametrize("kind", ["deletion", "history", "import"])
def test_killed_work_that_is_begun_again_comes_to_what_was_never_disturbed(
    kind: str, monkeypatch: pytest.MonkeyPatch, tiny_detector_file: Path
) -> None:
    monkeypatch.setitem(kills._CONTENT, kills.MODEL, tiny_detector_file.read_bytes())

    tally = kills.kill_often(kind, kills=3, seed=1)

    assert tally.faults == []
    assert tally.kills == 3
