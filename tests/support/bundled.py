"""The bundled digits that tiny detectors were trained on and judge, and what tests compare readings by."""

from functools import cache

import numpy as np
from sklearn.datasets import load_digits

from core import datasets
from core.detector.readings import Readings
from core.operating_point import EVIDENCES

load = cache(datasets.load)


def digits(count: int = 60) -> np.ndarray:
    """Digits of every kind that no tiny detector was trained on."""
    return load("digits", "test").images[:count]


def of(label: str, part: str = "train") -> np.ndarray:
    return load("digits", part).of(label)


@cache
def enlarged(label: int | None = None) -> np.ndarray:
    """scikit-learn's digits, all or those of a label, made large without being read, ``(n, 28, 28)``."""
    from scipy.ndimage import zoom

    bundled = load_digits()
    small = bundled.images[slice(None) if label is None else bundled.target == label] / 16
    return np.stack([np.pad(zoom(image, 2.5, order=1), 4) for image in small]).astype(np.float32)


def same(one: Readings, other: Readings) -> bool:
    """Whether two readings agree to the last digit of every p-value and score."""
    return (
        all(np.array_equal(one.scores[e], other.scores[e]) for e in EVIDENCES)
        and all(np.array_equal(one.p_values[e], other.p_values[e]) for e in EVIDENCES)
        and all(np.array_equal(one.digits[name], other.digits[name]) for name in one.digits)
        and one.normal == other.normal
        and np.allclose(one.reconstruction, other.reconstruction, atol=1e-6)
    )
