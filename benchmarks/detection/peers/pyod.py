"""PyOD's detectors, at their defaults but for what is said here."""

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.detection.peers.contract import Floats, Images, Method, flat

ANOGAN_IMAGES = 1_500  # it takes minutes even so


class Pyod:
    """One of PyOD's detectors on flat pixels.

    Args:
        name: where it is in ``pyod.models``, such as ``"knn.KNN"``.
        most: how many training images it gets; None for all.
        seeded: whether it takes the seed itself; the others draw from the global generators alone.
        settings: what differs from its defaults.
    """

    def __init__(self, name: str, most: int | None = None, seeded: bool = False, **settings: Any) -> None:
        self.name, self.most, self.seeded, self.settings = name, most, seeded, settings

    def fit(self, images: Images, seed: int) -> None:
        """Fit on the first ``most`` images."""
        import torch

        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - PyOD draws from numpy's global generator
        module, kind = self.name.split(".")
        settings = self.settings | ({"random_state": seed} if self.seeded else {})
        self.model = getattr(import_module(f"pyod.models.{module}"), kind)(**settings)
        self.model.fit(flat(images[: self.most]))
        self.threshold = float(self.model.threshold_)  # PyOD's own: the 90 % quantile of its training scores

    def score(self, images: Images) -> Floats:
        """PyOD's decision function."""
        return np.asarray(self.model.decision_function(flat(images)), dtype=np.float64)


METHODS = [
    Method("PyOD AnoGAN, 1,500 images", "pyod", partial(Pyod, "anogan.AnoGAN", ANOGAN_IMAGES)),
    Method("PyOD ALAD", "pyod", partial(Pyod, "alad.ALAD")),
    Method("PyOD DeepSVDD", "pyod", partial(Pyod, "deep_svdd.DeepSVDD", seeded=True, n_features=784, verbose=0)),
    # Standardising blows up pixels that are almost always empty; without it the peer does better.
    Method(
        "PyOD AutoEncoder",
        "pyod",
        partial(Pyod, "auto_encoder.AutoEncoder", seeded=True, preprocessing=False, verbose=0),
    ),
    Method("PyOD KNN", "pyod", partial(Pyod, "knn.KNN")),
    Method("PyOD OCSVM", "pyod", partial(Pyod, "ocsvm.OCSVM")),
]
