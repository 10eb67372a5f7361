"""Sudden death at random moments, some of one kind; ``benchmarks.robustness.kills`` has two hundred of six."""

import subprocess
import sys

from core import paths


def test_a_history_killed_while_it_is_written_loses_and_doubles_nothing_when_it_is_written_again() -> None:
    # In a process of its own, which has no threads yet: it is forked for every try.
    command = [sys.executable, "-m", "benchmarks.robustness.kills", "--only", "history", "--kills", "5"]
    done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stderr
    assert "| history | 5 |" in done.stdout
    assert "No fault" in done.stdout
