import pytest
import torch

from core.gan.prior import Mixture


def two_clumps(n: int = 400) -> torch.Tensor:
    """Latents ``(n, 3)`` in two flat clumps four apart."""
    random = torch.Generator().manual_seed(3)
    sides = torch.where(torch.arange(n) % 2 == 0, -2.0, 2.0)
    return torch.randn(n, 3, generator=random) * torch.tensor([0.1, 0.5, 0.02]) + sides[:, None]


def test_fresh_latents_lie_where_the_real_ones_do_and_not_in_between() -> None:
    latents = two_clumps()
    fresh = Mixture.fit(latents).sample(2000, torch.Generator().manual_seed(0))
    assert (fresh[:, 0].abs() - 2).abs().max() < 1.0
    assert (fresh[:, 0] > 0).float().mean() == pytest.approx(0.5, abs=0.05)
    assert torch.allclose(fresh.T.cov(), latents.T.cov(), atol=0.3)


@pytest.mark.parametrize("n", [0, 1, 8, 100])
def test_of_any_number_of_draws_every_component_gives_its_share(n: int) -> None:
    far_apart = Mixture(torch.tensor([0.25, 0.75]), torch.tensor([[-9.0], [9.0]]), torch.ones(2, 1, 1))
    for seed in range(5):
        fresh = far_apart.sample(n, torch.Generator().manual_seed(seed))
        assert fresh.shape == (n, 1)
        assert abs(int((fresh < 0).sum()) - n / 4) < 1


def test_the_same_seed_gives_the_same_mixture_and_the_same_latents() -> None:
    one, same = Mixture.fit(two_clumps(), seed=1), Mixture.fit(two_clumps(), seed=1)
    assert torch.equal(one.factors, same.factors)
    draws = [part.sample(5, torch.Generator().manual_seed(9)) for part in (one, same)]
    assert torch.equal(*draws)


def test_few_latents_get_few_components_and_still_a_spread_and_those_all_alike_are_drawn_again() -> None:
    mixture = Mixture.fit(two_clumps(20), components=128)
    assert len(mixture.weights) == 1
    assert mixture.sample(50, torch.Generator().manual_seed(0)).std(dim=0).min() > 1e-3
    alike = Mixture.fit(torch.ones(40, 2)).sample(10, torch.Generator().manual_seed(0))
    assert torch.allclose(alike, torch.ones(10, 2), atol=0.1)


def test_refitting_follows_latents_that_moved() -> None:
    moved = Mixture.fit(two_clumps()).refit(two_clumps() + 1.0, steps=5)
    assert moved.sample(1000, torch.Generator().manual_seed(0)).mean() == pytest.approx(1.0, abs=0.1)


def test_noise_and_spread_widen_the_same_draws_about_their_components() -> None:
    mixture = Mixture.fit(two_clumps())
    noisy = mixture.widened(torch.tensor([0.0, 0.0, 1.0])).sample(4000, torch.Generator().manual_seed(0))
    assert noisy[:, 2].var() == pytest.approx(two_clumps()[:, 2].var().item() + 1.0, rel=0.1)
    flat, drawn, wide = (mixture.sample(50, torch.Generator().manual_seed(0), spread) for spread in (0.0, 1.0, 1.5))
    assert torch.allclose(wide - flat, 1.5 * (drawn - flat), atol=1e-5)
    assert (drawn - flat).abs().max() > 0.1


def test_a_mixture_comes_back_from_a_file_as_it_was_but_for_half_precision() -> None:
    mixture = Mixture.fit(two_clumps())
    again = Mixture.from_tensors(mixture.tensors(), latent_size=3)
    assert torch.allclose(again.factors, mixture.factors, atol=1e-3)
    assert torch.equal(again.factors, Mixture.from_tensors(again.tensors(), latent_size=3).factors)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("means", torch.zeros(1, 3), id="too few means"),
        pytest.param("factors", torch.zeros(25, 9), id="factors of another size"),
        pytest.param("weights", torch.full((25,), -1.0), id="negative weights"),
        pytest.param("weights", torch.ones(25, 2), id="weights in two dimensions"),
    ],
)
def test_a_mixture_of_impossible_shapes_is_refused(name: str, value: torch.Tensor) -> None:
    tensors = Mixture.fit(two_clumps()).tensors()
    with pytest.raises(ValueError, match="latent prior"):
        Mixture.from_tensors(tensors | {name: value}, latent_size=3)
