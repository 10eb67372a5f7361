"""What of a memory bank an image is nearest to."""

import pytest
import torch

from core.scoring.memory_bank import (
    FEW_NEIGHBOURS,
    MemoryBank,
    bank_features,
    farthest_first,
    nearest_in_each,
    principal_components,
)


@pytest.fixture(scope="module")
def bars() -> torch.Tensor:
    """Upright bars of many widths and places, ``(m, 28, 28)``."""
    images = torch.zeros(60, 28, 28)
    for i, image in enumerate(images):
        image[4:24, 6 + i % 10 : 9 + i % 10 + i // 10] = 1
    return images


def test_what_a_bank_holds_is_at_hardly_any_distance(bars: torch.Tensor) -> None:
    bank = MemoryBank.of(bars)

    own = bank.nearest(bank_features(bars))
    other = bank.nearest(bank_features(bars.transpose(1, 2)))

    assert own.distance.max() < 0.2 * other.distance.min()
    assert own.indices[:, 0].tolist() == list(range(len(bars)))


def test_weights_sum_to_one_and_few_of_the_few_nearest_count(bars: torch.Tensor) -> None:
    neighbours = MemoryBank.of(bars).nearest(bank_features(bars.transpose(1, 2)))

    for weights in (neighbours.blend, neighbours.few):
        assert weights.shape == neighbours.indices.shape
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(bars)))
    assert (neighbours.few >= 0).all()
    assert (neighbours.few > 0).sum(dim=1).max() <= FEW_NEIGHBOURS


def test_the_nearest_change_places_without_a_jump(bars: torch.Tensor) -> None:
    bank = MemoryBank.of(bars)
    ends = bank_features(bars[[3, 41]])
    way = torch.linspace(0, 1, 4000)[:, None]

    neighbours = bank.nearest((1 - way) * ends[0] + way * ends[1])

    blends = (neighbours.few.unsqueeze(2) * bank.points[neighbours.indices]).sum(dim=1)  # (4000, c)
    steps = (blends[1:] - blends[:-1]).norm(dim=1)
    assert len(neighbours.indices[:, 0].unique()) > 1
    assert steps.max() < 0.1 * (blends[0] - blends[-1]).norm()


def test_several_banks_at_once_say_the_same_as_one_after_the_other(bars: torch.Tensor) -> None:
    banks = [MemoryBank.of(bars), MemoryBank.of(bars.transpose(1, 2)), MemoryBank.of(bars[:30])]
    for chosen in (banks[:2], banks):
        together = nearest_in_each(chosen, bank_features(bars))

        for bank, neighbours in zip(chosen, together, strict=True):
            alone = bank.nearest(bank_features(bars))
            assert all(torch.equal(one, other) for one, other in zip(neighbours, alone, strict=True))


def test_an_image_is_at_the_same_distance_to_the_bit_in_a_batch_of_any_size(bars: torch.Tensor) -> None:
    bank = MemoryBank.of(bars)
    whole = bank_features(bars)
    expected = bank.nearest(whole).distance

    for size in (1, 2, 3, 7, 16):
        parts = [bank_features(part) for part in bars.split(size)]
        assert torch.equal(torch.cat([bank.nearest(part).distance for part in parts]), expected), size


def test_a_ring_is_farther_from_bars_than_the_same_ring_cut_open(bars: torch.Tensor) -> None:
    ring = torch.zeros(28, 28)
    ring[8:20, 8:20] = 1
    ring[11:17, 11:17] = 0
    open_ring = ring.clone()
    open_ring[13:15, 17:20] = 0

    whole, cut = MemoryBank.of(bars).nearest(bank_features(torch.stack((ring, open_ring)))).distance

    assert whole > cut


def test_principal_components_hold_as_much_as_all_eigenvectors_would() -> None:
    random = torch.Generator().manual_seed(1)
    rows = torch.randn(400, 300, generator=random) * torch.logspace(0, -2, 300)
    centred = rows - rows.mean(dim=0)

    variances, basis = principal_components(centred, 20, iterations=3)

    exact = torch.linalg.eigvalsh(centred.T @ centred / len(centred))[-20:]
    torch.testing.assert_close(basis.T @ basis, torch.eye(20), atol=1e-5, rtol=0)
    assert 0.98 < float(variances.sum() / exact.sum()) <= 1.0001


def test_points_farthest_first_leave_none_as_far_as_chance_would() -> None:
    points = torch.randn(400, 8, generator=torch.Generator().manual_seed(0))

    order = farthest_first(points, 100)

    assert len(order.unique()) == 100
    assert torch.equal(farthest_first(points, 20), order[:20])  # any first part is the coreset of that size
    farthest = torch.cdist(points, points[order]).amin(dim=1).max()
    assert farthest < 0.8 * torch.cdist(points, points[:100]).amin(dim=1).max()
    assert farthest_first(torch.ones(7, 3), 7).sort().values.tolist() == list(range(7))  # all alike, each once
