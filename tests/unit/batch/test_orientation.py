"""A batch whose digits lie wrong is told from one of odd digits, and nothing is turned in silence."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.batch.orientation import FEWEST, WAYS, _laid, say_better
from tests.support.piles import digits

INK = digits(FEWEST)[0].astype(np.float32) / 255


class Known:
    """Finds normal what it has seen, and all else odd."""

    def __init__(self, seen: np.ndarray, normal: str = "0123456789") -> None:
        self.card_ = SimpleNamespace(normal=tuple(normal))
        self._seen = {image.tobytes() for image in seen}

    def scores(self, images: np.ndarray) -> SimpleNamespace:
        return SimpleNamespace(p_values={"fused": np.array([image.tobytes() in self._seen for image in images]) * 1.0})


@pytest.mark.parametrize("way", WAYS)
def test_digits_that_lie_wrong_are_said_to(way: str) -> None:
    assert f"100 % are odd as they lie, and 0 % {way}" in say_better([*INK], Known(_laid(INK, *WAYS[way])))


@pytest.mark.parametrize(
    ("images", "detector"),
    [
        pytest.param(INK, Known(INK), id="as they should"),
        pytest.param(INK, Known(INK[:0]), id="odd whichever way"),
        pytest.param(INK[1:], Known(_laid(INK, False, False, True)), id="too few to say"),
        pytest.param(INK, Known(_laid(INK, False, True, True), "6"), id="nines to a detector of sixes"),
    ],
)
def test_nothing_is_said_of_digits_that_lie_as_they_should_or_nobody_knows(images: np.ndarray, detector: Known) -> None:
    assert say_better([*images], detector) == ""
