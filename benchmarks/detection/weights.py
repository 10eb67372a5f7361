"""How the weights of the fusion were chosen: on development images of the digits 0 to 3, never on test images.

    python -m benchmarks.detection.weights --write

Trains one detector a digit on the first 50,000 training images (kept in the state folder), and prints for a grid of
weights the mean AUROC against other digits and against malformed normals of the last 10,000. What is in use was the
first row in which every evidence has a part when it was chosen; with today's features and reconstructions other rows
are as good to within 0.00001, which is no reason to change it. The digits 4 to 9 take no part in the choice.
"""

import sys
from itertools import product
from typing import Annotated

import numpy as np
import typer

from benchmarks import common
from benchmarks.detection import malformations, malformed
from benchmarks.results import Report, table
from core import datasets, paths
from core.detector import Detector
from core.detector import file as detector_file
from core.scoring import scorer as scoring

DIGITS = ("0", "1", "2", "3")
GRADIENT = (0.0, 0.03, 0.05, 0.1, 0.2)
DISCRIMINATOR = (0.0, 0.01, 0.03, 0.1)
MEDIUM = 1

Parts = dict[str, np.ndarray]


def main(
    images: Annotated[int, typer.Option(min=10, help="Malformed normals a family and digit.")] = 150,
    write: Annotated[bool, typer.Option("--write", help="Put the table into benchmarks/results.md.")] = False,
) -> None:
    """Print a markdown table of all weights, the best first."""
    report = Report(write)
    common.one_thread()
    training, test = datasets.development(datasets.load("mnist", "train"))
    found = [of_digit(digit, training, test, images) for digit in DIGITS]
    measured: list[tuple[float, float, str]] = []
    for gradient, discriminator in product(GRADIENT, DISCRIMINATOR):
        weights = {"manifold": 1.0, "gradient": gradient, "discriminator": discriminator}
        others = float(np.mean([area(weights, normal, odd) for normal, odd, _ in found]))
        broken = float(np.mean([area(weights, normal, bad) for normal, _, family in found for bad in family]))
        chosen = " (in use)" if weights == scoring.WEIGHTS else ""
        measured.append((others, broken, f"1 : {gradient} : {discriminator}{chosen}"))
    rows = [[name, f"{others:.5f}", f"{broken:.4f}"] for others, broken, name in sorted(measured, reverse=True)]
    columns = ["manifold : gradient : discriminator", "other digits", "malformed, medium"]
    title = f"Fused AUROC, mean of the digits {', '.join(DIGITS)}, development images of the training part."
    report.publish("Weights", f"{title}\n\n{table(columns, rows)}")


def of_digit(
    digit: str, training: datasets.Dataset, test: datasets.Dataset, count: int
) -> tuple[Parts, Parts, list[Parts]]:
    """What fuses, standardised: of a digit's development normals, of the other digits, of each malformed family."""
    detector = _detector(digit, training)
    (scorer,) = detector.scorers_.values()
    own = training.of(digit)
    scorer = scorer.weighed(own[datasets.split(len(own), detector.split_seed).validation])
    names = np.array(test.label_names)[test.labels]
    normals = test.images[names == digit]
    families = [family for family in malformations.FAMILIES if digit in malformed.counted(family, [digit])]
    bad = [malformations.malform(normals[:count], family, MEDIUM) for family in families]
    return scorer.parts(normals), scorer.parts(test.images[names != digit]), [scorer.parts(part) for part in bad]


def area(weights: dict[str, float], normal: Parts, odd: Parts) -> float:
    """AUROC of the weighted sum."""
    scores = [np.sum([weight * parts[name] for name, weight in weights.items()], axis=0) for parts in (normal, odd)]
    return malformed.area(*scores)


def _detector(digit: str, training: datasets.Dataset) -> Detector:
    """Of the development training images; trained if it is not there yet."""
    file = paths.state_dir() / "development" / f"mnist-{digit}.safetensors"
    if not file.exists():
        sys.stderr.write(f"training digit {digit}\n")
        file.parent.mkdir(parents=True, exist_ok=True)
        Detector().fit(training.of(digit)).save(file)
    return Detector.of(detector_file.load(file, outdated=True))  # networks and memory are all that is asked of it


if __name__ == "__main__":
    typer.run(main)
