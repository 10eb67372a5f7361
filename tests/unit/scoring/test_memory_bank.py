"""What of a memory bank an image is nearest to."""

import pytest
import torch

from core.gan.features import manifold_features
from core.scoring.memory_bank import FEW_NEIGHBOURS, MemoryBank


@pytest.fixture(scope="module")
def bars() -> torch.Tensor:
    """Upright bars of many widths and places, ``(m, 28, 28)``."""
    images = torch.zeros(60, 28, 28)
    for i, image in enumerate(images):
        image[4:24, 6 + i % 10 : 9 + i % 10 + i // 10] = 1
    return images


def test_what_a_bank_holds_is_at_hardly_any_distance(bars: torch.Tensor) -> None:
    bank = MemoryBank.of(bars)

    own = bank.nearest(manifold_features(bars))
    other = bank.nearest(manifold_features(bars.transpose(1, 2)))

    assert own.distance.max() < 0.2 * other.distance.min()
    assert own.indices[:, 0].tolist() == list(range(len(bars)))


def test_weights_sum_to_one_and_few_of_the_few_nearest_count(bars: torch.Tensor) -> None:
    found = MemoryBank.of(bars).nearest(manifold_features(bars.transpose(1, 2)))

    for weights in (found.blend, found.few):
        assert weights.shape == found.indices.shape
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(bars)))
    assert (found.few >= 0).all()
    assert (found.few > 0).sum(dim=1).max() <= FEW_NEIGHBOURS


def test_the_nearest_change_places_without_a_jump(bars: torch.Tensor) -> None:
    bank = MemoryBank.of(bars)
    ends = manifold_features(bars[[3, 41]])
    way = torch.linspace(0, 1, 4000)[:, None]

    found = bank.nearest((1 - way) * ends[0] + way * ends[1])

    blends = (found.few.unsqueeze(2) * bank.points[found.indices]).sum(dim=1)  # (4000, c)
    steps = (blends[1:] - blends[:-1]).norm(dim=1)
    assert len(found.indices[:, 0].unique()) > 1
    assert steps.max() < 0.1 * (blends[0] - blends[-1]).norm()
