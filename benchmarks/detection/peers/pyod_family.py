"""PyOD's detectors, at their defaults but for what is said here."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.detection.peers.contract import Floats, Images, Method, flat

ANOGAN_IMAGES = 1_500  # it takes minutes even so


class Pyod:
    """One of PyOD's detectors on flat pixels.

    Args:
        make: gives the detector, from a seed.
        most: how many training images it gets; None for all.
    """

    def __init__(self, make: Callable[[int], Any], most: int | None = None) -> None:
        self.make, self.most = make, most

    def fit(self, images: Images, seed: int) -> None:
        """Fit on the first ``most`` images."""
        import torch

        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - PyOD draws from numpy's global generator
        self.model = self.make(seed)
        self.model.fit(flat(images[: self.most]))

    def score(self, images: Images) -> Floats:
        """PyOD's decision function."""
        return np.asarray(self.model.decision_function(flat(images)), dtype=np.float64)

    @property
    def threshold(self) -> float:
        """PyOD's own: the 90 % quantile of its training scores."""
        return float(self.model.threshold_)


def _anogan(_seed: int) -> Any:
    from pyod.models.anogan import AnoGAN

    return AnoGAN()


def _alad(_seed: int) -> Any:
    from pyod.models.alad import ALAD

    return ALAD()


def _deep_svdd(seed: int) -> Any:
    from pyod.models.deep_svdd import DeepSVDD

    return DeepSVDD(n_features=784, random_state=seed, verbose=0)


def _auto_encoder(seed: int) -> Any:
    from pyod.models.auto_encoder import AutoEncoder

    # Standardising blows up pixels that are almost always empty; without it the peer does better.
    return AutoEncoder(preprocessing=False, random_state=seed, verbose=0)


def _knn(_seed: int) -> Any:
    from pyod.models.knn import KNN

    return KNN()


def _ocsvm(_seed: int) -> Any:
    from pyod.models.ocsvm import OCSVM

    return OCSVM()


METHODS = [
    Method("PyOD AnoGAN, 1,500 images", "pyod", lambda: Pyod(_anogan, ANOGAN_IMAGES), slow=True),
    Method("PyOD ALAD", "pyod", lambda: Pyod(_alad)),
    Method("PyOD DeepSVDD", "pyod", lambda: Pyod(_deep_svdd), slow=True),
    Method("PyOD AutoEncoder", "pyod", lambda: Pyod(_auto_encoder)),
    Method("PyOD KNN", "pyod", lambda: Pyod(_knn)),
    Method("PyOD OCSVM", "pyod", lambda: Pyod(_ocsvm)),
]
