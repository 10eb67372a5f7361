"""From labelled normal digits to one scorer a digit: the split, the training, the memory."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.datasets import split
from core.errors import TrainingError
from core.files.atomic import writing
from core.gan.recipe import TrainingSettings
from core.gan.trainer import Progress, Trainer
from core.scoring.evidences import Scale
from core.scoring.multi_digit import standards_of
from core.scoring.scorer import Scorer

FEWEST_IMAGES = 50


@dataclass
class Fitted:
    """What a fit has made, digit by digit.

    Attributes:
        scorers: digit -> its scorer.
        standards: digit -> evidence -> (centre, scale).
        calibrate: digit -> the images that nothing but calibration may use, ``(n, 28, 28)``.
        counts: digit -> numbers of images (train, validation, calibrate).
        curve: digit -> loss name -> one mean a finished epoch.
        seconds: wall time, seconds.
    """

    scorers: dict[str, Scorer] = field(default_factory=dict)
    standards: dict[str, dict[str, Scale]] = field(default_factory=dict)
    calibrate: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    curve: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    seconds: float = 0.0


def fit_digits(
    images: NDArray[np.float32],
    labels: NDArray[np.str_],
    settings: TrainingSettings,
    split_seed: int,
    folder: Path | None = None,
    watch: Callable[[str, Trainer], None] | None = None,
    enough: Callable[[], bool] | None = None,
) -> Generator[Progress, None, Fitted]:
    """Train one digit after the other, handing out progress; the generator's return value is what was made.

    Args:
        images: ink images ``(n, 28, 28)``.
        labels: which digit each is, ``(n,)``.
        settings: of the training.
        split_seed: of the split into train, validation and calibrate.
        folder: as ``Detector.fit_steps`` takes it, and the rest too.
        watch: likewise.
        enough: likewise.

    Raises:
        TrainingError: no images, too few of a label, ``enough`` without a folder, or training diverged.
    """
    names = _check(images, labels)
    if enough is not None and folder is None:
        raise TrainingError("training can only be ended early where each epoch is kept: give a folder too.")
    if folder is not None:
        with writing(folder):  # now, not after an epoch
            folder.mkdir(parents=True, exist_ok=True)
    enough = enough or (lambda: False)
    started = time.monotonic()
    fitted = Fitted()
    for i, name in enumerate(names):
        if fitted.scorers and enough() and not _begun(folder, i):
            break
        own = images[labels == name]
        parts = split(len(own), split_seed)
        validation = own[parts.validation]
        state = _state_file(folder, i) if folder is not None else None
        suited = settings.suited_to(len(parts.train))
        trainer = Trainer(own[parts.train], suited, state)
        if watch is not None:
            watch(name, trainer)
        for progress in () if trainer.epoch and enough() else trainer.run():
            if watch is not None and progress.epoch_ended:
                watch(name, trainer)
            yield of_several(progress, i, names, time.monotonic() - started)
            if trainer.epoch and enough():
                trainer = Trainer(own[parts.train], suited, state)  # as the last finished epoch left it
                break
        scorer = Scorer.fit(trainer.networks, own[parts.train], validation, suited, trainer.latent_prior())
        fitted.scorers[name], fitted.standards[name] = scorer, standards_of(scorer, validation)
        fitted.calibrate[name], fitted.curve[name] = own[parts.calibrate], trainer.curve
        fitted.counts[name] = (len(parts.train), len(parts.validation), len(parts.calibrate))
    fitted.seconds = time.monotonic() - started
    return fitted


def of_several(progress: Progress, index: int, names: tuple[str, ...], seconds: float) -> Progress:
    """One digit's progress as progress of the whole run over several digits."""
    if len(names) == 1:
        return progress
    fraction = (index + progress.fraction) / len(names)
    left = seconds / fraction - seconds if fraction > 0.01 else None
    stage = f"digit {names[index]}: {progress.stage}"
    return replace(progress, stage=stage, fraction=fraction, seconds=seconds, seconds_left=left)


def _check(images: NDArray[np.float32], labels: NDArray[np.str_]) -> tuple[str, ...]:
    if not len(images):
        raise TrainingError(f"there are no images to train on: give at least {FEWEST_IMAGES} a label.")
    names = tuple(str(name) for name in np.unique(labels))
    for name in names:
        if (count := int((labels == name).sum())) < FEWEST_IMAGES:
            raise TrainingError(f"label {name!r} has {count} images: give at least {FEWEST_IMAGES}.")
    return names


def _state_file(folder: Path, index: int) -> Path:
    return folder / f"digit-{index}.safetensors"


def _begun(folder: Path | None, index: int) -> bool:
    return folder is not None and _state_file(folder, index).exists()
