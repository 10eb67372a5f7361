"""The worst misses and false alarms of each shipped model as contact sheets.

    python -m benchmarks.detection.bad_cases --output FOLDER       test images: for looking at, not for the repository

A sheet a model and kind, worst case first: a row of digits, one of their reconstructions, one of where they differ.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.harness import ALL_DIGITS, Digits, Sections, look, run, say
from benchmarks.results import table
from core import datasets, paths
from core.detector import Detector
from core.figures.images import sheet_png

ALPHA = 0.05
CASES = 20


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
        for kind, cases in (("misses", misses), ("false-alarms", alarms)):
            if len(cases):
                readings = detector.inspect(test.images[cases])
                pictures = (readings.images, readings.reconstruction, np.abs(readings.residual))
                sheet = sheet_png(np.concatenate(pictures), columns=len(cases), scale=3)
                (folder / f"mnist-{digit}-{kind}.png").write_bytes(sheet)
        flagged = evaluation.scores["fused"] > threshold
        missed = evaluation.anomaly & ~flagged
        labels, counts = np.unique(np.array(evaluation.label_names)[evaluation.label[missed]], return_counts=True)
        often = ", ".join(f"{labels[i]} ({counts[i]})" for i in np.argsort(-counts, kind="stable")[:3])
        rows.append([digit, int(missed.sum()), often, int((~evaluation.anomaly & flagged).sum())])
    say(f"sheets in {folder}")
    title = f"Misses and false alarms of the shipped models on MNIST's test images at alpha {ALPHA:g}, fused."
    columns = ["normal", "missed of about 9,000", "which, most often", "false alarms of about 1,000"]
    yield "Bad cases", title, table(columns, rows)


if __name__ == "__main__":
    run(main)
