"""What each part of the recipe is worth: the same digits with one part left out or replaced.

    python -m benchmarks.detection.ablation [--digits 2] [--variants as,memory]

On the development split: MNIST's training images 0-49,999 train, tune and calibrate, images 50,000-59,999 judge. One
row a (variant, digit, seed) is written to ablation.csv as it is made, and an interrupted run goes on.
"""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
import torch
import typer

from benchmarks import common
from benchmarks.common import Quick, Write, auroc, begin
from benchmarks.detection import malformations
from benchmarks.detection.malformed import counted
from benchmarks.results import table
from core import datasets
from core.gan import latents
from core.gan.recipe import TrainingSettings
from core.gan.trainer import Trainer
from core.operating_point import EVIDENCES
from core.scoring import memory_bank
from core.scoring import scorer as scoring
from core.scoring.scorer import Scorer

MEDIUM = 1
KEY = ("variant", "digit", "seed")
COLUMNS = (*KEY, *EVIDENCES, "malformed", "seconds")


@dataclass(frozen=True)
class Variant:
    """The recipe with something changed.

    Attributes:
        name: what it is called in the table.
        settings: training settings that differ; each such variant is trained anew.
        memory: names in ``core.scoring.memory_bank`` that stand for something else.
        latents: names in ``core.gan.latents`` likewise.
        scoring: names in ``core.scoring.scorer`` likewise.
        random: whether the memory is drawn from fresh latents of the prior instead of those of the training digits.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
    latents: Mapping[str, Any] = field(default_factory=dict)
    scoring: Mapping[str, Any] = field(default_factory=dict)
    random: bool = False


VARIANTS = (
    Variant("as shipped"),
    Variant("memory from fresh latents", random=True),
    Variant("odd digits reconstructed from the whole neighbourhood", scoring={"_ODD": 98.0, "_ODDEST": 99.0}),
    Variant("latents as the encoder gives them, not refined", latents={"OPTIMISATION_STEPS": 0}),
    Variant("distance to the nearest memory alone", memory={"NEIGHBOURS": 1}),
    Variant("10 neighbours", memory={"NEIGHBOURS": 10}),
    Variant("principal components not whitened", memory={"WHITENING": 0.0}),
    Variant("every digit's point kept", scoring={"MOST_POINTS": 10**6}),
    Variant("32 principal components", memory={"COMPONENTS": 32}),
    Variant("holes not seen", memory={"HOLES": 0.0}),
    Variant("what no component holds counts in full", memory={"OUTSIDE": 1.0}),
    Variant("trained without the adversary", settings={"adversarial_weight": 0.0}),
    Variant("trained without the gradient loss", settings={"gradient_weight": 0.0}),
)


def main(
    digits: Annotated[str, typer.Option(help="Which digits; 0-3 are those the recipe was chosen on.")] = "2",
    variants: Annotated[str, typer.Option(help="Parts of names, or all.")] = "all",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    quick: Quick = False,
    write: Write = False,
) -> None:
    """Measure what is missing and print a markdown table."""
    kept = begin(write)
    rows = common.rows_of("detection/ablation", COLUMNS, KEY, quick)
    training, test = datasets.development(datasets.load("mnist", "train"))
    if quick:
        training, test = training.take(np.arange(4_000)), test.take(np.arange(1_000))
    settings = TrainingSettings(seed=seed, epochs=1) if quick else TrainingSettings(seed=seed)
    words = [word.strip().lower() for word in variants.split(",")]
    chosen = [v for v in VARIANTS if variants == "all" or any(word in v.name.lower() for word in words)]
    for digit in digits.split(","):
        bench = Bench(training.of(digit), test, digit, settings)
        for variant in chosen:
            if rows.find(variant=variant.name, digit=digit, seed=seed):
                continue
            sys.stderr.write(f"{variant.name}, digit {digit}\n")
            rows.append({"variant": variant.name, "digit": digit, "seed": seed} | bench.measure(variant))
    kept.publish("Ablation", report(rows.read()))


class Bench:
    """One digit, on which variants are measured; what differs only after training shares one training run.

    Args:
        normals: training images of the digit, ``(n, 28, 28)``.
        test: what judges.
        digit: the normal label.
        settings: the recipe's.
    """

    EDITED = 100  # malformed digits a family

    def __init__(self, normals: np.ndarray, test: datasets.Dataset, digit: str, settings: TrainingSettings) -> None:
        parts = datasets.split(len(normals), seed=0)
        self.train, self.validation = normals[parts.train], normals[parts.validation]
        self.digit, self.settings = digit, settings
        self.anomaly = np.array(test.label_names)[test.labels] != digit
        own = test.images[~self.anomaly][: self.EDITED]
        families = [name for name in malformations.FAMILIES if counted(name, [digit])]
        self.edited = np.concatenate([malformations.malform(own, name, MEDIUM) for name in families])
        self.images = test.images
        self._trained: dict[TrainingSettings, Trainer] = {}

    def measure(self, variant: Variant) -> dict[str, float]:
        """AUROC by evidence, fused AUROC of malformed digits at medium strength, seconds of training."""
        settings = replace(self.settings, **variant.settings)
        trainer = self.trained(settings)
        with ExitStack() as changed:
            for module, differing in (
                (memory_bank, variant.memory),
                (latents, variant.latents),
                (scoring, variant.scoring),
            ):
                for name, value in differing.items():
                    changed.enter_context(patch.object(module, name, value))
            if variant.random:
                fresh = trainer.latent_prior().sample(len(self.train), torch.Generator().manual_seed(0))
                changed.enter_context(patch.object(latents, "optimised", lambda *_: fresh))
            scorer = Scorer.fit(trainer.networks, self.train, self.validation, settings)
            scores, odd = scorer.score(self.images).scores, scorer.score(self.edited).scores
        areas = {name: auroc(scores[name][~self.anomaly], scores[name][self.anomaly]) for name in EVIDENCES}
        return areas | {"malformed": auroc(scores["fused"][~self.anomaly], odd["fused"]), "seconds": trainer.seconds}

    def trained(self, settings: TrainingSettings) -> Trainer:
        """A finished run with these settings, trained once."""
        if settings not in self._trained:
            trainer = Trainer(self.train, settings)
            for _ in trainer.run():
                pass
            self._trained[settings] = trainer
        return self._trained[settings]


def report(rows: list[dict[str, str]]) -> str:
    """Markdown: means over the digits measured, variants in their order."""
    digits = sorted({row["digit"] for row in rows})
    shown = []
    for variant in VARIANTS:
        own = [row for row in rows if row["variant"] == variant.name]
        if own:
            cells = [f"{np.mean([float(row[name]) for row in own]):.4f}" for name in (*EVIDENCES, "malformed")]
            shown.append([variant.name, *cells, ", ".join(sorted({row["digit"] for row in own}))])
    title = (
        f"Development split, digits {', '.join(digits)}: AUROC by evidence with the nine other digits as anomalies, "
        "and fused against malformed digits of the same kind at medium strength."
    )
    return f"{title}\n\n{table(['recipe', *EVIDENCES, 'malformed', 'digits'], shown)}"


if __name__ == "__main__":
    typer.run(main)
