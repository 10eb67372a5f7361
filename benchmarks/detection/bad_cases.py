"""The worst misses and false alarms of each shipped model as contact sheets.

    python -m benchmarks.detection.bad_cases --output FOLDER       test images: for looking at, not for the repository

Each case is three pictures: the digit, its reconstruction, and where they differ.
"""

import io
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw

from benchmarks.common import ALL_DIGITS, Digits, Write, begin
from benchmarks.results import table
from core import datasets, paths
from core.detector import Detector
from core.detector.readings import Readings
from core.figures import images

ALPHA = 0.05
CASES = 20
COLUMNS = 10  # cases in a row
SIDE, GAP, LABEL = 84, 3, 16  # pixels of a picture, between pictures, and of the line of text


def main(
    digits: Digits = ALL_DIGITS,
    output: Annotated[Path | None, typer.Option(help="Folder of the sheets; default in the state folder.")] = None,
    write: Write = False,
) -> None:
    """Draw the sheets and print which labels the misses have."""
    report = begin(write)
    chosen = digits.split(",")
    folder = output or paths.state_dir() / "bad_cases"
    folder.mkdir(parents=True, exist_ok=True)
    test = datasets.load("mnist", "test")
    rows = []
    for digit in chosen:
        detector = Detector.load(f"mnist-{digit}")
        evaluation, threshold = detector.evaluation_, detector.calibrations_["fused"].threshold(ALPHA)
        assert evaluation is not None
        position = evaluation.position
        misses = position[evaluation.worst_misses("fused", threshold, CASES)]
        alarms = position[evaluation.worst_false_alarms("fused", threshold, CASES)]
        case_sheet(detector, test, misses, alarms).save(folder / f"mnist-{digit}.png")
        missed = evaluation.anomaly & (evaluation.scores["fused"] <= threshold)
        names = np.array(evaluation.label_names)[evaluation.label[missed]]
        labels, counts = np.unique(names, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:3]
        often = ", ".join(f"{labels[i]} ({counts[i]})" for i in order)
        alarmed = int((~evaluation.anomaly & (evaluation.scores["fused"] > threshold)).sum())
        rows.append([digit, int(missed.sum()), often, alarmed])
    columns = ["normal", "missed of about 9,000", "which, most often", "false alarms of about 1,000"]
    sys.stderr.write(f"sheets in {folder}\n")
    title = f"Misses and false alarms of the shipped models on MNIST's test images at alpha {ALPHA:g}, fused."
    report.publish("Bad cases", f"{title}\n\n{table(columns, rows)}")


def case_sheet(detector: Detector, test: datasets.Dataset, misses: np.ndarray, alarms: np.ndarray) -> Image.Image:
    """Two blocks, misses above, false alarms below; arguments are positions in the test images."""
    blocks = []
    for title, rows in (("worst misses, most normal first", misses), ("worst false alarms, oddest first", alarms)):
        if not len(rows):
            continue
        readings = detector.inspect(test.images[rows])
        texts = [
            f"it is a {test.label_names[test.labels[row]]}, p {p:.3f}"
            for row, p in zip(rows, readings.p_value, strict=True)
        ]
        blocks.append(block(f"{detector.card_.name}: {title}", readings, texts))
    return stacked(blocks)


def block(title: str, readings: Readings, texts: list[str]) -> Image.Image:
    """Cases side by side, each with its own line of text."""
    width, height = 3 * SIDE + 4 * GAP, SIDE + LABEL + GAP
    columns = min(COLUMNS, len(readings))
    lines = -(-len(readings) // columns)
    sheet = Image.new("RGB", (columns * width, LABEL + lines * height), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, 1), title, fill="black")
    for i, text in enumerate(texts):
        left, top = i % columns * width + GAP, LABEL + i // columns * height
        image, rebuilt, heat = readings.images[i], readings.reconstruction[i], readings.residual[i]
        pictures = (images.digit_png(image), images.digit_png(rebuilt), images.residual_png(image, heat))
        for k, picture in enumerate(pictures):
            tile = Image.open(io.BytesIO(picture)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST)
            sheet.paste(tile, (left + k * (SIDE + GAP), top))
        pen.text((left, top + SIDE), text, fill="black")
    return sheet


def stacked(blocks: list[Image.Image]) -> Image.Image:
    """Blocks one below the other."""
    size = max(b.width for b in blocks), sum(b.height + LABEL for b in blocks)
    sheet = Image.new("RGB", size, "white")
    top = 0
    for part in blocks:
        sheet.paste(part, (0, top))
        top += part.height + LABEL
    return sheet


if __name__ == "__main__":
    typer.run(main)
