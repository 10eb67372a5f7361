"""A training run from data set to shelf: what the command line and the training page both do.

A run has a folder of its own, holding what was asked for and the state after the last epoch, so that it can be
interrupted at any moment and resumed to the same detector.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core import datasets
from core.datasets.load import TEST_SHARE
from core.datasets.split import FEWEST_IMAGES
from core.detector import registry
from core.errors import OddDigitError, TrainingError
from core.files.atomic import alone, write_whole
from core.files.folder import trash
from core.words import NO_DIGIT

if TYPE_CHECKING:
    from core.detector import Detector
    from core.gan.trainer import Progress, Trainer

EVERY_LABEL = "any"
# Of one's own images of a label, of which some are set aside.
FEWEST_OF_OWN = next(n for n in range(FEWEST_IMAGES, 2 * FEWEST_IMAGES) if n - round(TEST_SHARE * n) >= FEWEST_IMAGES)
FRESH = 64  # digits that each generator draws, to see whether the detector would take them for normal


@dataclass(frozen=True)
class RunSpec:
    """What to train.

    Attributes:
        name: name of the detector to make.
        normal: labels of the normal digits, or ``("any",)`` for every label of the data set.
        dataset: as ``datasets.load`` names it.
        architecture: one of ``networks.ARCHITECTURES``.
        epochs: parts of the training, of 2,080 digits each; None takes the default.
        seed: seed of everything random in training.
        visitor: whose the detector will be, on a shared server.
    """

    name: str
    normal: tuple[str, ...] = ("5",)
    dataset: str = "mnist"
    architecture: str = "conv"
    epochs: int | None = None
    seed: int = 0
    visitor: str = ""


def default_name(dataset: str, normal: tuple[str, ...]) -> str:
    """A name for a run nobody named: "my-mnist-5", "my-usps-0-5", "my-mnist-any"."""
    kind = dataset if ":" not in dataset else Path(dataset.split(":", 1)[1]).stem
    clean = "".join(c if c.isascii() and c.isalnum() else "-" for c in f"my-{kind}-{'-'.join(normal)}")
    return clean[:64]


def folder(spec: RunSpec) -> Path:
    """Where a run keeps its state until it has finished. While it exists, the visitor's name is taken."""
    return registry.runs_folder(spec.visitor) / spec.name


def reserve(spec: RunSpec) -> None:
    """Write down what to train, so that ``run(spec, resume=True)`` starts it and nothing else takes its name.

    Raises:
        ModelError: the name cannot be used, or a model or another run has it.
    """
    registry.place_for(spec.name, spec.visitor)
    text = json.dumps(asdict(spec))
    write_whole(folder(spec) / "spec.json", lambda part: part.write_text(text))


def begun(spec: RunSpec) -> bool:
    """Whether a run has finished an epoch, so that there is something to resume or to keep."""
    return any(folder(spec).glob("digit-*.safetensors"))


def kept_since(spec: RunSpec, moment: float) -> bool:
    """Whether a run has finished an epoch after a moment, Unix time in seconds."""
    return any(file.stat().st_mtime > moment for file in folder(spec).glob("digit-*.safetensors"))


def discard(spec: RunSpec) -> None:
    """Throw away the state of a run, and let go of its name; raises WriteError where that cannot be."""
    trash(folder(spec))


def interrupted(spec: RunSpec) -> RunSpec:
    """What the interrupted run of that name was asked for.

    Raises:
        TrainingError: there is none, or what it left is damaged.
    """
    kept = folder(spec)
    try:
        data = json.loads((kept / "spec.json").read_text())
        data["normal"] = tuple(data["normal"])
        return replace(RunSpec(**data), visitor=spec.visitor)
    except FileNotFoundError as error:
        raise TrainingError(f"there is no interrupted run named {spec.name!r} to resume.") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainingError(f"the state of run {spec.name!r} is damaged: delete {kept} and start again.") from error


def run(
    spec: RunSpec,
    resume: bool = False,
    watch: "Callable[[datasets.Dataset, str, Trainer], None] | None" = None,
    enough: Callable[[], bool] | None = None,
    whole: datasets.Dataset | None = None,
) -> "Iterator[Progress]":
    """Train, calibrate, evaluate and put on the shelf.

    Args:
        spec: what to train.
        resume: go on with the interrupted run of that name, with what it was asked for then.
        watch: called with the training images, a label and its trainer at the start and after every epoch.
        enough: asked as training goes; see ``Detector.fit_steps``.
        whole: all of the data set, where it is someone's own and was read before.

    Yields:
        progress; when exhausted, ``Detector.load(spec.name)`` has the detector.

    Raises:
        ModelError: the name cannot be used.
        DatasetError: the data set cannot be loaded.
        TrainingError: a label is not in the data set, too few images, an interrupted run stands in the way, it is
            running already, or training diverged.
    """
    if not resume:
        reserve(spec)
    kept, spec = folder(spec), interrupted(spec)
    taken = TrainingError(f"the run {spec.name!r} is being trained by another process on this machine.")
    with alone(kept / "lock", taken):
        try:
            # While the run has the name nothing else can take it, so such a model is this run's own, saved just before
            # it was interrupted.
            if not any(model.name == spec.name for model in registry.models(spec.visitor)):
                yield from _make(spec, kept, watch, enough, whole)
            discard(spec)
        except OddDigitError:
            if not resume and not begun(spec):
                discard(spec)
            raise


