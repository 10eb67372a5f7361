import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.datasets import load_digits

from core.gan import negatives


def digits(n: int = 16) -> torch.Tensor:
    small = load_digits().images[:n] / 16
    return torch.from_numpy(np.stack([np.pad(ndimage.zoom(image, 2.5, order=1), 4) for image in small])).float()


FAMILIES = ["scribble", "warp_strongly", "turn", "move_window", "overlay", "join_two", "press", "malformed", "jitter"]


@pytest.mark.parametrize("family", FAMILIES)
def test_an_edit_returns_as_many_ink_images_and_leaves_its_input_alone(family: str) -> None:
    images = digits()
    before = images.clone()
    edited = getattr(negatives, family)(images, torch.Generator().manual_seed(0))
    assert edited.shape == images.shape
    assert edited.min() >= 0
    assert edited.max() <= 1
    assert torch.equal(images, before)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_makes_the_same_edits_and_another_seed_others(family: str) -> None:
    edit = getattr(negatives, family)
    one, same, other = (edit(digits(), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)


def test_jitter_changes_a_digit_far_less_than_a_malformation() -> None:
    images = digits()
    random = torch.Generator().manual_seed(0)
    small = (negatives.jitter(images, random) - images).square().mean()
    large = (negatives.malformed(images, random) - images).square().mean()
    assert 0 < small < 0.6 * large


def test_no_edit_touches_the_global_random_state() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    negatives.malformed(digits(), torch.Generator().manual_seed(0))
    assert torch.equal(torch.rand(1), expected)
