"""What of a memory an image is nearest to."""

import pytest
import torch

from core.gan.features import manifold_features
from core.scoring.memory_bank import CLOSEST, Memory


@pytest.fixture(scope="module")
def bars() -> torch.Tensor:
    """Upright bars of many widths and places, ``(m, 28, 28)``."""
    images = torch.zeros(60, 28, 28)
    for i, image in enumerate(images):
        image[4:24, 6 + i % 10 : 9 + i % 10 + i // 10] = 1
    return images


def test_what_a_memory_holds_is_at_hardly_any_distance(bars: torch.Tensor) -> None:
    memory = Memory.of(bars)

    own = memory.nearest(manifold_features(bars))
    other = memory.nearest(manifold_features(bars.transpose(1, 2)))

    assert own.distance.max() < 0.2 * other.distance.min()
    assert own.neighbours[:, 0].tolist() == list(range(len(bars)))


def test_weights_sum_to_one_and_the_closest_are_few(bars: torch.Tensor) -> None:
    found = Memory.of(bars).nearest(manifold_features(bars.transpose(1, 2)))

    for weights in (found.patch, found.closest):
        assert weights.shape == found.neighbours.shape
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(bars)))
    assert (found.closest >= 0).all()
    assert (found.closest > 0).sum(dim=1).max() <= CLOSEST


def test_the_closest_change_places_without_a_jump(bars: torch.Tensor) -> None:
    memory = Memory.of(bars)
    ends = manifold_features(bars[[3, 41]])
    way = torch.linspace(0, 1, 4000)[:, None]

    found = memory.nearest((1 - way) * ends[0] + way * ends[1])

    blends = (found.closest.unsqueeze(2) * memory.points[found.neighbours]).sum(dim=1)  # (4000, c)
    steps = (blends[1:] - blends[:-1]).norm(dim=1)
    assert len(found.neighbours[:, 0].unique()) > 1
    assert steps.max() < 0.1 * (blends[0] - blends[-1]).norm()
