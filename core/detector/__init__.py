"""The detector: fit on normal digits, inspect any, save and load; its file, its card, and the registry of models.

``Detector`` is the door. It is imported when first asked for: lists of models and cards need no torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.detector.estimator import Detector

__all__ = ["Detector"]


def __getattr__(name: str) -> Any:
    if name == "Detector":
        from core.detector.estimator import Detector

        return Detector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
