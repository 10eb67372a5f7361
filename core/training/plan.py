"""What can be known before a training run starts: whether it can succeed, and how long it will take."""

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from core import datasets, paths
from core.datasets.split import split
from core.detector import registry
from core.errors import TrainingError
from core.gan.determinism import one_thread
from core.gan.networks import architecture_of, build
from core.gan.recipe import MOST_EPOCHS, TrainingSettings
from core.training.run import RunSpec, refuse_too_few, wanted_labels

MOST_LABELS = 100
# A detector of one digit with its checkpoint, cache and pictures; measured at 14 MB for MNIST's largest digit.
BYTES_PER_LABEL = 20 * 2**20
BYTES_SPARE = 50 * 2**20
TRAIN_SHARE = 0.7
STARTING_SECONDS = 5.0  # until the process of a job has loaded its libraries and begins
# Costs per image, in units of training on it once; measured with the conv architecture on MNIST's 5s.
NOTICED = 1.5  # times as long on a busy machine: less than that nobody notices
FITTING = 2.6  # of making a digit's scorer
INSPECTION = 0.21  # of scoring by one digit's networks
_PROBE_IMAGES = 64


@dataclass(frozen=True)
class Counts:
    """How many images of each label a data set has.

    Attributes:
        train: in its training part.
        test: in its test part, which evaluates.
    """

    train: Mapping[str, int]
    test: Mapping[str, int]


@dataclass(frozen=True)
class Plan:
    """A run that can start.

    Attributes:
        images: normal images there are to train, validate and calibrate on.
        learnt: of these, how many the networks learn from.
        normals: normal images beside them that it will be evaluated on.
        anomalies: images of other labels that it will be evaluated on; 0 means that no AUROC can be given.
        training: how much there is to learn, in trainings on one image.
        finishing: how much there is to do afterwards, calibrating and evaluating, in the same unit.
    """

    images: int
    learnt: int
    normals: int
    anomalies: int
    training: float
    finishing: float

    @property
    def work(self) -> float:
        """All there is to do, in trainings on one image."""
        return self.training + self.finishing


def count_images(dataset: str) -> Counts:
    """Count a data set's images; reads all of it.

    Raises:
        DatasetError: it cannot be loaded; nothing is downloaded.
    """
    counts = []
    for loaded in datasets.parts(dataset, download=False):
        sizes = np.bincount(loaded.labels, minlength=len(loaded.label_names))
        counts.append({name: int(n) for name, n in zip(loaded.label_names, sizes, strict=True)})
    return Counts(*counts)


def plan_run(spec: RunSpec, counts: Counts) -> Plan:
    """Whether a run can start and will not fail for a reason that can be known now.

    Raises:
        ModelError: the name cannot be used, or is taken.
        TrainingError: no digit chosen, a label without images or with too few, settings out of range, a full disk.
    """
    registry.place_for(spec.name, spec.visitor)
    epochs = spec.epochs if spec.epochs is not None else architecture_of(spec.architecture).epochs
    if not 1 <= epochs <= MOST_EPOCHS:
        raise TrainingError(f"{epochs} epochs: choose 1 to {MOST_EPOCHS:,}.")
    if not spec.normal:
        raise TrainingError("no normal digit is chosen: choose at least one.")
    there = [name for name, n in counts.train.items() if n]
    wanted = wanted_labels(spec.normal, there)
    if len(wanted) > MOST_LABELS:
        raise TrainingError(f"{len(wanted)} labels: a detector knows at most {MOST_LABELS}. Choose some of them.")
    for label in wanted:
        n = counts.train.get(label, 0)
        if n == 0:
            raise TrainingError(
                f"{spec.dataset} has no images labelled {label!r}: its labels are {', '.join(there[:40])}."
            )
        refuse_too_few(spec.dataset, label, n, counts.test.get(label, 0))
    _check_disk(len(wanted))
    images = sum(counts.train[label] for label in wanted)
    anomalies = sum(n for label, n in counts.test.items() if label not in wanted)
    evaluated = sum(counts.test.values())
    # The scorers of all digits but the last are made while training goes on, so to say.
    between = FITTING * images
    after = INSPECTION * (images + len(wanted) * (0.2 * images + evaluated))
    if len(wanted) == 1:
        between, after = 0.0, between + after
    suited = [TrainingSettings().suited_to(round(TRAIN_SHARE * counts.train[label])) for label in wanted]
    shown = epochs * sum(settings.steps * settings.batch_size for settings in suited)
    learnt = sum(len(split(counts.train[label], seed=0).train) for label in wanted)
    return Plan(images, learnt, evaluated - anomalies, anomalies, training=shown + between, finishing=after)


def seconds_an_image(architecture: str) -> float:
    """Seconds that training on one image takes on this machine with a core to itself, from a try of 0.1 seconds.

    Processor time is measured, so that what else runs for a moment does not stretch a forecast of minutes.

    Raises:
        TrainingError: no such architecture.
    """
    # The networks forth and back, without optimisers: importing those alone would take a server seconds.
    with torch.random.fork_rng(devices=[]):
        encoder, generator, discriminator = build(architecture, TrainingSettings().latent_size)
        images = torch.rand(_PROBE_IMAGES, 1, 28, 28)
    tries = []
    with one_thread():
        for _ in range(3):
            started = time.thread_time()
            drawn = generator(encoder(images))
            (discriminator(drawn).mean() + (drawn - images).square().mean()).backward()
            tries.append(time.thread_time() - started)
    return min(tries) / _PROBE_IMAGES * architecture_of(architecture).cost


def busy() -> float:
    """How many times as long as alone a training takes beside what ran in the last minute; 1.0 where cores are free."""
    waiting = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1.0, (waiting + 1) / (os.cpu_count() or 1))


def _check_disk(labels: int) -> None:
    needed = labels * BYTES_PER_LABEL + BYTES_SPARE
    state = paths.state_dir()
    free = shutil.disk_usage(next(folder for folder in (state, *state.parents) if folder.exists())).free
    if free < needed:
        raise TrainingError(
            f"only {free / 1e6:,.0f} MB are free where training keeps its state ({state}); "
            f"it may need {needed / 1e6:,.0f} MB. Make room first."
        )
