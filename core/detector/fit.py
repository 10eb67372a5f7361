"""From labelled normal digits to a detector's state: the split, the training, the memory, the calibration."""

import time
from collections.abc import Callable, Generator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core import arguments
from core.datasets.split import FEWEST_IMAGES, split
from core.detector import strangers
from core.detector.assemble import calibrations_of
from core.detector.model_card import UNNAMED, Card
from core.detector.state import DetectorState
from core.errors import TrainingError
from core.files.atomic import writing
from core.gan.recipe import TrainingSettings
from core.gan.trainer import Progress, Trainer
from core.scoring.evidences import Scale
from core.scoring.multi_digit import standards_of
from core.scoring.scorer import Scorer


def fit_digits(
    images: NDArray[np.float32],
    labels: NDArray[np.str_],
    settings: TrainingSettings,
    split_seed: int,
    folder: Path | None = None,
    watch: Callable[[str, Trainer], None] | None = None,
    enough: Callable[[], bool] | None = None,
    stretches: ArrayLike | None = None,
) -> Generator[Progress, None, DetectorState]:
    """Train one digit after the other, handing out progress; the generator's return value is what was made.

    Args:
        images: ink images ``(n, 28, 28)``.
        labels: which digit each is, ``(n,)``.
        settings: of the training.
        split_seed: of the split into train, validation and calibrate.
        folder: as ``Detector.fit_steps`` takes it, and the rest too.
        watch: likewise.
        enough: likewise.
        stretches: likewise.

    Raises:
        TrainingError: no images, too few of a label, ``enough`` without a folder, or training diverged.
    """
    names = _check(images, labels)
    for argument, function in (("watch", watch), ("enough", enough)):
        if function is not None and not callable(function):
            raise TrainingError(f"{argument} is no function: give one that is called as training goes, or None.")
    writers = None if stretches is None else arguments.array("stretches", stretches, "one number an image").ravel()
    if writers is not None and len(writers) != len(images):
        raise TrainingError(f"{len(images)} images came with {len(writers)} stretches: give one number an image.")
    if folder is not None:
        folder = arguments.path("folder", folder)
        with writing(folder):  # now, not after an epoch
            folder.mkdir(parents=True, exist_ok=True)
    elif enough is not None:
        raise TrainingError("training can only be ended early where each epoch is kept: give a folder too.")
    enough = enough or (lambda: False)
    started = time.monotonic()
    scorers: dict[str, Scorer] = {}
    standards: dict[str, dict[str, Scale]] = {}
    calibrate: dict[str, NDArray[np.float32]] = {}
    counts: dict[str, tuple[int, int, int]] = {}
    curve: dict[str, dict[str, list[float]]] = {}
    for i, name in enumerate(names):
        kept = None if folder is None else folder / f"digit-{i}.safetensors"
        if scorers and enough() and not (kept and kept.exists()):
            break
        own = images[labels == name]
        parts = split(len(own), split_seed)
        validation = own[parts.validation]
        suited = settings.suited_to(len(parts.train))
        trainer = Trainer(own[parts.train], suited, kept)
        if watch is not None:
            watch(name, trainer)
        for progress in () if trainer.epoch and enough() else trainer.run():
            if watch is not None and progress.epoch_ended:
                watch(name, trainer)
            yield of_several(progress, i, names, time.monotonic() - started)
            if trainer.epoch and enough():
                trainer = Trainer(own[parts.train], suited, kept)  # as the last finished epoch left it
                break
        scorers[name] = Scorer.fit(trainer.networks, own[parts.train], validation, suited, trainer.latent_prior())
        standards[name] = standards_of(scorers[name], validation)
        calibrate[name], curve[name] = own[parts.calibrate], trainer.curve
        counts[name] = (len(parts.train), len(parts.validation), len(parts.calibrate))
    card = Card(
        name=UNNAMED,
        normal=tuple(scorers),
        split_seed=split_seed,
        counts=counts,
        settings=asdict(settings),
        curve=curve,
        seconds=round(time.monotonic() - started, 1),
    )
    pooled, digits = calibrations_of(scorers, standards, calibrate)
    state = DetectorState(card, pooled, None, scorers, standards, digits)
    by = {} if writers is None else {name: writers[labels == name] for name in scorers}
    if by and all(map(strangers.enough, by.values())):
        state = strangers.corrected(state, {name: images[labels == name] for name in by}, by)
    return state


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
