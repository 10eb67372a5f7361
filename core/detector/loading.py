"""A detector on its way from its file: loaded in a thread of its own, so that a page can show how far it is.

On a fresh machine a model of ten digits takes some seconds, since it decodes its memory; that is kept for next time.
"""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.detector.model_card import read_card

if TYPE_CHECKING:
    from core.detector import Detector
    from core.scoring.scorer import Scorer


class Arriving:
    """A detector that is loaded when it is first waited for.

    Args:
        path: its file.

    Raises:
        ModelError: the file is missing, or not one of a detector.
    """

    def __init__(self, path: Path) -> None:
        self.normal = read_card(path).normal
        self._path = path
        self._drawn: dict[str, NDArray[np.float32]] = {}
        self._outcome: Detector | Exception | None = None
        self._there = threading.Event()
        self._begun = threading.Lock()

    @property
    def ready(self) -> int:
        """How many of its digits are ready."""
        return len(self._drawn)

    def sheet(self) -> NDArray[np.float32]:
        """A digit that each generator draws, ``(digits, 28, 28)``; blank where it is not ready."""
        blank = np.zeros((28, 28), dtype=np.float32)
        return np.stack([self._drawn.get(label, blank) for label in self.normal])

    def begin(self) -> None:
        """Begin to load it, unless that has begun."""
        if self._begun.acquire(blocking=False):
            threading.Thread(target=self._load, daemon=True).start()

    @property
    def awake(self) -> bool:
        """Whether it is there, or will never be."""
        return self._there.is_set()

    def wait(self, seconds: float) -> bool:
        """Begin if need be and wait at most so long; whether it is there, or will never be."""
        self.begin()
        return self._there.wait(seconds)

    def detector(self) -> "Detector":
        """The detector; waits for it.

        Raises:
            ModelError: its file cannot be used.
        """
        self.begin()
        self._there.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome

    def _load(self) -> None:
        try:
            # With torch, which takes a server seconds: here nobody waits for it unseen.
            from core.detector import Detector, file

            self._outcome = Detector.of(file.load(self._path, ready=self._note).named(self._path.stem))
        except Exception as error:  # raised where the detector is asked for
            self._outcome = error
        finally:
            self._there.set()

    def _note(self, label: str, scorer: "Scorer") -> None:
        self._drawn[label] = scorer.decode(scorer.latents[:1])[0].numpy()
