"""The drawn examples as a judged batch, which a Batch page shows before anything was handed in.

``scripts.pile`` makes it, with what the shipped model of all ten digits says of them.
"""

import functools

from core import paths
from core.batch.store import Store
from core.calibration.conformal import Calibration
from core.detector import registry
from core.detector.file import read_measured

PLACE = paths.ASSETS / "pile"


class _Drawn(Store):
    """A batch whose calibration set is the shipped model's own, instead of a copy of it."""

    @functools.cached_property
    def calibration(self) -> Calibration:
        point = self.job.point
        return read_measured(registry.find(point.model, "").path).calibrations[point.evidence]


@functools.cache
def pile() -> Store:
    """The drawn examples, judged.

    Raises:
        BatchError: its files are damaged.
    """
    return _Drawn(PLACE)
