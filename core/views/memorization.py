"""Does a generator copy? How near its digits come to its training digits, against how near unseen digits come."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core import datasets
from core.datasets import Dataset, split
from core.detector.model_card import Card
from core.gan.features import gradient_features

COMPARED = 400  # unseen digits, and fresh ones
_CHUNK = 256


@dataclass(frozen=True)
class Originals:
    """The training digits of one label, and how far unseen digits of that label lie from them.

    Attributes:
        images: ``(m, 28, 28)``, what the generator was trained on.
        features: ``(m, F)``, their gradient-orientation features.
        unseen: ``(k,)``, distance of each test digit to the training digit nearest to it.
    """

    images: NDArray[np.float32]
    features: torch.Tensor
    unseen: NDArray[np.float32]

    def nearest(self, image: NDArray[np.float32], n: int = 6) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The n training digits nearest to an image ``(28, 28)``: their rows and distances, nearest first."""
        distance = torch.cdist(_features(image[None]), self.features)[0]
        distances, rows = distance.topk(min(n, len(distance)), largest=False)
        return rows.numpy(), distances.numpy()

    def distances(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance of each image ``(n, 28, 28)`` to the training digit nearest to it, ``(n,)``."""
        return _nearest(images, self.features)


def possible(card: Card) -> bool:
    """Whether the training digits of a model can be looked at: a public data set that is on this machine."""
    return card.dataset in datasets.NAMES and datasets.available(card.dataset)


def originals(card: Card, label: str, load: Callable[[str, str], Dataset]) -> Originals:
    """Gather what the generator of one label was trained on.

    Args:
        card: the model's card, which names data set and split; see ``possible``.
        label: which of its digits.
        load: gives a data set by name and part.

    Raises:
        DatasetError: the data set cannot be read, or does not know the label.
    """
    own = load(card.dataset, "train").of(label)
    images = own[split(len(own), card.split_seed).train]
    features = _features(images)
    return Originals(images, features, _nearest(load(card.dataset, "test").of(label)[:COMPARED], features))


def _nearest(images: NDArray[np.float32], features: torch.Tensor) -> NDArray[np.float32]:
    parts = [torch.cdist(chunk, features).amin(dim=1) for chunk in _features(images).split(_CHUNK)]
    distances: NDArray[np.float32] = torch.cat(parts).numpy()
    return distances


def _features(images: NDArray[np.float32]) -> torch.Tensor:
    given = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))
    return torch.cat([gradient_features(chunk) for chunk in given.split(_CHUNK)])
