"""What each part of the recipe is worth: the same digit with one part left out or replaced, on the development fold.

    python -m benchmarks.detection.ablation [--digit 2]

What differs only after training shares one training run. Malformed digits are of families that neither train nor are
reported (``development_malformations``).
"""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Annotated
from unittest.mock import patch

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from benchmarks.common import Write, auroc, begin
from benchmarks.detection.development_malformations import FAMILIES
from benchmarks.development import SHIPPED, trained
from benchmarks.results import table
from core import datasets
from core.gan import latents
from core.operating_point import EVIDENCES
from core.scoring import memory_bank
from core.scoring import scorer as scoring
from core.scoring.scorer import Scorer

EDITED = 600  # malformed digits a family


@dataclass(frozen=True)
class Variant:
    """The recipe with something changed.

    Attributes:
        name: what it is called in the table.
        training: a variant of ``benchmarks.development``.
        memory: names in ``core.scoring.memory_bank`` that stand for something else.
        latents: names in ``core.gan.latents`` likewise.
        scoring: names in ``core.scoring.scorer`` likewise.
        random: whether the memory is drawn from fresh latents of the prior instead of those of the training digits.
    """

    name: str
    training: str = SHIPPED
    memory: Mapping[str, float] = field(default_factory=dict)
    latents: Mapping[str, float] = field(default_factory=dict)
    scoring: Mapping[str, float] = field(default_factory=dict)
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
    Variant("trained without the adversary", training="without the adversary"),
)


def main(digit: Annotated[str, typer.Option(help="Which digit.")] = "2", write: Write = False) -> None:
    """Measure every variant and print a markdown table."""
    report = begin(write)
    training, test = datasets.development(datasets.load("mnist", "train"))
    own = training.of(digit)
    parts = datasets.split(len(own), seed=0)
    anomaly = np.array(test.label_names)[test.labels] != digit
    normal, random = torch.from_numpy(test.images[~anomaly][:EDITED]), torch.Generator().manual_seed(7)
    malformed = np.concatenate([family(normal, random).numpy() for family in FAMILIES])
    rows = []
    for variant in VARIANTS:
        sys.stderr.write(f"{variant.name}\n")
        scorer = changed(variant, digit, own[parts.train], own[parts.validation])
        with patched(variant):
            scores, odd = scorer.score(test.images).scores, scorer.score(malformed).scores["fused"]
        areas = [auroc(scores[name][~anomaly], scores[name][anomaly]) for name in EVIDENCES]
        rows.append([variant.name, *areas, auroc(scores["fused"][~anomaly], odd)])
    title = (
        f"Development split, digit {digit}: AUROC by evidence with the nine other digits as anomalies, and fused "
        "against malformed digits of the same kind."
    )
    report.publish("Ablation", f"{title}\n\n{table(['recipe', *EVIDENCES, 'malformed'], rows)}")


def changed(variant: Variant, digit: str, train: NDArray[np.float32], validation: NDArray[np.float32]) -> Scorer:
    """The scorer that a variant makes of the networks trained for it, and of a digit's images ``(n, 28, 28)``."""
    (scorer,) = trained(digit, variant.training).scorers_.values()
    with patched(variant):
        if variant.random:
            fresh = scorer.fresh_latents(len(train), seed=0)
            with patch.object(latents, "optimised", lambda *_: fresh):
                return Scorer.fit(scorer.networks, train, validation, scorer.settings)
        return Scorer.fit(scorer.networks, train, validation, scorer.settings)


def patched(variant: Variant) -> ExitStack:
    """The names of a variant, standing for something else until the context is left."""
    stack = ExitStack()
    for module, differing in ((memory_bank, variant.memory), (latents, variant.latents), (scoring, variant.scoring)):
        stack.enter_context(patch.dict(vars(module), differing))
    return stack


if __name__ == "__main__":
    typer.run(main)
