"""How a memory bank's weights were chosen, and whether anything else adds to the distance: never on test images.

    python -m benchmarks.detection.weights [--digits 2,3,9] [--write]

Networks and latents are the shipped ones, normals each digit's calibration images. The judges are malformed normals of
families that neither train nor are reported (``development_malformations.py``) and, of three development digits only,
other digits. The rest of the digits confirm the choice: ``--digits 0,1,4,5,6,7,8``.
"""

import sys
from collections.abc import Callable, Mapping
from unittest.mock import patch

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from benchmarks.common import Digits, Write, auroc, begin
from benchmarks.detection.development_malformations import FAMILIES
from benchmarks.results import table
from core import datasets, paths
from core.detector import file as detector_file
from core.gan.networks import for_inference
from core.scoring import memory_bank
from core.scoring import scorer as scoring
from core.scoring.evidences import Evidences, Scale
from core.scoring.scorer import Scorer

# Names of ``core.scoring.memory_bank``: as it was before holes, then what it is with one weight changed at a time.
SETTINGS: tuple[Mapping[str, float], ...] = (
    {"HOLES": 0.0, "OUTSIDE": 1.0},
    {"HOLES": 0.0},
    {},
    {"HOLES": 0.1},
    {"HOLES": 0.4},
    {"OUTSIDE": 1.0},
    {"OUTSIDE": 0.25},
    {"RIDGE": 0.25},
    {"NEIGHBOURS": 25},
    {"COMPONENTS": 96},
    {"MOST_POINTS": 10_000},
    {"MOST_POINTS": 1_024},
)
# What might be added to the logarithm of the distance, standardised likewise, with these weights.
PARTS: Mapping[str, Callable[[Evidences], NDArray[np.float64]]] = {
    "pixel": lambda e: np.log(e.scores["pixel"] + 1e-6),
    "gradient": lambda e: np.log(e.scores["gradient"] + 1e-6),
    "discriminator": lambda e: -_logit(e.probability),
    "discriminator, less the reconstruction's": lambda e: _logit(e.reconstruction_probability) - _logit(e.probability),
}
WEIGHTS = (0.03, 0.1)
OTHERS = 600  # images a digit

Sets = dict[str, NDArray[np.float32]]


def main(
    digits: Digits = "2,3,9",
    write: Write = False,
) -> None:
    """Print two markdown tables, differences with their standard errors over digits."""
    report = begin(write)
    chosen = digits.split(",")
    settings: list[list[list[float]]] = []
    additions: list[list[list[float]]] = []
    for digit in chosen:
        sys.stderr.write(f"digit {digit}\n")
        scorer, sets = of_digit(digit)
        settings.append([measured({n: changed(scorer, sets, s)[n] for n in sets}) for s in SETTINGS])
        additions.append(with_parts(scorer, sets))
    names = [", ".join(f"{k.lower()} {v:g}" for k, v in s.items()) or "in use" for s in SETTINGS]
    added = ["nothing (in use)", *(f"{weight:g} {part}" for part in PARTS for weight in WEIGHTS)]
    title = f"Training images of the digits {digits}; differences to what is in use, with standard errors over digits."
    tables = [rows_of(names, settings, names.index("in use")), rows_of(added, additions, 0)]
    heads = ["Memory bank", "Added to the log of the distance"]
    parts = [f"{head}.\n\n{shown}" for head, shown in zip(heads, tables, strict=True)]
    report.publish("Weights", f"{title}\n\n" + "\n".join(parts))


def of_digit(digit: str) -> tuple[Scorer, Sets]:
    """The shipped scorer of a digit, and its validation, normal, other and malformed images."""
    state = detector_file.load(paths.CHECKPOINTS / f"mnist-{digit}.safetensors", outdated=True)
    training = datasets.load("mnist", "train")

    def part(label: str) -> NDArray[np.float32]:
        own = training.of(label)
        return own[datasets.split(len(own), state.card.split_seed).calibrate]

    own, normal = training.of(digit), part(digit)
    others = np.concatenate([part(label)[:OTHERS] for label in training.label_names if label != digit])
    random = torch.Generator().manual_seed(7)
    bad = {family.__name__: family(torch.from_numpy(normal[:OTHERS]), random).numpy() for family in FAMILIES}
    validation = own[datasets.split(len(own), state.card.split_seed).validation]
    return state.scorers[digit], {"validation": validation, "normal": normal, "others": others, **bad}


def changed(scorer: Scorer, sets: Sets, settings: Mapping[str, float]) -> dict[str, NDArray[np.float64]]:
    """Distances of all sets to the bank with other settings."""
    here = {name: value for name, value in settings.items() if name in vars(scoring)}
    with patch.dict(vars(memory_bank), settings), patch.dict(vars(scoring), here):
        bank, held = scoring.thinned(for_inference(scorer.networks.generator), scorer.latents)
        other = Scorer(scorer.networks, scorer.latents, scorer.settings, bank, held, scorer.scale)
        return {name: distances(other, images) for name, images in sets.items()}


def distances(scorer: Scorer, images: NDArray[np.float32]) -> NDArray[np.float64]:
    """To a scorer's bank, ``(n,)``."""
    chunks = [images[at : at + 256] for at in range(0, len(images), 256)]
    return np.concatenate(
        [scorer.bank.nearest(memory_bank.bank_features(torch.from_numpy(c))).distance for c in chunks]
    )


def with_parts(scorer: Scorer, sets: Sets) -> list[list[float]]:
    """Figures of the logarithm of the distance alone, then with each part added in each weight."""
    seen = {name: scorer.score(images) for name, images in sets.items()}

    def standardised(part: Callable[[Evidences], NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        scale = Scale.of(part(seen["validation"]))
        return {name: (part(evidences) - scale.centre) / scale.spread for name, evidences in seen.items()}

    base = standardised(lambda e: np.log(e.scores["manifold"]))
    rows = [measured(base)]
    for part in PARTS.values():
        added = standardised(part)
        rows += [measured({name: base[name] + weight * added[name] for name in sets}) for weight in WEIGHTS]
    return rows


def measured(scores: Mapping[str, NDArray[np.float64]]) -> list[float]:
    """AUROC and share caught at 5 %: of other digits, and on average of the malformed families."""
    threshold = np.quantile(scores["normal"], 0.95)
    bad = [scores[family.__name__] for family in FAMILIES]
    return [
        auroc(scores["normal"], scores["others"]),
        float((scores["others"] > threshold).mean()),
        float(np.mean([auroc(scores["normal"], part) for part in bad])),
        float(np.mean([(part > threshold).mean() for part in bad])),
    ]


def rows_of(names: list[str], measured: list[list[list[float]]], base: int) -> object:
    """A table: means over digits, and differences of the two AUROC to the row in use."""
    values = np.array(measured)  # (digits, rows, 4)
    gains = values - values[:, base : base + 1]
    error = gains.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.full(gains.shape[1:], np.nan)
    rows = []
    for i, name in enumerate(names):
        means, gain = values[:, i].mean(axis=0), gains[:, i].mean(axis=0)
        cells = [f"{means[0]:.5f}", f"{100 * means[1]:.2f} %", f"{means[2]:.4f}", f"{100 * means[3]:.1f} %"]
        rows.append([name, *cells, *(f"{gain[j]:+.5f} ± {error[i, j]:.5f}" for j in (0, 2))])
    columns = ["", "other digits", "caught", "malformed", "caught", "gain, others", "gain, malformed"]
    return table(columns, rows)


def _logit(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = probability.clip(1e-12, 1 - 1e-12)
    return np.log(clipped / (1 - clipped))


if __name__ == "__main__":
    typer.run(main)
