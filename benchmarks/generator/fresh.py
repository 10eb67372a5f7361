"""Fresh digits against real ones: how many are flagged, how far they cover what people write, whether they are copies.

    python -m benchmarks.generator.fresh                trained on the development fold where not there yet
    python -m benchmarks.generator.fresh --split test   the shipped models against test images; the look is logged

Held-out real digits are the reference, and as many training digits against them say what real ones would reach. A row a
digit is written to fresh.csv as it is measured, and an interrupted run goes on.
"""

import sys
from functools import partial
from typing import Annotated
from unittest.mock import patch

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor

from benchmarks import common
from benchmarks.detection import one_class
from benchmarks.results import Report, table
from core import datasets, paths
from core.detector import Detector, estimator
from core.gan.features import manifold_features
from core.gan.recipe import TrainingSettings
from core.scoring.memory_bank import MemoryBank
from core.scoring.scorer import Scorer

Images = NDArray[np.float32]
KEY = ("digit", "split", "weight", "seed")
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
    "seconds": "trained in s",
}
REAL = ("flagged", "precision", "recall", "pixel_precision", "pixel_recall", "grey")
COLUMNS = (*KEY, *FIGURES, *(f"real_{name}" for name in REAL))
NEIGHBOURS = 3
COMPONENTS = (
    128  # principal ones of the features, for the Fréchet distance: a covariance needs more images than numbers
)
_CHUNK = 256


def main(
    digits: Annotated[str, typer.Option(help="Which digits, such as 5 or 0,1.")] = "0,1,2,3,4,5,6,7,8,9",
    split: Annotated[one_class.Split, typer.Option(help="Which images judge.")] = one_class.Split.development,
    weight: Annotated[float | None, typer.Option(help="Adversary's weight in trials; 0 leaves it out.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    write: Annotated[bool, typer.Option("--write", help="Put the table into benchmarks/results.md.")] = False,
) -> None:
    """Measure what is missing and print a markdown table."""
    report = Report(write)
    common.one_thread()
    rows = common.rows_of("generator/fresh", COLUMNS, KEY, quick=False)
    training, test = one_class.images_of(split)
    about = {"split": split, "weight": "own" if weight is None else weight, "seed": seed}
    missing = [digit for digit in digits.split(",") if not rows.find(digit=digit, **about)]
    if missing and split is one_class.Split.test:
        one_class.log_use(one_class.TEST_LOG)
    for digit in missing:
        sys.stderr.write(f"digit {digit}\n")
        shipped = split is one_class.Split.test
        detector = Detector.load(f"mnist-{digit}") if shipped else trained(digit, training, weight, seed)
        rows.append({"digit": digit, **about, **measure(detector, digit, training, test)})
    kept = [row for row in rows.read() if all(row[name] == str(value) for name, value in about.items())]
    kept = [row for row in kept if row["digit"] in digits.split(",")]
    means = {name: np.mean([float(row[name]) for row in kept]) for name in COLUMNS[len(KEY) :]}
    real = [f"{means[f'real_{name}']:.3f}" if name in REAL else "" for name in FIGURES]
    lines = [[row["digit"], *(_figure(name, float(row[name])) for name in FIGURES)] for row in kept]
    lines += [["mean", *(_figure(name, float(means[name])) for name in FIGURES)], ["real ones, mean", *real]]
    title = f"Fresh digits, as many as there are held-out ones, {split} split."
    report.publish("Fresh digits", f"{title}\n\n{table(['digit', *FIGURES.values()], lines)}")


def trained(digit: str, training: datasets.Dataset, weight: float | None, seed: int) -> Detector:
    """A detector of the development training images; trained if it is not there yet."""
    name = f"mnist-{digit}" + ("" if weight is None else f"-weight-{weight:g}") + (f"-seed-{seed}" if seed else "")
    file = paths.state_dir() / "development" / "generator" / f"{name}.safetensors"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        own = TrainingSettings().adversarial_weight if weight is None else weight
        with patch.object(estimator, "TrainingSettings", partial(TrainingSettings, adversarial_weight=own)):
            detector = Detector(seed=seed)
            for progress in detector.fit_steps(training.of(digit), folder=file.with_suffix("")):
                if progress.epoch_ended:
                    sys.stderr.write(f"epoch {progress.epoch} of {progress.epochs}, {progress.seconds:.0f} s\n")
        detector.save(file)
    return Detector.load(file)


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

    features = {name: described(part) for name, part in (("held", held_out[:n]), ("real", real), ("fresh", fresh))}
    everything = described(learnt)
    mean = everything.mean(dim=0)
    basis = torch.linalg.eigh((everything - mean).T @ (everything - mean)).eigenvectors[:, -COMPONENTS:]
    precision, recall = precision_recall(features["held"], features["fresh"])
    real_precision, real_recall = precision_recall(features["held"], features["real"])
    held_pixels = torch.from_numpy(held_out[:n]).flatten(1)
    pixels, real_pixels = (precision_recall(held_pixels, torch.from_numpy(part).flatten(1)) for part in (fresh, real))
    distance = {name: frechet(features["held"] @ basis, features[name] @ basis) for name in ("real", "fresh")}
    nearest = {name: nearest_distance(features[name], everything) for name in ("held", "fresh")}
    return {
        "flagged": flagged(detector, fresh),
        "precision": precision,
        "recall": recall,
        "pixel_precision": pixels[0],
        "pixel_recall": pixels[1],
        "frechet": distance["fresh"] / distance["real"],
        "grey": grey_share(fresh),
        "bank_gap": auroc(anomaly, scores["manifold"]) - auroc(anomaly, of_fresh_bank(scorer, test.images)),
        "discriminator": auroc(anomaly, scores["discriminator"]),
        "nearest": nearest["fresh"] / nearest["held"],
        "fused": auroc(anomaly, scores["fused"]),
        "pixel": auroc(anomaly, scores["pixel"]),
        "seconds": detector.card_.seconds,
        "real_flagged": flagged(detector, held_out),
        "real_precision": real_precision,
        "real_recall": real_recall,
        "real_pixel_precision": real_pixels[0],
        "real_pixel_recall": real_pixels[1],
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
    precision = (distance <= reach(real)[:, None]).any(dim=0).float().mean()
    recall = (distance <= reach(fresh)).any(dim=1).float().mean()
    return float(precision), float(recall)


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
    fresh = Scorer(scorer.networks, latents, scorer.settings, bank, scorer.scale)
    return fresh.score(images).scores["manifold"]


def auroc(anomaly: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(anomaly, scores))


def _figure(name: str, value: float) -> str:
    return (
        f"{value:.0f}" if name == "seconds" else f"{value:.4f}" if "auroc" in FIGURES[name].lower() else f"{value:.3f}"
    )


if __name__ == "__main__":
    typer.run(main)
