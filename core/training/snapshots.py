"""What one sees of a generator as it learns: the same latents, the same digits, drawn at first and after every epoch.

A frame is for watching only: nothing in it selects, stops or tunes anything.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes
from sklearn.metrics import roc_auc_score
from torch import Tensor

from core.datasets import Dataset, split
from core.errors import TrainingError
from core.files import tensors as tensor_files
from core.gan.features import gradient_features
from core.gan.trainer import Trainer
from core.ink import storage

SHOWN = 8  # held-out digits, and as many odd ones, whose reconstructions are drawn
COMPARED = 200  # at most so many held-out normals, and others, are set apart, and so many fresh digits looked at
NEIGHBOURS = 1_000  # at most so many training digits, of which the nearest counts
FLAGGED_BEYOND = 0.95  # of held-out normals
_FILE = re.compile(r"(\d+)-(\d+)\.safetensors")


@dataclass(frozen=True)
class Frame:
    """One epoch of one digit's networks.

    Attributes:
        label: the digit.
        epoch: epochs finished; 0 is a generator that has learnt nothing yet.
        losses: mean losses of the epoch, by name; none at epoch 0.
        samples: ``(16, 28, 28)`` float32, the same sixteen latents drawn.
        held_out: ``(k, 28, 28)``, normal digits that the networks were not trained on, the same in every frame.
        held_out_drawn: their reconstructions.
        odd: ``(m, 28, 28)``, digits of other labels; none where the data set has no others.
        odd_drawn: their reconstructions.
        normal_errors: reconstruction error in gradient features of held-out normals, ``(n,)``.
        other_errors: the same of digits of other labels.
        normal_distances: of held-out normals to the nearest training digit, in gradient features, ``(n,)``.
        fresh_distances: the same of digits that the generator draws, ``(f,)``. A reconstruction error would not do:
            whatever a generator draws it can draw again. Both are empty in frames of before they were kept.
    """

    label: str
    epoch: int
    losses: dict[str, float]
    samples: NDArray[np.float32]
    held_out: NDArray[np.float32]
    held_out_drawn: NDArray[np.float32]
    odd: NDArray[np.float32]
    odd_drawn: NDArray[np.float32]
    normal_errors: NDArray[np.float32]
    other_errors: NDArray[np.float32]
    normal_distances: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    fresh_distances: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))

    @property
    def fresh_flagged(self) -> float | None:
        """Share of fresh digits that lie further out than 95 % of held-out normals; None where there are none."""
        if not self.normal_distances.size or not self.fresh_distances.size:
            return None
        return float((self.fresh_distances > np.quantile(self.normal_distances, FLAGGED_BEYOND)).mean())

    @property
    def separation(self) -> float | None:
        """How well the error tells held-out normals from others: AUROC, or None without others."""
        if not self.normal_errors.size or not self.other_errors.size:
            return None
        errors = np.concatenate([self.normal_errors, self.other_errors])
        return float(roc_auc_score(np.arange(errors.size) >= self.normal_errors.size, errors))


class _Subjects(NamedTuple):
    """What one digit's frames are drawn of: normals ``(n, 28, 28)`` that are neither trained on nor calibrated with,
    digits of other labels ``(m, 28, 28)``, features of training digits ``(k, F)``, and the normals' distances to them.
    """

    held_out: NDArray[np.float32]
    others: NDArray[np.float32]
    neighbours: Tensor
    normal_distances: NDArray[np.float32]


class Watcher:
    """Draws a frame at the start and after every epoch, and keeps it as a file.

    Args:
        folder: where frames go; those already there are not drawn again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._subjects: dict[str, _Subjects] = {}

    def __call__(self, training: Dataset, label: str, trainer: Trainer) -> None:
        """Draw and keep the frame of where the trainer stands.

        Args:
            training: the training images, of all labels.
            label: which of them the trainer learns.
            trainer: between two epochs.
        """
        index = training.label_names.index(label)
        path = self._folder / f"{index:04}-{trainer.epoch:05}.safetensors"
        if path.exists():
            return
        if label not in self._subjects:
            self._subjects[label] = _subjects(training, label, trainer)
        held_out, others, neighbours, normal_distances = self._subjects[label]
        drawn, others_drawn = trainer.reconstruct(held_out), trainer.reconstruct(others)
        frame = Frame(
            label=label,
            epoch=trainer.epoch,
            losses={name: values[-1] for name, values in trainer.curve.items() if values},
            samples=trainer.samples(),
            held_out=held_out[:SHOWN],
            held_out_drawn=drawn[:SHOWN],
            odd=others[:SHOWN],
            odd_drawn=others_drawn[:SHOWN],
            normal_errors=_errors(held_out, drawn),
            other_errors=_errors(others, others_drawn),
            normal_distances=normal_distances,
            fresh_distances=_distances(trainer.samples(COMPARED), neighbours),
        )
        write(path, frame)


