"""Fresh digits against real ones: how many are flagged, how far they cover what people write, whether they are copies.

    python -m benchmarks.generator.fresh                     trained on the development fold where not there yet
    python -m benchmarks.generator.fresh --split held-out    the shipped models against training digits they never saw
    python -m benchmarks.generator.fresh --split test        the shipped models against test images; the look is logged
    python -m benchmarks.generator.fresh --digits 2 --variants all --seeds 0,1,2    what the adversary is worth

Held-out real digits are the reference, and as many training digits against them say what real ones would reach. A row a
digit is written to fresh.csv as it is measured, and an interrupted run goes on.
"""

from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.detection import one_class
from benchmarks.development import SHIPPED, VARIANTS, trained
from benchmarks.harness import ALL_DIGITS, Digits, Sections, Seeds, auroc, look, rows_of, run, say
from benchmarks.results import table
from core import datasets
from core.detector import Detector
from core.gan.features import manifold_features
from core.scoring.memory_bank import MemoryBank
from core.scoring.scorer import Scorer

Images = NDArray[np.float32]
KEY = ("variant", "digit", "split", "seed")
FIGURES = {
    "flagged": "flagged at 5 %",
    "precision": "precision",
    "recall": "recall",
    "pixel_precision": "in pixels: precision",
    "pixel_recall": "recall",
    "frechet": "Fréchet, of real's",
    "grey": "grey share",
    "bank_gap": "bank: AUROC short by",
    "discriminator": "discriminator alone",
    "nearest": "nearest training digit, of real's",
    "fused": "fused AUROC",
    "pixel": "pixel AUROC",
}
REAL = ("flagged", "precision", "recall", "pixel_precision", "pixel_recall", "grey")
COLUMNS = (*KEY, *FIGURES, *(f"real_{name}" for name in REAL))
NEIGHBOURS = 3
# Principal components of the features, for the Fréchet distance: a covariance needs more images than numbers.
COMPONENTS = 128
_CHUNK = 256


class Split(StrEnum):
    """Which images are the reference."""

    development = "development"
    held_out = "held-out"
    test = "test"


def main(
    digits: Digits = ALL_DIGITS,
    split: Annotated[Split, typer.Option(help="Which images are the reference.")] = Split.development,
    variants: Annotated[str, typer.Option(help=f"Of {', '.join(VARIANTS)}, or all.")] = SHIPPED,
    seeds: Seeds = "0",
) -> Sections:
    """Measure what is missing: by digit, or by variant where there are several."""
    rows = rows_of("generator/fresh", COLUMNS, KEY)
    training, judging = images_of(split)
    chosen = list(VARIANTS) if variants == "all" else variants.split(",")
    shipped = split is not Split.development
    if shipped and (chosen != [SHIPPED] or seeds != "0"):
        raise typer.BadParameter(f"{split} images judge nothing but the shipped models; leave out variants and seeds")
    keys = [
        {"variant": variant, "digit": digit, "split": str(split), "seed": seed}
        for seed in seeds.split(",")
        for variant in chosen
        for digit in digits.split(",")
    ]
    missing = [key for key in keys if not rows.find(**key)]
    if missing and split is Split.test:
        look()
    for key in missing:
        digit, variant, seed = key["digit"], key["variant"], key["seed"]
        say(f"{variant}, digit {digit}, seed {seed}")
        detector = Detector.load(f"mnist-{digit}") if shipped else trained(digit, variant, int(seed))
        rows.append({**key, **measure(detector, digit, training, judging)})
    kept = [row for key in keys if (row := rows.find(**key))]
    shape = f"Fresh digits, as many as there are reference ones, {split} split."
    if len(chosen) == 1:
        lines = [[row["digit"], *_cells([row])] for row in kept] + [["mean", *_cells(kept)]]
        heading = "Fresh digits" if split is Split.test else f"Fresh digits, {split}"
        yield heading, shape, table(["digit", *FIGURES.values()], [*lines, ["real ones, mean", *_real(kept)]])
    else:
        lines = [[variant, *_cells([row for row in kept if row["variant"] == variant])] for variant in chosen]
        title = f"Digit {digits}, seed {seeds}: means, ± standard deviation between seeds. {shape}"
        text = table(["variant", *FIGURES.values()], [*lines, ["real ones", *_real(kept)]])
        yield f"Fresh digits, ablation on {digits}", title, text


def images_of(split: Split) -> tuple[datasets.Dataset, datasets.Dataset]:
    """Training and judging images; held-out ones are what the training file kept from the shipped networks."""
    if split is not Split.held_out:
        return one_class.images_of(one_class.Split(split))
    training = datasets.load("mnist", "train")
    rows = [np.flatnonzero(training.labels == label) for label in range(len(training.label_names))]
    kept = np.sort(np.concatenate([own[datasets.split(len(own), seed=0).calibrate] for own in rows]))
    return training, replace(training, images=training.images[kept], labels=training.labels[kept])


