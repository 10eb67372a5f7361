"""Determinism: what makes the same seed give the same tensors, bit for bit, whatever else the process does."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums come out the same every time only when one thread adds them up; the former number is put back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def seeded(random: torch.Generator) -> Iterator[None]:
    """Seed layers such as dropout from the run's own generator; torch's global one is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=random)))
        yield
