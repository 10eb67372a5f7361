"""How much other writers cost, and a line that makes up for it, both from MNIST's training file alone.

The file is ordered in stretches of writers. Each sixth of it is held out in turn: a digit's images in the other five
sixths are parted as the product parts them, and the held-out ones, by writers that no
part has seen, get p-values. If writers did not matter those would be uniform; how far they are from it is the rule.

The scorer is the product's feature space with the train images themselves as memory (distance to the 5 nearest), so
that sixty models take a minute; it stands in for the generator's memory, which is drawn from the same images.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from core import datasets
from core.calibration.conformal import Calibration
from core.datasets import Dataset
from core.gan.features import gradient_features

STRETCHES = 6
NEIGHBOURS = 5
ALPHAS = (0.01, 0.05, 0.1)
# What alpha to ask for, so that writers nobody has seen are flagged at the rate meant. Fixed on the training file by
# `python -m benchmarks.promise.calibration --writers-rule`, before the test set was looked at.
CORRECTED = {0.01: 0.0092, 0.05: 0.0452, 0.1: 0.0918}


def held_out_p_values(training: Dataset) -> NDArray[np.float64]:
    """p-values of every training image, each from a calibration set of other writers' stretches, ``(60_000,)``."""
    stretch = np.arange(len(training)) * STRETCHES // len(training)
    found = np.full(len(training), np.nan)
    for label in range(10):
        mine = np.flatnonzero(training.labels == label)
        features = _features(training.images[mine])
        for held in range(STRETCHES):
            rest, out = np.flatnonzero(stretch[mine] != held), np.flatnonzero(stretch[mine] == held)
            parts = datasets.split(len(rest), seed=0)
            memory = features[rest[parts.train]]
            calibration = Calibration(np.sort(_distances(features[rest[parts.calibrate]], memory)))
            found[mine[out]] = calibration.p_values(_distances(features[out], memory))
    return found


def corrected(p_values: NDArray[np.float64]) -> dict[float, float]:
    """For each alpha the smaller one at which the held-out writers are flagged at alpha."""
    return {alpha: float(np.quantile(p_values, alpha)) for alpha in ALPHAS}


def by_stretch(training: Dataset, p_values: NDArray[np.float64], alpha: float) -> list[float]:
    """Share flagged at alpha in each held-out stretch: how much one stretch of writers differs from the next."""
    stretch = np.arange(len(training)) * STRETCHES // len(training)
    return [float((p_values[stretch == held] <= alpha).mean()) for held in range(STRETCHES)]


def _features(images: NDArray[np.float32]) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([gradient_features(part) for part in torch.from_numpy(images).split(256)])


def _distances(queries: torch.Tensor, memory: torch.Tensor) -> NDArray[np.float64]:
    with torch.inference_mode():
        nearest = [torch.cdist(part, memory).topk(NEIGHBOURS, largest=False).values for part in queries.split(512)]
        return torch.cat(nearest).mean(dim=1).double().numpy()
