"""What every method in the comparison offers, and how one is measured: fit on normal digits, score, cut."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import auroc, busy
from core.detector import Detector

Images = NDArray[np.float32]
Floats = NDArray[np.float64]

ALPHA, EVIDENCE = 0.05, "fused"  # what ours is judged by
CONTAMINATION = 0.1  # PyOD's default, used as well where a method has no threshold of its own
SINGLES = 30  # calls behind the median time of one image
BATCH = 2_000  # images behind the throughput


class Peer(Protocol):
    """One method. It sees normal digits only, all of one kind."""

    def fit(self, images: Images, seed: int) -> None:
        """Learn from normal digits ``(n, 28, 28)``, 0 .. 1."""

    def score(self, images: Images) -> Floats:
        """How odd images ``(n, 28, 28)`` are, ``(n,)``, higher is odder."""

    @property
    def threshold(self) -> float:
        """The method's own default threshold: a score above it is an anomaly."""


class Method(NamedTuple):
    """A row of the comparison: its name, the distribution it comes from, and what gives a fresh one."""

    name: str
    package: str
    make: Callable[[], Peer]


class Measured(NamedTuple):
    """One method on one digit with one seed."""

    auroc: float  # over all test images, the nine other digits as anomalies
    train_seconds: float  # wall time from images to the first score
    cpu_seconds: float  # processor time of the same, which other work does not lengthen; NaN if not known
    one_image_ms: float  # median processor time of single calls
    images_per_second: float  # many at once, of processor time
    detection: float  # share of anomalies beyond the method's own threshold
    false_alarms: float  # share of normal test digits beyond it


class Ours:
    """A detector as ``python -m core train`` makes it; ``fit`` replaces the one that is given."""

    def __init__(self, detector: Detector | None = None) -> None:
        self.detector = detector or Detector()

    def fit(self, images: Images, seed: int) -> None:
        """Train, validate and calibrate on 70, 10 and 20 % of the images."""
        self.detector = Detector(seed=seed).fit(images)

    def score(self, images: Images) -> Floats:
        """Raw scores; everything else that ``inspect`` says is computed as well."""
        return self.detector.inspect(images).scores[EVIDENCE]

    @property
    def threshold(self) -> float:
        """The threshold at alpha 0.05."""
        return self.detector.calibrations_[EVIDENCE].threshold(ALPHA)


def measure(peer: Peer, training: Images, test: Images, anomaly: NDArray[np.bool_], seed: int) -> Measured:
    """Fit and judge.

    Args:
        peer: a fresh one.
        training: normal digits ``(n, 28, 28)``.
        test: ``(m, 28, 28)``.
        anomaly: which of those are not of the training digits' kind, ``(m,)``.
        seed: of the fit.
    """
    started = time.perf_counter()
    processor = busy(peer.fit, training, seed)
    return judge(peer, test, anomaly, time.perf_counter() - started, processor)


def judge(
    peer: Peer, test: Images, anomaly: NDArray[np.bool_], train_seconds: float, cpu_seconds: float = math.nan
) -> Measured:
    """Figures of a fitted peer; arguments as for ``measure``."""
    scores = np.concatenate([peer.score(part) for part in np.array_split(test, max(1, len(test) // BATCH))])
    single = float(np.median([busy(peer.score, test[i : i + 1]) for i in range(SINGLES)]))
    rate = min(BATCH, len(test)) / busy(peer.score, test[:BATCH])
    area, detection, false_alarms = quality(scores, peer.threshold, anomaly)
    return Measured(area, train_seconds, cpu_seconds, 1000 * single, rate, detection, false_alarms)


def quality(scores: Floats, threshold: float, anomaly: NDArray[np.bool_]) -> tuple[float, float, float]:
    """AUROC of scores ``(m,)``, and the shares of anomalies and of normal digits above a threshold."""
    flagged = scores > threshold
    return auroc(scores[~anomaly], scores[anomaly]), float(flagged[anomaly].mean()), float(flagged[~anomaly].mean())


def quantile_threshold(scores: Floats) -> float:
    """A threshold that a share ``CONTAMINATION`` of the training scores lies beyond: it needs no anomaly."""
    return float(np.quantile(scores, 1 - CONTAMINATION))


def flat(images: Images) -> Images:
    """Images as rows ``(n, 784)``."""
    return images.reshape(len(images), -1)