def measure(detector: Detector, digit: str, training: datasets.Dataset, test: datasets.Dataset) -> dict[str, float]:
    """All figures of one digit's generator."""
    (scorer,) = detector.scorers_.values()
    own = training.of(digit)
    learnt = own[datasets.split(len(own), detector.split_seed).train]
    held_out = test.of(digit)
    n = min(len(held_out), len(learnt))
    real = learnt[np.random.default_rng(0).permutation(len(learnt))[:n]]
    fresh = scorer.sample(n, seed=1)
    anomaly = np.array(test.label_names)[test.labels] != digit
    scores = scorer.score(test.images).scores

    def area(values: NDArray[np.float64]) -> float:
        return auroc(values[~anomaly], values[anomaly])

    known = described(learnt)
    held, like, made = (described(part) for part in (held_out[:n], real, fresh))
    points = {
        "": (held, like, made),
        "pixel_": [torch.from_numpy(part).flatten(1) for part in (held_out[:n], real, fresh)],
    }
    covered = {}
    for name, (there, others, drawn) in points.items():
        covered[f"{name}precision"], covered[f"{name}recall"] = precision_recall(there, drawn)
        covered[f"real_{name}precision"], covered[f"real_{name}recall"] = precision_recall(there, others)
    centred = known - known.mean(dim=0)
    basis = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -COMPONENTS:]
    reached = frechet(held @ basis, made @ basis) / frechet(held @ basis, like @ basis)
    return covered | {
        "flagged": flagged(detector, fresh),
        "frechet": reached,
        "grey": grey_share(fresh),
        "bank_gap": area(scores["manifold"]) - area(of_fresh_bank(scorer, test.images)),
        "discriminator": area(scores["discriminator"]),
        "nearest": nearest_distance(made, known) / nearest_distance(held, known),
        "fused": area(scores["fused"]),
        "pixel": area(scores["pixel"]),
        "real_flagged": flagged(detector, held_out),
        "real_grey": grey_share(held_out),
    }


def flagged(detector: Detector, images: Images) -> float:
    """Share of images that the detector calls odd at its 5 % threshold."""
    return float((detector.inspect(images).p_values["fused"] <= 0.05).mean())


def described(images: Images) -> Tensor:
    """Manifold features, ``(n, F)``."""
    return torch.cat([manifold_features(chunk) for chunk in torch.from_numpy(images).split(_CHUNK)])


def precision_recall(real: Tensor, fresh: Tensor) -> tuple[float, float]:
    """Share of fresh points ``(n, F)`` within the real ones' manifold, and of real ones within that of the fresh.

    A set's manifold is the union of the balls around its points that reach to their third neighbour (Kynkäänniemi et
    al., "Improved precision and recall metric for assessing generative models", NeurIPS 2019).
    """

    def reach(points: Tensor) -> Tensor:
        return torch.cdist(points, points).kthvalue(NEIGHBOURS + 1, dim=1).values  # the first one is the point itself

    distance = torch.cdist(real, fresh)  # (n, m)
    within_real, within_fresh = distance <= reach(real)[:, None], distance <= reach(fresh)
    return float(within_real.any(dim=0).float().mean()), float(within_fresh.any(dim=1).float().mean())


def frechet(one: Tensor, other: Tensor) -> float:
    """Squared Fréchet distance of Gaussians fitted to points ``(n, c)`` (Heusel et al., NeurIPS 2017, equation 6)."""
    one, other = one.double(), other.double()
    first, second = torch.cov(one.T), torch.cov(other.T)
    values, vectors = torch.linalg.eigh(first)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    shared = torch.linalg.eigvalsh(root @ second @ root).clamp_min(0).sqrt().sum()
    gap = (one.mean(dim=0) - other.mean(dim=0)).square().sum()
    return float(gap + first.trace() + second.trace() - 2 * shared)


def grey_share(images: Images) -> float:
    """Of the pixels that are not paper, how many are neither dark nor light: 0.25 to 0.75."""
    return float(((images > 0.25) & (images < 0.75)).sum() / (images > 0.05).sum())


def nearest_distance(features: Tensor, training: Tensor) -> float:
    """Median distance to the nearest training digit."""
    return float(torch.cdist(features, training).amin(dim=1).median())


def of_fresh_bank(scorer: Scorer, images: Images) -> NDArray[np.float64]:
    """Distance of images to a memory bank made from as many fresh latents as the scorer has of training digits."""
    latents = scorer.fresh_latents(len(scorer.latents), seed=2)
    bank = MemoryBank.of(scorer.decode(latents))
    fresh = Scorer(scorer.networks, latents, scorer.settings, bank, torch.arange(len(latents)), scorer.scale)
    return fresh.score(images).scores["manifold"]


def _cells(rows: list[dict[str, str]]) -> list[str]:
    """Means of all figures over rows, and how far the means of seeds lie apart where there are several."""
    cells = []
    for name in FIGURES:
        digits = 4 if name in ("fused", "pixel", "discriminator", "bank_gap") else 3
        seeds = sorted({row["seed"] for row in rows})
        means = [np.mean([float(row[name]) for row in rows if row["seed"] == seed]) for seed in seeds]
        apart = f" ± {np.std(means, ddof=1):.{digits}f}" if len(means) > 1 else ""
        cells.append(f"{np.mean(means):.{digits}f}{apart}")
    return cells


def _real(rows: list[dict[str, str]]) -> list[str]:
    return [f"{np.mean([float(row[f'real_{name}']) for row in rows]):.3f}" if name in REAL else "" for name in FIGURES]


if __name__ == "__main__":
    run(main)
