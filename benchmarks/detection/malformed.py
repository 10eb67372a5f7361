"""Bad fives and the like: test digits edited in six ways at three strengths, and how many of them are noticed.

    python -m benchmarks.detection.malformed [--digits 5] [--images 200] [--model-pattern mnist-{}]

Normals are the unedited test digits of the same kind. The families measured are none of those that training uses
(``core/edits.py``). A mirrored 0, 1 or 8 is a good 0, 1 or 8, so mirroring is counted without those three.
"""

import sys
from typing import Annotated

import numpy as np
import typer

from benchmarks.common import ALL_DIGITS, Digits, Write, auroc, begin
from benchmarks.detection import malformations
from benchmarks.results import table
from core import datasets
from core.detector import Detector
from core.operating_point import EVIDENCES

ALPHA = 0.05
LEAST_CHANGE = 1.0  # sum of differences over the image, in pixels of full ink: less is no edit
MUST, AIM = 0.90, 0.97
SYMMETRIC = frozenset("018")


def main(
    digits: Digits = ALL_DIGITS,
    images: Annotated[int, typer.Option(min=10, help="Test digits of each kind; the first ones.")] = 200,
    model_pattern: Annotated[str, typer.Option(help="Names of the models, {} for the digit.")] = "mnist-{}",
    write: Write = False,
) -> None:
    """Measure and print markdown tables."""
    kept = begin(write)
    chosen = digits.split(",")
    test = datasets.load("mnist", "test")
    by_digit = {}
    for digit in chosen:
        detector = Detector.load(model_pattern.format(digit))
        by_digit[digit] = measure(detector, test.of(digit), images)
        sys.stderr.write(f"digit {digit} done\n")
    kept.publish("Malformed digits", report(by_digit))


def measure(detector: Detector, normals: np.ndarray, count: int) -> dict[tuple[str, int], dict[str, float]]:
    """(family, strength) -> figures: each evidence's AUROC, "detection" at alpha 0.05 (fused), "unedited" share.

    Args:
        detector: of one digit.
        normals: all its test digits ``(n, 28, 28)``, the normals of every AUROC.
        count: how many of them, from the first on, are edited.
    """
    plain = detector.inspect(normals).scores
    threshold = detector.calibrations_["fused"].threshold(ALPHA)
    cells = {}
    for family in malformations.FAMILIES:
        for strength in range(len(malformations.STRENGTHS)):
            originals = normals[:count]
            edited = malformations.malform(originals, family, strength)
            changed = np.abs(edited - originals).sum(axis=(1, 2)) >= LEAST_CHANGE
            odd = detector.inspect(edited[changed]).scores
            figures = {name: auroc(plain[name], odd[name]) for name in EVIDENCES}
            figures["detection"] = float((odd["fused"] > threshold).mean())
            figures["unedited"] = float(1 - changed.mean())
            cells[family, strength] = figures
    return cells


def counted(family: str, digits: list[str]) -> list[str]:
    """The digits for which a family makes an anomaly at all."""
    return [digit for digit in digits if family != "mirrored" or digit not in SYMMETRIC]


def report(by_digit: dict[str, dict[tuple[str, int], dict[str, float]]]) -> str:
    """Markdown: one table a strength by family, and one by digit at medium strength."""
    digits = list(by_digit)

    def mean(family: str, strength: int, figure: str) -> float:
        values = [by_digit[digit][family, strength][figure] for digit in counted(family, digits)]
        return float(np.mean(values)) if values else float("nan")

    text = "Fused AUROC and share caught at alpha 0.05 of malformed test digits, mean over digits.\n\n"
    columns = ["family"] + [f"{name} {what}" for name in malformations.STRENGTHS for what in ("AUROC", "caught")]
    rows: list[list[object]] = []
    for family in malformations.FAMILIES:
        cells = [(mean(family, s, "fused"), mean(family, s, "detection")) for s in range(3)]
        rows.append([family, *(cell for a, d in cells for cell in (f"{a:.3f}", f"{100 * d:.0f} %"))])
    values = np.array(
        [[mean(f, s, what) for s in range(3) for what in ("fused", "detection")] for f in malformations.FAMILIES]
    )
    means = np.nanmean(values, axis=0)
    rows.append(["mean", *(f"{v:.3f}" if i % 2 == 0 else f"{100 * v:.0f} %" for i, v in enumerate(means))])
    text += table(columns, rows)
    medium = float(means[2])
    text += f"\nMedium strength: {medium:.3f} fused (must {MUST:.2f}, aim {AIM:.2f}).\n\n"
    text += "Medium strength by evidence, AUROC.\n\n"
    rows = [[f, *(f"{mean(f, 1, e):.3f}" for e in EVIDENCES)] for f in malformations.FAMILIES]
    text += table(["family", *EVIDENCES], rows)
    text += "\nMedium strength by digit, fused AUROC (brackets: not an anomaly, not counted).\n\n"
    rows = []
    for family in malformations.FAMILIES:
        areas = {digit: f"{by_digit[digit][family, 1]['fused']:.3f}" for digit in digits}
        kept = counted(family, digits)
        rows.append([family, *(areas[digit] if digit in kept else f"({areas[digit]})" for digit in digits)])
    return text + table(["family", *digits], rows)


if __name__ == "__main__":
    typer.run(main)