def _make(
    spec: RunSpec,
    kept: Path,
    watch: "Callable[[datasets.Dataset, str, Trainer], None] | None",
    enough: Callable[[], bool] | None,
    whole: datasets.Dataset | None,
) -> "Iterator[Progress]":
    training, test = datasets.parts(spec.dataset, whole)
    images, labels, stretches = normal_images(training, spec.normal)
    for label in map(str, np.unique(labels)):
        refuse_too_few(spec.dataset, label, int((labels == label).sum()), len(test.of(label)))
    from core.detector import Detector  # with torch, which what is refused does not wait for

    detector = Detector(architecture=spec.architecture, epochs=spec.epochs, seed=spec.seed)
    last = None
    watched = None if watch is None else partial(watch, training)
    for last in detector.fit_steps(images, labels, kept, watched, enough, stretches):
        yield last
    if last is not None:
        yield replace(last, stage="evaluating", seconds_left=None, epoch_ended=False)
    finished = finish(detector, spec.name, spec.dataset, [test])
    finished.save(registry.own_folder(spec.visitor) / f"{spec.name}{registry.SUFFIX}")


def wanted_labels(normal: tuple[str, ...], there: Iterable[str]) -> tuple[str, ...]:
    """The labels that are to be normal; every label is every one but what a person has labelled no digit.

    >>> wanted_labels(("any",), ("5", "no digit")), wanted_labels(("5",), ("5", "6"))
    (('5',), ('5',))
    """
    return tuple(label for label in there if label != NO_DIGIT) if normal == (EVERY_LABEL,) else normal


def normal_images(
    dataset: datasets.Dataset, normal: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The images of the normal labels ``(n, 28, 28)``, their label names and, where known, their writers' stretches.

    Raises:
        TrainingError: a label is not in the data set; the text lists those that are.
    """
    names = np.array(dataset.label_names)[dataset.labels]
    wanted = wanted_labels(normal, dict.fromkeys(names))
    for label in wanted:
        if label not in names:
            there = ", ".join(sorted(set(names))[:40])
            raise TrainingError(f"{dataset.name} has no images labelled {label!r}; its labels are {there}.")
    chosen = np.isin(names, wanted)
    stretches = dataset.stretches
    return dataset.images[chosen], names[chosen], None if stretches is None else stretches[chosen]


def refuse_too_few(dataset: str, label: str, learnable: int, set_aside: int) -> None:
    """Refuse a label with too few images.

    Args:
        dataset: as ``datasets.load`` names it; of one's own a fifth is set aside.
        label: which.
        learnable: how many images there are to train, validate and calibrate on.
        set_aside: how many others are to evaluate with.

    Raises:
        TrainingError: they are too few; the text names how many were given and how many it takes.
    """
    if learnable >= FEWEST_IMAGES:
        return
    if dataset in datasets.NAMES:
        raise TrainingError(f"label {label!r} has {learnable} images to train on: {FEWEST_IMAGES} are needed.")
    given = learnable + set_aside
    aside = f", of which a fifth, {set_aside}, is set aside to measure the model with" if set_aside else ""
    raise TrainingError(f"label {label!r} has {given} images{aside}: give at least {FEWEST_OF_OWN}.")


def finish(detector: "Detector", name: str, dataset: str, evaluation_sets: list[datasets.Dataset]) -> "Detector":
    """A fitted detector named, and evaluated on images that took no part in making it, and on digits it draws."""
    from core.calibration.evaluation import concatenate
    from core.detector import Detector
    from core.detector.readings import ANOMALY

    evaluation = concatenate([detector.evaluate(part) for part in evaluation_sets])
    names = [part.name if part.name in datasets.NAMES else datasets.title(part.name) for part in evaluation_sets]
    sets = " and ".join(f"{name} ({part.part})" for name, part in zip(names, evaluation_sets, strict=True))
    if evaluation.n_anomaly:
        anomalies = sorted({evaluation.label_names[i] for i in evaluation.label[evaluation.anomaly]})
        listed = ", ".join(anomalies) if len(anomalies) <= 30 else f"{len(anomalies)} other labels"
        evaluated_on = f"{sets}; anomalies: {listed}"
    else:
        evaluated_on = f"{sets}; no anomalies, since every label there is normal: no AUROC can be given"
    fresh = detector.inspect(detector.sample(FRESH * len(detector.scorers_)))
    card = replace(
        detector.card_,
        name=name,
        dataset=dataset,
        calibrated_on=writers_of(dataset),
        evaluated_on=evaluated_on,
        fresh_flagged=float((fresh.class_id(alpha=0.05) == ANOMALY).mean()),
    )
    return Detector.of(replace(detector.state_, card=card, evaluation=evaluation))


def writers_of(dataset: str) -> str:
    """Whose ink a data set holds, as a sentence goes on after "measured against ... by".

    >>> writers_of("mnist"), writers_of("digits"), writers_of("folder:letters")
    ("MNIST's writers", "the writers of scikit-learn's digits", 'the writers of the pictures in letters')
    """
    title = datasets.title(dataset)
    if dataset not in datasets.NAMES:
        return f"the writers of the {title}"
    return f"the writers of {title}" if title.endswith("s") else f"{title}'s writers"
