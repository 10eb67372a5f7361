"""Verdicts to record, for the tests of the history and of what is made from it."""

from dataclasses import replace

import numpy as np

from core.history import Verdict
from core.operating_point import EVIDENCES


def verdict(seed: int = 0, **changes: object) -> Verdict:
    """A verdict on an ink image of its own."""
    rng = np.random.default_rng(seed)
    image = np.zeros((28, 28), np.float32)
    image[4:24, 4:24] = rng.random((20, 20), dtype=np.float32)
    kept = Verdict(
        source=f"upload: {seed}.png",
        source_kind="upload",
        model="mnist-5",
        evidence="fused",
        alpha=0.05,
        threshold=1.25,
        scores={name: float(rng.random()) for name in EVIDENCES},
        p_values={name: float(rng.random()) for name in EVIDENCES},
        p_value=0.3,
        class_id=0,
        image=image,
        time=1000.0 + seed,
        last_seen=1000.0 + seed,
    )
    return replace(kept, **changes)
