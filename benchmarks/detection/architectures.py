"""The kinds of networks on one digit of the development fold: AUROC of every evidence, size, training time, speed.

python -m benchmarks.detection.architectures [--digit 5]
"""

from typing import Annotated

import numpy as np
import typer

from benchmarks.detection.peers.contract import Ours, judge
from benchmarks.development import SHIPPED, file_of, trained
from benchmarks.harness import Sections, auroc, run, say
from benchmarks.results import table
from core import datasets
from core.gan.networks import ARCHITECTURES
from core.operating_point import EVIDENCES


def main(digit: Annotated[str, typer.Option(help="Which digit.")] = "5") -> Sections:
    """Train what is missing, and measure all."""
    _, test = datasets.development(datasets.load("mnist", "train"))
    anomaly = np.array(test.label_names)[test.labels] != digit
    rows = []
    for name in ARCHITECTURES:
        say(name)
        variant = SHIPPED if name == "conv" else name
        detector = trained(digit, variant)
        seconds = detector.card_.seconds
        cost = judge(Ours(detector), test.images, anomaly, seconds, seconds)
        scores = detector.inspect(test.images).scores
        areas = [auroc(scores[evidence][~anomaly], scores[evidence][anomaly]) for evidence in EVIDENCES]
        size = f"{file_of(digit, variant).stat().st_size / 1e6:.2f}"
        speeds = f"{cost.one_image_ms:.1f}", f"{cost.images_per_second:,.0f}"
        rows.append([name, *areas, size, f"{seconds:.0f}", *speeds])
    title = (
        f"Architectures on digit {digit}, development split: AUROC by evidence, and what it costs in processor time."
    )
    columns = ["architecture", *EVIDENCES, "MB", "trained in s", "one image, ms", "images/s"]
    yield "Architectures", title, table(columns, rows)


if __name__ == "__main__":
    run(main)
