"""Record how a generator learns 5s, for the Training page of a machine that has trained nothing yet.

    python -m scripts.learning [--frames FOLDER]

Trains as the page does and keeps what is drawn before the first and after every epoch in assets/learning, without
MNIST's own digits: the generator's samples, the losses, and the errors and distances that set odd digits
apart. Takes some minutes; `--frames` takes the frames of a finished job instead (`jobs/ID/frames` in the state folder).
"""

import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from core import datasets, paths
from core.detector import Detector
from core.training import snapshots
from core.training.run import normal_images

PLACE = paths.ASSETS / "learning"


def main(
    frames: Annotated[Path | None, typer.Option(help="Frames of a finished job, in place of a new training.")] = None,
) -> None:
    """Record, or take what was recorded, and keep it."""
    with tempfile.TemporaryDirectory() as name:
        recorded = frames or record(Path(name))
        shutil.rmtree(PLACE, ignore_errors=True)
        for path in snapshots.frames(recorded):
            snapshots.write(PLACE / path.name, without_originals(snapshots.read(path)))
    print(f"{len(snapshots.frames(PLACE))} frames in {PLACE}")


def record(folder: Path) -> Path:
    """Train on MNIST's 5s and watch; gives where the frames lie."""
    training = datasets.load("mnist", "train")
    watcher = snapshots.Watcher(folder)
    images, labels, _ = normal_images(training, ("5",))
    for progress in Detector(seed=0).fit_steps(images, labels, None, lambda *seen: watcher(training, *seen)):
        print(f"\r{100 * progress.fraction:3.0f} %", end="", file=sys.stderr)
    return folder


def without_originals(frame: snapshots.Frame) -> snapshots.Frame:
    """A frame without the digits it was compared on, which are the data set's."""
    none = frame.held_out[:0]
    return replace(frame, held_out=none, held_out_drawn=none, odd=none, odd_drawn=none)


if __name__ == "__main__":
    typer.run(main)
