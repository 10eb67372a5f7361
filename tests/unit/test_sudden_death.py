"""Sudden death and full disks: some of each kind; ``benchmarks.robustness`` has all of them."""

import subprocess
import sys

import pytest

from core import paths


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("--means moments --every 4 --only history", id="killed at some moments"),
        pytest.param("--means python --every 4 --only queue,deletion", id="struck at some calls"),
    ],
)
def test_what_is_ended_or_refused_anywhere_is_left_whole_and_done_again_comes_to_the_same(command: str) -> None:
    # In a process of its own, which has no threads yet: it is forked for every try.
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.robustness.system_calls", *command.split()],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "No fault" in done.stdout
