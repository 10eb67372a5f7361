"""Sets of what is no digit, for models to which every digit is normal: letters, clothes, Japanese characters."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from core import datasets
from core.calibration.evaluation import Evaluation
from core.datasets import own
from core.detector import Detector
from core.errors import DatasetError


class Outliers(NamedTuple):
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
    left_out: tuple[str, ...] = ()

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

    def evaluate(self, detector: Detector) -> Evaluation:
        """The detector's scores of the images that count, each with its position in the whole set."""
        whole = detector.evaluate(self.load())
        kept = ~np.isin(np.array(self.label_names)[whole.label], self.left_out)
        rows = {name: getattr(whole, name)[kept] for name in ("source", "position", "label", "anomaly")}
        return replace(whole, **rows, scores={name: values[kept] for name, values in whole.scores.items()})


def _names(kind: str, dataset: str) -> tuple[str, ...]:
    return tuple(f"{kind}{name}" for name in datasets.NAMES[dataset].label_names)


SETS = (
    Outliers(
        "letters without l o z s g q i b",
        "npz:outliers/letters_omniglot_latin_520.npz",
        _names("letter ", "emnist-letters"),
        tuple(f"letter {name}" for name in "lozsgqib"),
    ),
    Outliers("Fashion-MNIST", "npz:outliers/fashion_mnist_900.npz", _names("", "fashion-mnist")),
    Outliers("Kuzushiji-MNIST", "npz:outliers/kmnist_300.npz", _names("kana ", "kmnist")),
)
