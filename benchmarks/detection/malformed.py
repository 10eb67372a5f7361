"""Bad fives and the like: test digits edited in six ways at three strengths, and how many of them are noticed.

    python -m benchmarks.detection.malformed [--digits 5] [--images 200]

Normals are the unedited test digits of the same kind. The families measured are none of those that training uses
(``core/gan/negatives.py``). A mirrored 0, 1 or 8 is a good 0, 1 or 8, so mirroring is counted without those three.
"""

from typing import Annotated

import numpy as np
import typer

from benchmarks.detection.malformations import FAMILIES, STRENGTHS, malform
from benchmarks.harness import ALL_DIGITS, Digits, Sections, auroc, look, percent, run, say
from benchmarks.results import table
from core import datasets
from core.detector import Detector
from core.operating_point import EVIDENCES

ALPHA = 0.05
LEAST_CHANGE = 1.0  # sum of differences over the image, in pixels of full ink: less is no edit
MUST, AIM = 0.90, 0.97
SYMMETRIC = frozenset("018")
FIGURES = (*EVIDENCES, "caught")


def main(
    digits: Digits = ALL_DIGITS,
    images: Annotated[int, typer.Option(min=10, help="Test digits of each kind; the first ones.")] = 200,
) -> Sections:
    """Edit digits, and measure how many are noticed."""
    look()
    test, chosen = datasets.load("mnist", "test"), digits.split(",")
    measured = []
    for digit in chosen:
        measured.append(measure(Detector.load(f"mnist-{digit}"), test.of(digit), images))
        say(f"digit {digit} done")
    by_digit = np.array(measured)  # (digit, family, strength, figure)
    held = [[k for k, digit in enumerate(chosen) if digit in counted(family, chosen)] for family in FAMILIES]
    means = np.stack([by_digit[k, i].mean(axis=0) for i, k in enumerate(held)])  # (family, strength, figure)
    fused, caught = (means[:, :, FIGURES.index(name)] for name in ("fused", "caught"))  # (family, strength)

    def line(name: str, areas: np.ndarray, shares: np.ndarray) -> list[str]:
        pairs = zip(areas, shares, strict=True)
        return [name, *(cell for area, share in pairs for cell in (f"{area:.3f}", percent(share, 0)))]

    by_family = [line(*row) for row in zip(FAMILIES, fused, caught, strict=True)]
    overall = line("mean", fused.mean(axis=0), caught.mean(axis=0))
    evidences = [[name, *(f"{area:.3f}" for area in row[1, :-1])] for name, row in zip(FAMILIES, means, strict=True)]
    single = []
    for i, family in enumerate(FAMILIES):
        areas = [f"{area:.3f}" for area in by_digit[:, i, 1, FIGURES.index("fused")]]
        single.append([family, *(area if k in held[i] else f"({area})" for k, area in enumerate(areas))])
    yield (
        "Malformed digits",
        f"Fused AUROC and share caught at alpha {ALPHA:g} of malformed test digits, mean over digits.",
        table(
            ["family", *(f"{name} {what}" for name in STRENGTHS for what in ("AUROC", "caught"))], [*by_family, overall]
        ),
        f"Medium strength: {fused[:, 1].mean():.3f} fused (must {MUST:.2f}, aim {AIM:.2f}).",
        "Medium strength by evidence, AUROC.",
        table(["family", *EVIDENCES], evidences),
        "Medium strength by digit, fused AUROC (brackets: not an anomaly, not counted).",
        table(["family", *chosen], single),
    )


def measure(detector: Detector, normals: np.ndarray, count: int) -> list[list[list[float]]]:
    """The ``FIGURES`` of each family at each strength.

    Args:
        detector: of one digit.
        normals: all its test digits ``(n, 28, 28)``, the normals of every AUROC.
        count: how many of them, from the first on, are edited.
    """
    plain, originals = detector.inspect(normals).scores, normals[:count]
    threshold = detector.calibrations_["fused"].threshold(ALPHA)

    def figures(family: str, strength: int) -> list[float]:
        edited = malform(originals, family, strength)
        changed = np.abs(edited - originals).sum(axis=(1, 2)) >= LEAST_CHANGE
        odd = detector.inspect(edited[changed]).scores
        return [*(auroc(plain[name], odd[name]) for name in EVIDENCES), float((odd["fused"] > threshold).mean())]

    return [[figures(family, strength) for strength in range(len(STRENGTHS))] for family in FAMILIES]


def counted(family: str, digits: list[str]) -> list[str]:
    """The digits for which a family makes an anomaly at all."""
    return [digit for digit in digits if family != "mirrored" or digit not in SYMMETRIC]


if __name__ == "__main__":
    run(main)
