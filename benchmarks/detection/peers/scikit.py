"""What a few lines of scikit-learn do: principal components, nearest neighbours of pixels or of gradient features."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.detection.peers.contract import Floats, Images, Method, flat, quantile_threshold
from core.gan.features import gradient_features, manifold_features
from core.scoring.memory_bank import MemoryBank, bank_features


class Pca:
    """Reconstruction error from the first principal components of the pixels."""

    COMPONENTS = 25

    def fit(self, images: Images, seed: int) -> None:
        """Find the components."""
        from sklearn.decomposition import PCA

        self.model = PCA(self.COMPONENTS, random_state=seed).fit(flat(images))
        self.threshold = quantile_threshold(self.score(images))

    def score(self, images: Images) -> Floats:
        """Mean squared error of the reconstruction."""
        rows = flat(images)
        rebuilt = self.model.inverse_transform(self.model.transform(rows))
        return np.square(rows - rebuilt).mean(axis=1, dtype=np.float64)


class Neighbours:
    """Mean distance to the nearest training images.

    Args:
        describe: images ``(n, 28, 28)`` to the rows that are compared.
    """

    NEIGHBOURS = 5

    def __init__(self, describe: Callable[[Images], NDArray[np.float32]]) -> None:
        self.describe = describe

    def fit(self, images: Images, seed: int) -> None:  # noqa: ARG002 - nothing here is random
        """Remember the training images' descriptions."""
        from sklearn.neighbors import NearestNeighbors

        self.search = NearestNeighbors(n_neighbors=self.NEIGHBOURS).fit(self.describe(images))
        own, _ = self.search.kneighbors()  # of every training image, itself left out
        self.threshold = quantile_threshold(own.mean(axis=1))

    def score(self, images: Images) -> Floats:
        """Mean distance to the five nearest."""
        away, _ = self.search.kneighbors(self.describe(images))
        return away.mean(axis=1).astype(np.float64)


class RealBank:
    """Distance to the project's own kind of memory bank, holes and all, of the training images themselves.

    Nothing is generated and nothing thinned: what the generator's memory has to be compared with.
    """

    def fit(self, images: Images, seed: int) -> None:  # noqa: ARG002 - nothing here is random
        """Remember nine in ten of the training images; the rest give the threshold."""
        rest = np.arange(len(images)) % 10 == 9
        self.bank = MemoryBank.of(torch.from_numpy(images[~rest]))
        self.threshold = quantile_threshold(self.score(images[rest]))

    def score(self, images: Images) -> Floats:
        """Distance to the nearest blend of neighbours."""
        parts = torch.from_numpy(np.ascontiguousarray(images)).split(256)
        with torch.no_grad():
            return torch.cat([self.bank.nearest(bank_features(part)).distance for part in parts]).double().numpy()


def gradient(images: Images) -> NDArray[np.float32]:
    """The project's gradient-orientation features, upright copy included: nothing in them is learnt."""
    return _described(images, gradient_features)


def views(images: Images) -> NDArray[np.float32]:
    """The three views that the project's own memories are searched by: nothing in them is learnt either."""
    return _described(images, manifold_features)


def _described(images: Images, features: Callable[[torch.Tensor], torch.Tensor]) -> NDArray[np.float32]:
    parts = torch.from_numpy(np.ascontiguousarray(images)).split(512)
    with torch.no_grad():
        return torch.cat([features(part) for part in parts]).numpy()


METHODS = [
    Method("PCA reconstruction, 25 components", "scikit-learn", Pca),
    Method("pixels + 5 nearest neighbours", "scikit-learn", lambda: Neighbours(flat)),
    Method("gradient features + 5 nearest neighbours", "scikit-learn", lambda: Neighbours(gradient)),
    Method("three views of them + 5 nearest neighbours", "scikit-learn", lambda: Neighbours(views)),
    Method("bank of the real images, with holes", "torch", RealBank),
]
