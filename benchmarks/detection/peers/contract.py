"""What every method in the comparison offers, and how one is measured: fit on normal digits, score, cut."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import auroc

Images = NDArray[np.float32]
Floats = NDArray[np.float64]

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


@dataclass(frozen=True)
class Method:
    """A row of the comparison.

    Attributes:
        name: what it is called.
        package: the distribution it comes from; skipped with a word when that is not installed.
        make: gives a fresh one.
    """

    name: str
    package: str
    make: Callable[[], Peer]


@dataclass(frozen=True)
class Measured:
    """One method on one digit with one seed.

    Attributes:
        auroc: over all test images, the nine other digits as anomalies.
        train_seconds: wall time from images to the first score.
        cpu_seconds: processor time of the same, which other work on the machine does not lengthen; NaN if not known.
        one_image_ms: median processor time of single calls.
        images_per_second: many at once, of processor time.
        detection: share of anomalies beyond the method's own threshold.
        false_alarms: share of normal test digits beyond it.
    """

    auroc: float
    train_seconds: float
    cpu_seconds: float
    one_image_ms: float
    images_per_second: float
    detection: float
    false_alarms: float


def measure(peer: Peer, training: Images, test: Images, anomaly: NDArray[np.bool_], seed: int) -> Measured:
    """Fit and judge.

    Args:
        peer: a fresh one.
        training: normal digits ``(n, 28, 28)``.
        test: ``(m, 28, 28)``.
        anomaly: which of those are not of the training digits' kind, ``(m,)``.
        seed: of the fit.
    """
    started, busy = time.perf_counter(), time.process_time()
    peer.fit(training, seed)
    return judge(peer, test, anomaly, time.perf_counter() - started, time.process_time() - busy)


def judge(
    peer: Peer, test: Images, anomaly: NDArray[np.bool_], train_seconds: float, cpu_seconds: float = math.nan
) -> Measured:
    """Figures of a fitted peer; arguments as for ``measure``."""
    scores = np.concatenate([peer.score(part) for part in np.array_split(test, max(1, len(test) // BATCH))])
    singles = []
    for i in range(SINGLES):
        began = time.process_time()
        peer.score(test[i : i + 1])
        singles.append(time.process_time() - began)
    began = time.process_time()
    peer.score(test[:BATCH])
    rate = min(BATCH, len(test)) / (time.process_time() - began)
    return Measured(
        **quality(scores, peer.threshold, anomaly),
        train_seconds=train_seconds,
        cpu_seconds=cpu_seconds,
        one_image_ms=1000 * float(np.median(singles)),
        images_per_second=rate,
    )


def quality(scores: Floats, threshold: float, anomaly: NDArray[np.bool_]) -> dict[str, float]:
    """The three figures of ``Measured`` that follow from scores ``(m,)`` alone."""
    flagged = scores > threshold
    return {
        "auroc": auroc(scores[~anomaly], scores[anomaly]),
        "detection": float(flagged[anomaly].mean()),
        "false_alarms": float(flagged[~anomaly].mean()),
    }


def quantile_threshold(scores: Floats) -> float:
    """A threshold that a share ``CONTAMINATION`` of the training scores lies beyond: it needs no anomaly."""
    return float(np.quantile(scores, 1 - CONTAMINATION))


def flat(images: Images) -> Images:
    """Images as rows ``(n, 784)``."""
    return images.reshape(len(images), -1)
