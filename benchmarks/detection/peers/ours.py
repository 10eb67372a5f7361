"""Odd Digit Out itself, judged by one of its evidences."""

from benchmarks.detection.peers.contract import Floats, Images, Method
from core.detector import Detector

ALPHA = 0.05


class Ours:
    """A detector as ``python -m core train`` makes it, judged by one evidence.

    Args:
        architecture: one of ``networks.ARCHITECTURES``.
        evidence: one of ``EVIDENCES``.
        detector: a fitted one; ``fit`` replaces it.
    """

    def __init__(self, architecture: str = "conv", evidence: str = "fused", detector: Detector | None = None) -> None:
        self.architecture, self.evidence = architecture, evidence
        self.detector = detector

    def fit(self, images: Images, seed: int) -> None:
        """Train, validate and calibrate on 70, 10 and 20 % of the images."""
        self.detector = Detector(architecture=self.architecture, seed=seed).fit(images)

    def score(self, images: Images) -> Floats:
        """Raw scores of the evidence; everything else that ``inspect`` says is computed as well."""
        assert self.detector is not None
        return self.detector.inspect(images).scores[self.evidence]

    @property
    def threshold(self) -> float:
        """The line at alpha 0.05."""
        assert self.detector is not None
        return self.detector.calibrations_[self.evidence].threshold(ALPHA)


METHODS = [Method("ours", "torch", Ours, slow=True)]
