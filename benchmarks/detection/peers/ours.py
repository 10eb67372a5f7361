"""Odd Digit Out itself, judged by what it fuses."""

from benchmarks.detection.peers.contract import Floats, Images, Method
from core.detector import Detector

ALPHA, EVIDENCE = 0.05, "fused"


class Ours:
    """A detector as ``python -m core train`` makes it.

    Args:
        detector: a fitted one; ``fit`` replaces it.
    """

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


METHODS = [Method("ours", "torch", Ours)]
