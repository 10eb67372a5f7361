"""Sets of what is no digit, for models to which every digit is normal: letters, clothes, Japanese characters."""

from dataclasses import dataclass, replace

import numpy as np

from core import datasets
from core.calibration.evaluation import Evaluation
from core.datasets import own
from core.detector import Detector
from core.errors import DatasetError

LOOK_LIKE_DIGITS = frozenset("lozsgqib")


@dataclass(frozen=True)
class Outliers:
    """One such set.

    Attributes:
        title: what it is called in a table.
        source: as ``datasets.load`` names it.
        label_names: what its labels mean; never the name of a digit, since those would count as normal.
        left_out: labels that look like digits and are not counted.
    """

    title: str
    source: str
    label_names: tuple[str, ...]
    left_out: frozenset[str] = frozenset()

    def load(self) -> datasets.Dataset:
        """The whole set under its own label names, pixel by pixel as its makers drew it and not redrawn.

        Raises:
            DatasetError: it is not in the data folder.
        """
        file = own.locate(self.source.removeprefix("npz:"))
        if not file.is_file():
            raise DatasetError(f"{self.source}: is not on this machine.")
        with np.load(file, allow_pickle=False) as arrays:
            images, labels = own.unit(arrays["images"]), np.unique(arrays["labels"], return_inverse=True)[1]
        return datasets.Dataset(self.source, images, labels.astype(np.int64), self.label_names, "all")

    def kept(self, dataset: datasets.Dataset) -> np.ndarray:
        """Which of its images count as anomalies, bool ``(n,)``."""
        return ~np.isin(np.array(self.label_names)[dataset.labels], sorted(self.left_out))

    def evaluate(self, detector: Detector) -> Evaluation:
        """The detector's scores of the images that count, each with its position in the whole set."""
        dataset = self.load()
        return _rows(detector.evaluate(dataset), self.kept(dataset))


SETS = (
    Outliers(
        "letters without l o z s g q i b",
        "npz:outliers/letters_omniglot_latin_520.npz",
        tuple(f"letter {name}" for name in datasets.NAMES["emnist-letters"].label_names),
        frozenset(f"letter {name}" for name in LOOK_LIKE_DIGITS),
    ),
    Outliers("Fashion-MNIST", "npz:outliers/fashion_mnist_900.npz", datasets.NAMES["fashion-mnist"].label_names),
    Outliers(
        "Kuzushiji-MNIST",
        "npz:outliers/kmnist_300.npz",
        tuple(f"kana {name}" for name in datasets.NAMES["kmnist"].label_names),
    ),
)


def _rows(evaluation: Evaluation, kept: np.ndarray) -> Evaluation:
    return replace(
        evaluation,
        source=evaluation.source[kept],
        position=evaluation.position[kept],
        label=evaluation.label[kept],
        anomaly=evaluation.anomaly[kept],
        scores={name: values[kept] for name, values in evaluation.scores.items()},
    )
