"""Detectors trained on the development fold, once for every benchmark that asks: as shipped, and with a part left out.

They lie in the state folder. MNIST's training images 0-49,999 train, validate and calibrate them; 50,000-59,999 judge.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.harness import busy, say
from benchmarks.results import slug
from core import datasets, paths
from core.detector import Detector, estimator
from core.gan.recipe import TrainingSettings

SHIPPED = "as shipped"
VARIANTS: dict[str, dict[str, Any]] = {  # settings of training that differ
    SHIPPED: {},
    "without the adversary": {"adversarial_weight": 0.0},
    "dense": {"architecture": "dense"},
    "attention": {"architecture": "attention"},
}


def file_of(digit: str, variant: str = SHIPPED, seed: int = 0) -> Path:
    """Where such a detector lies once it is trained."""
    name = f"mnist-{digit}{f'-{slug(variant)}' * (variant != SHIPPED)}{f'-seed-{seed}' * (seed > 0)}"
    return paths.state_dir() / "development" / f"{name}.safetensors"


def trained(digit: str, variant: str = SHIPPED, seed: int = 0) -> Detector:
    """A detector of one digit, trained if it is not there yet; the seconds on its card are of processor time."""
    file = file_of(digit, variant, seed)
    if not file.exists():
        say(f"training {file.stem}")
        training, _ = datasets.development(datasets.load("mnist", "train"))
        settings = dict(VARIANTS[variant])
        architecture = settings.pop("architecture", "conv")
        detector = Detector(architecture=architecture, seed=seed)
        with patch.object(estimator, "TrainingSettings", partial(TrainingSettings, **settings)):
            seconds = round(busy(detector.fit, training.of(digit)), 1)
        file.parent.mkdir(parents=True, exist_ok=True)
        state = detector.state_
        Detector.of(replace(state, card=replace(state.card, seconds=seconds))).save(file)
    return Detector.load(file)
