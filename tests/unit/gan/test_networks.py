import copy
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from core.errors import TrainingError
from core.gan import conv, networks
from core.gan.networks import ARCHITECTURES, Architecture, Networks, build, register


@pytest.fixture
def fourth() -> Iterator[str]:
    def build_linear(latent_size: int, _views: int) -> Networks:
        return Networks(
            nn.Sequential(nn.Flatten(), nn.Linear(784, latent_size)),
            nn.Sequential(nn.Linear(latent_size, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28))),
            nn.Sequential(nn.Flatten(), nn.Linear(784, 1), nn.Flatten(0)),
        )

    register(Architecture("linear", "a matrix", build_linear))
    yield "linear"
    del ARCHITECTURES["linear"]


@pytest.mark.parametrize("architecture", ["conv", "dense", "attention"])
def test_every_architecture_keeps_the_contract_and_answers_the_same_twice_once_trained(architecture: str) -> None:
    encoder, generator, discriminator = build(architecture, latent_size=5)
    images = torch.rand(3, 1, 28, 28)
    latents, logits = encoder(images), discriminator(images)
    drawn = generator(latents)
    assert (latents.shape, drawn.shape, logits.shape) == ((3, 5), images.shape, (3,))
    assert 0 <= drawn.min() <= drawn.max() <= 1
    for network in (encoder.eval(), discriminator.eval()):
        assert torch.equal(network(images), network(images))


def test_self_attention_lets_a_far_pixel_matter_once_its_weight_is_not_zero() -> None:
    layer = conv.SelfAttention(8)
    maps = torch.rand(1, 8, 7, 7)
    assert torch.equal(layer(maps), maps)
    layer.weight.data.fill_(1.0)
    changed = maps.clone()
    changed[..., 6, 6] += 1
    assert not torch.allclose(layer(maps)[..., 0, 0], layer(changed)[..., 0, 0])


def test_an_unknown_architecture_is_refused_by_name_with_the_known_ones() -> None:
    with pytest.raises(TrainingError, match=r"'resnet'.*attention, conv, dense"):
        build("resnet", latent_size=8)


def test_a_fourth_architecture_is_one_registered_record(fourth: str) -> None:
    encoder, generator, _ = build(fourth, latent_size=3)
    assert generator(encoder(torch.rand(2, 1, 28, 28))).shape == (2, 1, 28, 28)


@pytest.mark.parametrize("architecture", ["conv", "dense", "attention"])
def test_the_form_for_inference_draws_the_same(architecture: str) -> None:
    generator = build(architecture, latent_size=5).generator
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    generator.eval()
    latents = torch.randn(4, 5)
    with torch.no_grad():
        torch.testing.assert_close(networks.for_inference(generator)(latents), generator(latents), atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", ["conv", "attention"])
@pytest.mark.parametrize("onednn", [True, False], ids=["oneDNN", "without oneDNN"])
def test_the_form_for_inference_draws_and_judges_an_image_alone_as_among_others_and_so_does_a_copy(
    architecture: str, onednn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: onednn)
    _, generator, discriminator = (network.eval() for network in build(architecture, latent_size=5))
    least = networks.ARCHITECTURES[architecture].rows
    latents, images = torch.randn(16, 5), torch.rand(16, 1, 28, 28)
    with torch.inference_mode():
        for network, given in ((generator, latents), (discriminator, images)):
            quick = networks.for_inference(network)
            whole = quick(given)
            for rows in (slice(least), slice(3, 3 + 2 * least), slice(16 - least, 16)):
                assert torch.equal(quick(given[rows]), whole[rows])
            assert torch.equal(copy.deepcopy(quick)(given), whole)
