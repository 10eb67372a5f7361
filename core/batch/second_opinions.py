"""Second opinions of a batch: how the model of all ten digits reads what a model of one digit has judged.

They are added once the batch is judged, as p-values, so that they follow wherever the threshold is moved.
"""

import numpy as np
from numpy.typing import NDArray

from core.batch.store import Store
from core.files.npy import write_array
from core.ink import storage
from core.views import second_opinion
from core.views.second_opinion import DIGITS, wanted

FILE = "second_opinions.npy"


def add(store: Store) -> None:
    """Ask for the second opinion on every digit of a judged batch, where its model is one that gets them.

    Raises:
        OddDigitError: the model of all ten cannot be used, or the batch not be read or written.
    """
    if not wanted(store.job.normal) or given(store) or not store.parts:
        return
    from core.detector import Detector  # with torch, which what reads does not wait for

    detector = Detector.load(second_opinion.MODEL)
    parts = []
    for table in store.tables(["image"]):
        images = table["image"].to_pylist()
        judged = [i for i, image in enumerate(images) if image is not None]
        p_values = np.zeros((len(images), len(DIGITS)))
        if judged:
            scored = detector.scores(np.stack([storage.from_bytes(images[i]) for i in judged]))
            for digit, of_digit in scored.digits.items():
                p_values[judged, DIGITS.index(digit)] = of_digit
        parts.append(p_values)
    write_array(store.folder / FILE, np.concatenate(parts))


def given(store: Store) -> bool:
    """Whether it was asked."""
    return (store.folder / FILE).exists()


def read(store: Store, rows: int) -> NDArray[np.float64] | None:
    """Its p-values as each of ``DIGITS``, ``(rows, 10)``, 0 for refusals; None where it was not asked."""
    try:
        p_values = np.load(store.folder / FILE, allow_pickle=False)
    except (OSError, ValueError):
        return None
    return p_values if p_values.shape == (rows, len(DIGITS)) and p_values.dtype == np.float64 else None
