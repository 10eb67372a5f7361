"""What training in the background costs drawing, and drawing training: a thread of the server against a process.

    python -m benchmarks.speed.training_load --rounds 5

Idle, thread and process take turns, so that other load on the machine meets all three alike. A stroke is what the
first page does after each: ink, reading, pictures; the process gives way as a job's does. Two paces: a stroke begun
every second, as a person draws, and one after the other with hardly a rest, which keeps most of a core busy and is the
worst that one visitor can do. Prints a Markdown table, which `--write` puts into benchmarks/results.md; needs MNIST.
"""

import argparse
import itertools
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from benchmarks.results import Report, table
from core import datasets, ink
from core.datasets.examples import for_normal
from core.detector import Detector
from core.figures import images
from core.gan.prior import Mixture
from core.gan.recipe import TrainingSettings
from core.gan.trainer import Trainer
from core.training.process import give_way

PACES = {"a stroke a second": (1.0, 0.0), "without rest": (0.0, 0.1)}  # seconds: between beginnings, least rest


class Steps(Trainer):
    """A trainer that counts its steps and can be ended between two of them."""

    taken = 0
    ended = False

    def _step(self, images: torch.Tensor, step: int, prior: Mixture | None) -> dict[str, float]:
        if self.ended:
            raise InterruptedError
        losses = super()._step(images, step, prior)
        self.taken += 1
        return losses


def trainer() -> Steps:
    """A run on MNIST's 5s that does not end by itself."""
    torch.set_num_threads(1)
    return Steps(datasets.load("mnist", "train").of("5"), TrainingSettings(epochs=10_000))


def work(training: Steps) -> None:
    """Train until told to end."""
    try:
        for _ in training.run():
            pass
    except InterruptedError:
        return


def child() -> None:
    """The process: trains, and answers every line with the number of steps taken so far."""
    give_way(as_session=True)
    training = trainer()
    threading.Thread(target=work, args=(training,), daemon=True).start()
    for _ in sys.stdin:
        print(training.taken, flush=True)
    os._exit(0)


@contextmanager
def nothing() -> Iterator[Callable[[], int]]:
    """An idle server."""
    yield lambda: 0


@contextmanager
def thread() -> Iterator[Callable[[], int]]:
    """Training in a thread of this process; gives a counter of steps."""
    training = trainer()
    worker = threading.Thread(target=work, args=(training,))
    worker.start()
    yield lambda: training.taken
    training.ended = True
    worker.join()


@contextmanager
def process() -> Iterator[Callable[[], int]]:
    """Training in a process of its own; gives a counter of steps."""
    command = [sys.executable, "-m", "benchmarks.speed.training_load", "--child"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None

        def steps() -> int:
            print(file=worker.stdin, flush=True)
            return int(worker.stdout.readline())  # type: ignore[union-attr]

        yield steps
        worker.stdin.close()


def measure(model: str, rounds: int, seconds: float) -> str:
    """Take turns; medians as a Markdown table."""
    torch.set_num_threads(1)
    detector = Detector.load(model)
    picture = np.asarray(for_normal(detector.card_.normal)[0].picture())

    def stroke() -> float:
        started = time.perf_counter()
        readings = detector.inspect(ink.read(picture, name="stroke", split=False).images)
        images.digit_png(readings.images[0])
        images.digit_png(readings.reconstruction[0])
        images.residual_png(readings.images[0], readings.residual[0])
        return time.perf_counter() - started

    for _ in range(3):
        stroke()
    strokes: dict[tuple[str, str], list[float]] = defaultdict(list)
    steps_a_second: dict[tuple[str, str], list[float]] = defaultdict(list)
    places = {"idle": nothing, "thread": thread, "process": process}
    for _, (name, place) in itertools.product(range(rounds), places.items()):
        with place() as steps:
            while name != "idle" and steps() < 3:
                time.sleep(0.2)
            for pace, (apart, rest) in PACES.items():
                before, started, end = steps(), time.monotonic(), time.monotonic() + seconds
                while time.monotonic() < end:
                    taken = stroke()
                    strokes[name, pace].append(taken)
                    time.sleep(max(rest, apart - taken))
                steps_a_second[name, pace].append((steps() - before) / (time.monotonic() - started))
            before, started = steps(), time.monotonic()
            time.sleep(seconds)
            steps_a_second[name, "alone"].append((steps() - before) / (time.monotonic() - started))
    rows = []
    for (name, pace), times in strokes.items():
        middle, high = np.quantile(times, [0.5, 0.9])
        idle = float(np.median(strokes["idle", pace]))
        alone, drawing = (float(np.median(steps_a_second[name, how])) for how in ("alone", pace))
        trained = (f"{alone:.1f}", f"{drawing:.1f}", f"{alone / drawing:.2f}x") if alone else ("", "", "")
        rows.append([name, pace, f"{1000 * middle:.0f} ms", f"{1000 * high:.0f} ms", f"{middle / idle:.2f}x", *trained])
    columns = ["training in", "drawing", "stroke, median", "90 % below", "against idle"]
    return table([*columns, "steps/s alone", "while drawing", "slower by"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mnist-5")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/results.md")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child()
    else:
        report = Report(given.write)
        report.publish("Training load", measure(given.model, given.rounds, given.seconds))
