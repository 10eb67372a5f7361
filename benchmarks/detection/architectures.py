"""The kinds of networks on one digit of the development fold: AUROC of every evidence, size, training time, speed.

python -m benchmarks.detection.architectures [--digit 5]
"""

import sys
from typing import Annotated

import numpy as np
import typer

from benchmarks.common import Write, auroc, begin
from benchmarks.detection.peers.contract import judge
from benchmarks.detection.peers.ours import Ours
from benchmarks.development import SHIPPED, file_of, trained
from benchmarks.results import table
from core import datasets
from core.gan.networks import ARCHITECTURES
from core.operating_point import EVIDENCES


def main(digit: Annotated[str, typer.Option(help="Which digit.")] = "5", write: Write = False) -> None:
    """Train what is missing and print a markdown table."""
    report = begin(write)
    _, test = datasets.development(datasets.load("mnist", "train"))
    anomaly = np.array(test.label_names)[test.labels] != digit
    rows = [[name, *figures(digit, name, test.images, anomaly)] for name in ARCHITECTURES]
    columns = ["architecture", *EVIDENCES, "MB", "trained in s", "one image, ms", "images/s"]
    title = (
        f"Architectures on digit {digit}, development split: AUROC by evidence, and what it costs in processor time."
    )
    report.publish("Architectures", f"{title}\n\n{table(columns, rows)}")


def figures(digit: str, architecture: str, test: np.ndarray, anomaly: np.ndarray) -> list[object]:
    """The cells of one architecture's row, measured on ``test``, ``(n, 28, 28)``."""
    sys.stderr.write(f"{architecture}\n")
    variant = SHIPPED if architecture == "conv" else architecture
    detector = trained(digit, variant)
    size = f"{file_of(digit, variant).stat().st_size / 1e6:.2f}"
    seconds = detector.card_.seconds
    cost = judge(Ours(detector=detector), test, anomaly, seconds, seconds)
    scores = detector.inspect(test).scores
    areas = [auroc(scores[name][~anomaly], scores[name][anomaly]) for name in EVIDENCES]
    return [*areas, size, f"{seconds:.0f}", f"{cost.one_image_ms:.1f}", f"{cost.images_per_second:,.0f}"]


if __name__ == "__main__":
    typer.run(main)
