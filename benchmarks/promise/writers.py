"""How finely writers are parted, chosen on MNIST's training file alone.

The file is ordered in stretches of writers. Each sixth of it plays the people that a detector will meet: a shipped
model's memory does without them, and so does everything that their digits are measured against. What is then promised
to them, and kept, tells how many stretches the other five sixths are best parted into, each left out in turn.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from core import datasets
from core.calibration.conformal import Calibration
from core.datasets import Dataset
from core.detector import Detector
from core.scoring.evidences import describe

UNSEEN = 6  # parts of the file, each of which plays the people never met
STRETCHES = (6, 12, 24, 60)  # of the whole file
ALPHAS = (0.01, 0.05, 0.1)
CHUNK = 256

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Distances:
    """Distances of one digit's training images to what of its shipped model's memory is kept.

    Attributes:
        place: of each image in the file, as a share of it, ``(n,)``.
        remembered: rows of the images in the memory, in its order.
        calibrates: which images are the calibration set's, ``(n,)``.
    """

    def __init__(self, detector: Detector, training: Dataset) -> None:
        ((label, scorer),) = detector.scorers_.items()
        rows = np.flatnonzero(training.labels == training.label_names.index(label))
        parts = datasets.split(len(rows), detector.card_.split_seed)
        self.place = rows / len(training)
        self.remembered = parts.train
        self.calibrates = np.isin(np.arange(len(rows)), parts.calibrate)
        self._scorer = scorer
        self._features = torch.cat([describe(training.images[rows[i : i + CHUNK]]) for i in range(0, len(rows), CHUNK)])

    def of(self, asked: Bools, kept: Bools) -> Floats:
        """Of the images asked for, to the memory of those kept; both ``(n,)``."""
        bank = self._scorer.without(~kept[self.remembered]).bank
        return torch.cat([bank.nearest(f).distance for f in self._features[asked].split(CHUNK)]).double().numpy()


def kept_promises(detectors: list[Detector], training: Dataset) -> dict[str, Floats]:
    """Way of calibrating -> mean rate at which people never met are flagged, at each of ``ALPHAS``."""
    rates: dict[str, list[list[float]]] = {}
    for detector in detectors:
        distances = Distances(detector, training)
        for sixth in range(UNSEEN):
            met = (distances.place * UNSEEN).astype(int) != sixth
            strangers = distances.of(~met, met)
            ways = {"the calibration set": distances.of(met & distances.calibrates, met)}
            for count in STRETCHES:
                stretch = (distances.place * count).astype(int)
                own = [distances.of(met & (stretch == s), met & (stretch != s)) for s in np.unique(stretch[met])]
                ways[f"{count} stretches"] = np.concatenate(own)
            for way, scores in ways.items():
                calibration = Calibration.fit(scores)
                rates.setdefault(way, []).append([float(calibration.flags(strangers, a).mean()) for a in ALPHAS])
    return {way: np.mean(draws, axis=0) for way, draws in rates.items()}
