"""Judge the drawn examples, for a Batch page on which nothing was handed in yet.

    python -m scripts.pile

Keeps them as a finished batch of the model of all ten digits in assets/pile.
"""

import shutil

import typer

from core.batch.drawn import PLACE
from core.batch.run import begin, run
from core.batch.store import Job
from core.datasets.examples import sample_files
from core.detector import Detector
from core.operating_point import OperatingPoint
from core.readers.items import InMemory, Place, label_of, parts_of


def main() -> None:
    """Judge them and keep what came of it."""
    files = sample_files()
    places = [Place(name, InMemory(data), len(data), label=label_of(parts_of(name))) for name, data in files]
    point = OperatingPoint()
    detector = Detector.load(point.model)
    shutil.rmtree(PLACE, ignore_errors=True)
    store = begin(PLACE, Job("the drawn examples", point, total=len(places), keep=False), detector)
    for _ in run(store, places, detector):
        pass
    for needless in (".lock", "finished", "calibration.npy"):  # its calibration set is the shipped model's
        (PLACE / needless).unlink()
    print(f"{store.done[1]} rows in {PLACE}")


if __name__ == "__main__":
    typer.run(main)
