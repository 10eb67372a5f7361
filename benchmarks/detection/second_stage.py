"""Whether a second look at the nearest of the memory adds to the distance: never on test images.

    python -m benchmarks.detection.second_stage [--digits 2,3,9] [--write]

The looks are two that lead the simple methods on MNIST: the image deformation model with gradient context (Keysers,
Deselaers, Gollan & Ney, "Deformation models for image recognition", PAMI 29, 2007) and the two-sided tangent distance
(Simard, LeCun & Denker, "Efficient pattern recognition using a new transformation distance", NIPS 5, 1993); and latents
between neighbours, drawn, as further points of the memory. Images and judges are those of ``weights.py``.
"""

import sys
import time

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from benchmarks.common import Digits, Write, begin
from benchmarks.detection.weights import FAMILIES, Sets, distances, measured, of_digit, rows_of
from core.gan.features import edges
from core.scoring.evidences import Scale
from core.scoring.memory_bank import MemoryBank, bank_features
from core.scoring.scorer import Scorer

NEAREST = 10  # of the memory that are looked at again
WARP = 2  # pixels by which a pixel may move
MOST = {"normal": 600, "others": 1800, **{family.__name__: 150 for family in FAMILIES}}
WEIGHTS = (0.15, 0.4)  # of the logarithm of what the second look sees, standardised, beside the distance's
LOOKS = ("image deformation", "image deformation, worst place", "tangent distance")

Numbers = dict[str, NDArray[np.float64]]


def main(
    digits: Digits = "2,3,9",
    write: Write = False,
) -> None:
    """Print a markdown table, differences with their standard errors over digits."""
    report = begin(write)
    names = ["nothing (in use)", *(f"{weight:g} {look}" for look in LOOKS for weight in WEIGHTS), "latents between"]
    rows, seconds = [], []
    for digit in digits.split(","):
        scorer, sets = of_digit(digit)
        sets = {name: images[:: max(1, len(images) // MOST.get(name, len(images)))] for name, images in sets.items()}
        near = {name: distances(scorer, images) for name, images in sets.items()}
        base = standardised(near)
        began = time.process_time()
        seen, looked = looks(scorer, sets, near)
        seconds.append((time.process_time() - began) / looked)
        figures = [measured(base)]
        for look in LOOKS:
            added = standardised({name: values[:, LOOKS.index(look)] for name, values in seen.items()})
            # What lies beyond all normal digits is caught whatever a second look says.
            figures += [
                measured({n: base[n] + np.where(np.isnan(added[n]), 99, weight * added[n]) for n in sets})
                for weight in WEIGHTS
            ]
        rows.append([*figures, measured(standardised(between(scorer, sets)))])
        sys.stderr.write(f"digit {digit} done\n")
    title = (
        f"Training images of the digits {digits}; differences to the distance alone, with standard errors over digits. "
        f"A second look takes {1000 * np.mean(seconds):.1f} ms an image."
    )
    report.publish("Second stage", f"{title}\n\n{rows_of(names, rows, 0)}")


@torch.no_grad()
def looks(scorer: Scorer, sets: Sets, near: Numbers) -> tuple[Numbers, int]:
    """``LOOKS`` at each image of each set, ``(n, 3)``, NaN where the distance alone decides; and at how many."""
    memory = scorer.decode(scorer.latents[scorer.held])  # (m, 28, 28)
    slopes, plain, tangents = gradients(memory), memory.flatten(1), tangents_of(memory)
    limit = 1.1 * near["validation"].max()
    seen, looked = {}, 0
    for name, images in sets.items():
        given = torch.from_numpy(np.ascontiguousarray(images))
        own_slopes, own_tangents = gradients(given), tangents_of(given)
        seen[name] = np.full((len(images), len(LOOKS)), np.nan)
        for i in np.flatnonzero(near[name] <= limit).tolist():
            k = scorer.bank.nearest(bank_features(given[i : i + 1])).indices[0, :NEAREST]
            maps = deformed(own_slopes[i : i + 1], slopes[k]) + deformed(slopes[k], own_slopes[i : i + 1])
            worst = F.avg_pool2d(maps, 5, 1, 2).flatten(1).amax(dim=1)
            basis = torch.cat((own_tangents[i].expand(NEAREST, -1, -1), tangents[k]), dim=1)  # (k, 14, 784)
            seen[name][i] = [maps.sum(dim=(1, 2)).min(), worst.min(), outside(given[i].flatten() - plain[k], basis)]
            looked += 1
    return seen, looked


def gradients(images: Tensor) -> Tensor:
    """How steep ink is along x and y, ``(n, 2, 28, 28)``."""
    return edges(images)[:, :2].unflatten(2, (28, 28))


def deformed(slopes: Tensor, others: Tensor) -> Tensor:
    """Least squared difference of each pixel's 3x3 gradients to those of another image near it, ``(k, 28, 28)``."""
    padded = F.pad(others, (WARP,) * 4)
    moves = [(y, x) for y in range(2 * WARP + 1) for x in range(2 * WARP + 1)]
    apart = torch.stack([(slopes - padded[:, :, y : y + 28, x : x + 28]).square().sum(dim=1) for y, x in moves])
    return F.avg_pool2d(apart, 3, 1, 1, divisor_override=1).amin(dim=0)


def tangents_of(images: Tensor) -> Tensor:
    """Orthonormal directions of shift, size, turn, two shears and stroke width at each image, ``(n, 7, 784)``."""
    down, right = torch.gradient(images, dim=(1, 2))
    x = torch.arange(28.0) - 13.5
    y = x[:, None]
    ways = (right, down, x * right + y * down, y * right - x * down, x * right - y * down, y * right + x * down)
    directions = torch.stack((*ways, down.square() + right.square()), dim=1).flatten(2)  # (n, 7, 784)
    return torch.linalg.qr(directions.transpose(1, 2)).Q.transpose(1, 2)


def outside(differences: Tensor, basis: Tensor) -> float:
    """Least squared length that is left of differences ``(k, 784)`` outside ``(k, 14, 784)`` directions."""
    gram = basis @ basis.transpose(1, 2) + 1e-3 * torch.eye(basis.shape[1])
    along = basis @ differences.unsqueeze(2)  # (k, 14, 1)
    explained = (along * torch.linalg.solve(gram, along)).sum(dim=(1, 2))
    return float((differences.square().sum(dim=1) - explained).min())


@torch.no_grad()
def between(scorer: Scorer, sets: Sets) -> Numbers:
    """Distances to a memory of twice the points: those between each and its nearest too."""
    latents, points = scorer.latents[scorer.held], scorer.bank.points
    nearest = torch.cdist(points, points).fill_diagonal_(torch.inf).argmin(dim=1)
    bank = MemoryBank.of(scorer.decode(torch.cat((latents, (latents + latents[nearest]) / 2))))
    other = Scorer(scorer.networks, scorer.latents, scorer.settings, bank, scorer.held, scorer.scale)
    return {name: distances(other, images) for name, images in sets.items()}


def standardised(values: Numbers) -> Numbers:
    """Logarithms, by those of the validation images."""
    scale = Scale.of(np.log(values["validation"] + 1e-6))
    return {name: (np.log(part + 1e-6) - scale.centre) / scale.spread for name, part in values.items()}


if __name__ == "__main__":
    typer.run(main)