def frames(folder: Path) -> list[Path]:
    """Files of all frames there are, label by label, each label's epochs in order."""
    return sorted(path for path in folder.glob("*.safetensors") if _FILE.fullmatch(path.name))


def write(path: Path, frame: Frame) -> None:
    """Keep a frame, whole or not at all; its pictures are rounded to bytes."""
    tensors = {name: value for name, value in vars(frame).items() if isinstance(value, np.ndarray)}
    tensors = {name: storage.grey(value) if value.ndim == 3 else value for name, value in tensors.items()}
    about = {"frame": json.dumps({"label": frame.label, "epoch": frame.epoch, "losses": frame.losses})}
    tensor_files.write(path, to_bytes(tensors, about))


def read(path: Path) -> Frame:
    """One frame.

    Raises:
        TrainingError: it cannot be read.
    """
    try:
        metadata, content = tensor_files.read(path)
        about, tensors = json.loads(metadata["frame"]), from_bytes(content)
        tensors = {key: storage.LEVELS[value] if value.dtype == np.uint8 else value for key, value in tensors.items()}
        losses = {str(name): float(value) for name, value in about["losses"].items()}
        return Frame(label=str(about["label"]), epoch=int(about["epoch"]), losses=losses, **tensors)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrainingError(f"the pictures of {path.stem} cannot be read ({error}).") from error


def _subjects(training: Dataset, label: str, trainer: Trainer) -> _Subjects:
    own = training.of(label)
    rows = [np.flatnonzero(training.labels == i) for i, name in enumerate(training.label_names) if name != label]
    rows = [part for part in rows if part.size]
    each = -(-COMPARED // max(len(rows), 1))
    # One of each label in turn, so that the first few already are of many kinds.
    turns = [part[turn] for turn in range(each) for part in rows if turn < part.size][:COMPARED]
    others = training.images[np.array(turns, dtype=np.int64)]
    held_out = own[split(len(own), seed=0).validation][:COMPARED]
    neighbours = gradient_features(trainer.images[:NEIGHBOURS])
    return _Subjects(held_out, others, neighbours, _distances(held_out, neighbours))


def _distances(images: NDArray[np.float32], neighbours: Tensor) -> NDArray[np.float32]:
    """From each image ``(n, 28, 28)`` to the nearest of the features ``(k, F)``, ``(n,)``."""
    features = gradient_features(torch.from_numpy(images))
    return torch.cdist(features, neighbours).amin(dim=1).numpy().astype(np.float32)


def _errors(images: NDArray[np.float32], drawn: NDArray[np.float32]) -> NDArray[np.float32]:
    if not len(images):
        return np.zeros(0, dtype=np.float32)
    gap = gradient_features(torch.from_numpy(images)) - gradient_features(torch.from_numpy(drawn))
    return gap.square().sum(dim=1).numpy().astype(np.float32)
