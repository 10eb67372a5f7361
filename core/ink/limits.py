"""Limits of a process that opens what people hand over: what it has plus so much memory, where systems can do that."""

from contextlib import suppress
from pathlib import Path

MEMORY = 1 << 30  # bytes that reading one thing may take


def limit_memory() -> None:
    """Bound this process; beyond that, allocating fails in it, whatever library asks."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
