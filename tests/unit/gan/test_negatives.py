import pytest
import torch

from core.gan import negatives
from tests.support.bundled import enlarged


def digits(n: int = 16) -> torch.Tensor:
    return torch.from_numpy(enlarged()[:n])


OF_ONE = ["doodle", "scribble", "go_astray", "warp_strongly", "swirl", "turn", "move_window", "press"]
FAMILIES = [*OF_ONE, "overlay", "join_two", "swap_window", "malformed", "jitter", "batch_of"]


def edited(family: str, images: torch.Tensor, seed: int) -> torch.Tensor:
    others = [images.flip(0)] * (family in ("overlay", "join_two", "swap_window"))
    others += [torch.arange(len(images))] * (family == "batch_of")
    return getattr(negatives, family)(images, *others, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_makes_the_same_ink_images_every_time_another_others_and_what_is_edited_stays(family: str) -> None:
    images = digits()
    one, same, other = (edited(family, images, seed) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)
    assert one.shape == images.shape
    assert 0 <= one.min() <= one.max() <= 1
    assert torch.equal(images, digits())


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


def test_many_training_images_are_seen_as_they_are_and_few_never_twice_alike() -> None:
    few, random = digits(), torch.Generator().manual_seed(0)
    many, rows = few.repeat(125, 1, 1), torch.tensor([3, 3])
    assert torch.equal(negatives.batch_of(many, rows, random), many[rows])
    first, second = negatives.batch_of(few, rows, random)
    assert not torch.equal(first, second)
