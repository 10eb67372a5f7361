"""Whether images lie about the training digits on all sides, or to one side of them."""

import torch

from core.scoring.memory_bank import MemoryBank, bank_features
from core.scoring.two_sample import directions, rayleigh


def test_images_of_one_sort_lie_to_one_side_of_all_and_a_mixture_does_not() -> None:
    bars = torch.zeros(60, 28, 28)  # upright, of many widths and places
    for i, image in enumerate(bars):
        image[4:24, 6 + i % 10 : 9 + i % 10 + i // 10] = 1
    features = bank_features(bars)
    ways = directions(MemoryBank.of(bars), features, features)

    assert torch.allclose(ways.norm(dim=1), torch.ones(60))
    everywhere, on_the_left = rayleigh(ways[::3]), rayleigh(ways[torch.arange(60) % 10 < 3])
    assert 0 <= everywhere < 1 < 2 < on_the_left <= 18
