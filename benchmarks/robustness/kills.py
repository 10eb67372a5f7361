"""Sudden death: work killed by SIGKILL at a random moment, done again, and compared with what was never disturbed.

    python -m benchmarks.robustness.kills [--kills 200] [--seed 0] [--only training] [--write]

Kinds of work in turn: trainings, batches, imports, deletions, calibrations, records in the history and what else is
written (``operations``). Each is begun in a process of its own, killed after a random share of the time that it takes,
and begun again on what is left. Tensors and tables must be the undisturbed ones to the bit, no row of the history lost
or double, its file whole, and nothing left over once the state folder has been swept. Prints a Markdown table, with
`--write` into benchmarks/results.md; ends with 1 where there is a fault. Linux and macOS: processes are forked.
"""

import os
import random
import signal
import time
from dataclasses import dataclass, field
from typing import Annotated

import typer

from benchmarks.common import Write, report_faults
from benchmarks.results import Report
from benchmarks.robustness import apart, operations
from benchmarks.robustness.apart import forked, prepared
from benchmarks.robustness.operations import OPERATIONS, Operation, Size

AT_MOST = 1.1  # a kill comes after up to this share of the undisturbed time


@dataclass
class Tally:
    """What became of one kind of work.

    Attributes:
        kills: how often it was killed.
        midway: how many of them came before it was done.
        faults: what was not as if nothing had happened, in words.
    """

    kills: int = 0
    midway: int = 0
    faults: list[str] = field(default_factory=list)


def kill_often(kind: str, kills: int, seed: int) -> Tally:
    """Kill one kind of work so often, each time in a state folder made anew, and compare what it comes to."""
    chance, tally, operation = random.Random(f"{kind}-{seed}"), Tally(), OPERATIONS[kind]
    with prepared(operation.prepare) as anew:
        seconds = []
        for _ in range(3):
            anew()
            begun = time.monotonic()
            _killed(operation, float("inf"))
            seconds.append(time.monotonic() - begun)
        expected = forked(operations.shown)
        for number in range(kills):
            anew()
            tally.midway += _killed(operation, chance.uniform(0, AT_MOST * min(seconds)))
            tally.kills += 1
            try:
                forked(operation.work)
                came_to, rubbish = forked(operations.shown), forked(operations.left_over)
            except RuntimeError as error:
                tally.faults.append(f"{kind} {number}: {error}")
                continue
            if came_to != expected:
                tally.faults.append(f"{kind} {number}: {came_to[:80]} instead of {expected[:80]}")
            if rubbish:
                tally.faults.append(f"{kind} {number}: left over {rubbish}")
    return tally


def _killed(operation: Operation, seconds: float) -> bool:
    """Begin something in a process of its own and kill it after so many seconds; whether it was still at work."""
    pid, ours = apart.begun(operation.work)
    end = time.monotonic() + seconds
    with ours:
        while time.monotonic() < end:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return False
            time.sleep(min(0.001, seconds))
        os.kill(pid, signal.SIGKILL)
        return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def kill(kills: int, seed: int, only: str = "") -> dict[str, Tally]:
    """Kill each kind of work, so often in all."""
    operations.be_small(Size())
    kinds = [only] if only else [*OPERATIONS]
    shares = {kind: kills // len(kinds) + (i < kills % len(kinds)) for i, kind in enumerate(kinds)}
    return {kind: kill_often(kind, share, seed) for kind, share in shares.items()}


def main(
    kills: Annotated[int, typer.Option(help="In all.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    only: Annotated[str, typer.Option(help=f"One kind of work alone: {', '.join(OPERATIONS)}.")] = "",
    write: Write = False,
) -> None:
    """Kill, compare and count."""
    report = Report(write)
    tallies = kill(kills, seed, only)
    rows = {kind: [one.kills, one.midway] for kind, one in tallies.items()}
    report_faults(
        report, "Sudden death", ["work", "kills", "before it was done"], rows, {k: t.faults for k, t in tallies.items()}
    )


if __name__ == "__main__":
    typer.run(main)
