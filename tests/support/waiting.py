"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable


def wait_for(what: Callable[[], object], seconds: float = 400) -> None:
    """Wait until something is so; a test that waits for too long has failed."""
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.02)
