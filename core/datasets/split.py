"""The split of a class's training images into train, validation and calibrate parts, and the development folds."""

from dataclasses import dataclass, replace

import numpy as np

from core.datasets.load import Dataset
from core.errors import DatasetError

FEWEST_IMAGES = 50  # of a class, all parts together, that a detector is made from


@dataclass(frozen=True)
class Split:
    """How the training images of one class are parted, once: sorted int64 indices that share no image.

    Attributes:
        train: 70 %, for the networks and the memory.
        validation: 10 %, for the choice of epochs and fusion weights.
        calibrate: 20 %, for p-values and nothing else, ever.
        seed: what made it; the same seed and number of images make it again.
    """

    train: np.ndarray
    validation: np.ndarray
    calibrate: np.ndarray
    seed: int


def split(n: int, seed: int) -> Split:
    """Part the ``n`` training images of one class.

    Raises:
        DatasetError: fewer than 10 images, so that some part would stay empty.

    >>> parts = split(100, seed=0)
    >>> len(parts.train), len(parts.validation), len(parts.calibrate)
    (70, 10, 20)
    """
    if n < 10:
        raise DatasetError(f"{n} images of a class are too few to train, validate and calibrate on: 10 are needed.")
    order = np.random.default_rng(seed).permutation(n)
    validation, calibrate = round(0.1 * n), round(0.2 * n)
    pieces = np.split(order, [validation, validation + calibrate])
    return Split(train=np.sort(pieces[2]), validation=np.sort(pieces[0]), calibrate=np.sort(pieces[1]), seed=seed)


def development(dataset: Dataset) -> tuple[Dataset, Dataset]:
    """Part a training part into a training and a test fold for choosing between variants, so that no test image does.

    The first five sixths and the rest, in the set's order: for MNIST images 0..49,999 and 50,000..59,999, which other
    writers wrote.

    Raises:
        DatasetError: the data set is not a training part.
    """
    if dataset.part != "train":
        raise DatasetError(f"{dataset.name}: variants are chosen on the training part, not on '{dataset.part}'.")
    cut = len(dataset) * 5 // 6
    first, rest = (
        replace(dataset, images=dataset.images[piece], labels=dataset.labels[piece])
        for piece in (slice(None, cut), slice(cut, None))
    )  # slices, so that nothing is copied
    return first, replace(rest, part="test")
