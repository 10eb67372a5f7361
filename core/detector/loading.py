"""A detector on its way from its file: loaded in a thread of its own, so that a page can show how far it is.

On a fresh machine a model of ten digits takes some seconds, since it makes its memory banks; they are kept for next
time. Meanwhile it judges by the digits that are ready, the likeliest first.
"""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.detector.model_card import read_card

if TYPE_CHECKING:
    from core.detector import Detector
    from core.detector.state import DetectorState


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
        self._state: DetectorState | None = None
        self._image: NDArray[np.float32] | None = None
        self._outcome: Detector | Exception | None = None
        self._there = threading.Event()
        self._begun = threading.Lock()

    @property
    def digits_ready(self) -> int:
        """How many of its digits are ready."""
        return len(self._drawn)

    def expect(self, image: NDArray[np.float32]) -> None:
        """Have the digits that an ink image ``(28, 28)`` is likeliest to be made ready first."""
        self._image = image

    def so_far(self) -> "Detector | None":
        """The detector as far as it is ready; None below two digits, by which alone nothing is standardised.

        Further digits can only find an image less odd by the evidences in ``DISTANCES``: what this one says is normal
        is normal, what it says is odd may be another digit.
        """
        ready, state = sorted(self._drawn), self._state
        if state is None or len(ready) < 2:
            return None
        from core.detector import Detector

        part = replace(
            state,
            card=replace(state.card, normal=tuple(ready)),
            scorers={name: state.scorers[name] for name in ready},
        )
        return Detector.of(part)

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

            self._outcome = Detector.of(file.load(self._path, watcher=self).named(self._path.stem))
        except Exception as error:  # raised where the detector is asked for
            self._outcome = error
        finally:
            self._there.set()

    # As a ``file.Watcher``, from the threads that load.

    def begun(self, state: "DetectorState") -> None:
        """All of it is there but its memory banks."""
        self._state = state.named(self._path.stem)

    def choose(self, waiting: Sequence[str]) -> str:
        """The digit that the image which is waited for is likeliest to be, of those whose encoder draws it best."""
        image, state = self._image, self._state
        if image is None or state is None:
            return waiting[0]
        return min(waiting, key=lambda label: state.scorers[label].guess(image[None])[0])

    def ready(self, label: str) -> None:
        """A digit has its memory bank."""
        assert self._state is not None
        scorer = self._state.scorers[label]
        self._drawn[label] = scorer.decode(scorer.latents[:1])[0].numpy()
