"""Few images: what training makes of the bundled digits, and of sixty of one person's size, as the pages train them.

    python -m benchmarks.generator.few_images [--digits 5,3] [--sheet FILE]

scikit-learn's digits are there on a machine that was never online, about 143 of a label to train on. The sixty are
MNIST training images of the development fold, in place of a person's own. Processor seconds are those of this process.
"""

import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.common import Digits, Write, auroc, begin
from benchmarks.generator.fresh import flagged, grey_share
from benchmarks.results import table
from core import datasets
from core.detector import Detector
from core.figures.images import sheet_png
from core.operating_point import EVIDENCES

COLUMNS = (
    "images",
    "processor s",
    "fresh: flagged at 5 %",
    "real: flagged",
    "fresh: grey share",
    "real: grey share",
    *EVIDENCES,
)
OWN = 60
SHOWN = 16  # fresh digits of a model on the sheet


def main(
    digits: Digits = "5,3",
    sheet: Annotated[Path | None, typer.Option(help="Where fresh digits are drawn, a row a model.")] = None,
    write: Write = False,
) -> None:
    """Train on few images and print a markdown table."""
    report = begin(write)
    bundled = datasets.load("digits", "train"), datasets.load("digits", "test")
    training, development = datasets.development(datasets.load("mnist", "train"))
    lines, drawn = [], []
    for digit in digits.split(","):
        for name, images, judges in (
            (f"bundled {digit}s", bundled[0].of(digit), bundled[1]),
            (f"{OWN} of MNIST's {digit}s", training.of(digit)[:OWN], development),
        ):
            sys.stderr.write(f"{name}\n")
            started = time.process_time()
            detector = Detector(seed=0).fit(images)
            spent = time.process_time() - started
            anomaly = np.array(judges.label_names)[judges.labels] != digit
            scores = detector.inspect(judges.images).scores
            fresh, real = detector.sample(500, seed=1), judges.images[~anomaly]
            kept = np.isfinite(detector.calibrations_["fused"].threshold(0.05))  # with so few there may be no threshold
            flags = [f"{flagged(detector, part):.3f}" if kept else "no threshold" for part in (fresh, real)]
            greys = [f"{grey_share(part):.3f}" for part in (fresh, real)]
            areas = (auroc(scores[evidence][~anomaly], scores[evidence][anomaly]) for evidence in EVIDENCES)
            lines.append([name, str(len(images)), f"{spent:.0f}", *flags, *greys, *areas])
            drawn.append(fresh[:SHOWN])
    if sheet is not None:
        sheet.write_bytes(sheet_png(np.concatenate(drawn), columns=SHOWN))
    title = "Models of few images, judged by the bundled test digits and by MNIST's development fold."
    report.publish("Few images", f"{title}\n\n{table(['trained on', *COLUMNS], lines)}")


if __name__ == "__main__":
    typer.run(main)
