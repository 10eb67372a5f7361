"""The worst misses and false alarms of each shipped model as contact sheets.

    python -m benchmarks.detection.bad_cases --output FOLDER       test images: for looking at, not for the repository

Each case is three pictures: the digit, its reconstruction, and where they differ.
"""

import io
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw

from benchmarks.harness import ALL_DIGITS, Digits, Sections, look, run, say
from benchmarks.results import table
from core import datasets, paths
from core.detector import Detector
from core.figures import images

ALPHA = 0.05
CASES = 20
COLUMNS = 10  # cases in a row
SIDE, GAP, LABEL = 84, 3, 16  # pixels of a picture, between pictures, and of a line of text


def main(
    digits: Digits = ALL_DIGITS,
    output: Annotated[Path | None, typer.Option(help="Folder of the sheets; default in the state folder.")] = None,
) -> Sections:
    """Draw the sheets, and count which labels the misses have."""
    look()
    folder = output or paths.state_dir() / "bad_cases"
    folder.mkdir(parents=True, exist_ok=True)
    test = datasets.load("mnist", "test")
    rows = []
    for digit in digits.split(","):
        detector = Detector.load(f"mnist-{digit}")
        evaluation, threshold = detector.evaluation_, detector.calibrations_["fused"].threshold(ALPHA)
        assert evaluation is not None
        misses = evaluation.position[evaluation.worst_misses("fused", threshold, CASES)]
        alarms = evaluation.position[evaluation.worst_false_alarms("fused", threshold, CASES)]
        sheet(detector, test, misses, alarms).save(folder / f"mnist-{digit}.png")
        flagged = evaluation.scores["fused"] > threshold
        missed = evaluation.anomaly & ~flagged
        labels, counts = np.unique(np.array(evaluation.label_names)[evaluation.label[missed]], return_counts=True)
        often = ", ".join(f"{labels[i]} ({counts[i]})" for i in np.argsort(-counts, kind="stable")[:3])
        rows.append([digit, int(missed.sum()), often, int((~evaluation.anomaly & flagged).sum())])
    say(f"sheets in {folder}")
    title = f"Misses and false alarms of the shipped models on MNIST's test images at alpha {ALPHA:g}, fused."
    columns = ["normal", "missed of about 9,000", "which, most often", "false alarms of about 1,000"]
    yield "Bad cases", title, table(columns, rows)


def sheet(detector: Detector, test: datasets.Dataset, misses: np.ndarray, alarms: np.ndarray) -> Image.Image:
    """Two blocks of cases, misses above, false alarms below; arguments are positions in the test images."""
    both = (("worst misses, most normal first", misses), ("worst false alarms, oddest first", alarms))
    blocks = [(title, rows) for title, rows in both if len(rows)]
    lines = [-(-len(rows) // COLUMNS) for _, rows in blocks]
    width, height = 3 * SIDE + 4 * GAP, SIDE + LABEL + GAP  # of a case
    drawn = Image.new("RGB", (COLUMNS * width, sum(lines) * height + len(lines) * LABEL), "white")
    pen, at = ImageDraw.Draw(drawn), 0
    for (title, rows), count in zip(blocks, lines, strict=True):
        pen.text((GAP, at + 1), f"{detector.card_.name}: {title}", fill="black")
        readings = detector.inspect(test.images[rows])
        for i, row in enumerate(rows):
            left, top = i % COLUMNS * width + GAP, at + LABEL + i // COLUMNS * height
            image, rebuilt, residual = readings.images[i], readings.reconstruction[i], readings.residual[i]
            pictures = (images.digit_png(image), images.digit_png(rebuilt), images.residual_png(image, residual))
            for k, picture in enumerate(pictures):
                tile = Image.open(io.BytesIO(picture)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST)
                drawn.paste(tile, (left + k * (SIDE + GAP), top))
            label = f"it is a {test.label_names[test.labels[row]]}, p {readings.p_value[i]:.3f}"
            pen.text((left, top + SIDE), label, fill="black")
        at += count * height + LABEL
    return drawn


if __name__ == "__main__":
    run(main)
