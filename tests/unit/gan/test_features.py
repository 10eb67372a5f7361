from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import ndimage

from core.gan import features
from core.gan.features import (
    FEATURES,
    MANIFOLD_FEATURES,
    deskew,
    directed,
    edges,
    gradient_features,
    manifold_features,
    views,
)
from tests.support.bundled import enlarged


def digits(n: int = 20) -> torch.Tensor:
    return torch.from_numpy(enlarged()[:n])


def bar(angle_degrees: float) -> torch.Tensor:
    upright = np.zeros((28, 28), np.float32)
    upright[6:22, 12:16] = 1
    return torch.from_numpy(ndimage.rotate(upright, angle_degrees, reshape=False, order=1).clip(0, 1))[None]


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((gradient_features(one) - gradient_features(other)).norm())


@pytest.mark.parametrize(
    ("describe", "lengths"),
    [
        (gradient_features, {588: 1.0, FEATURES: 1.0}),
        (manifold_features, {588: 1.0, 1176: 2.0, MANIFOLD_FEATURES: 2.0}),
    ],
)
def test_histograms_are_as_long_as_they_count(describe: Callable[..., torch.Tensor], lengths: dict[int, float]) -> None:
    features, start = describe(digits()), 0
    assert features.shape == (20, [*lengths][-1])
    assert features.dtype == torch.float32
    for end, length in lengths.items():
        assert torch.allclose(features[:, start:end].norm(dim=1), torch.full((20,), length), atol=0.1)
        start = end


@pytest.mark.parametrize("describe", [gradient_features, manifold_features])
def test_an_empty_image_has_finite_features_and_a_finite_slope(describe: Callable[..., torch.Tensor]) -> None:
    blank = torch.zeros(1, 28, 28, requires_grad=True)
    features = describe(blank)
    features.sum().backward()
    assert torch.isfinite(features).all()
    assert torch.isfinite(blank.grad).all()


def test_fainter_ink_has_nearly_the_same_features() -> None:
    images = digits()
    assert (gradient_features(images) - gradient_features(images * 0.6)).norm(dim=1).max() < 0.1


def test_a_bar_far_off_in_direction_is_farther_away_than_one_slightly_off() -> None:
    assert distance(bar(0), bar(10)) < distance(bar(0), bar(45)) < distance(bar(0), bar(90))


def test_the_edges_of_an_upright_bar_look_left_and_right() -> None:
    strengths = directed(edges(bar(0)), 4).sum(dim=(2, 3))[0]  # east, south, west, north
    assert strengths[0] > 3 * strengths[1]
    assert strengths[2] > 3 * strengths[3]


def test_deskew_stands_a_leaning_bar_upright_and_leaves_a_blank_alone() -> None:
    leaning = ndimage.affine_transform(bar(0)[0].numpy(), [[1, 0], [0.4, 1]], offset=[0, -0.4 * 13.5], order=1)
    upright = deskew(torch.from_numpy(leaning)[None])[0]
    columns_with_ink = (upright.sum(dim=0) > 1).sum()
    assert columns_with_ink <= 6 < (leaning.sum(axis=0) > 1).sum()
    assert deskew(torch.zeros(1, 28, 28)).sum() == 0


def test_moment_normalisation_makes_a_narrow_and_a_wide_digit_alike_and_leaves_a_blank_alone() -> None:
    wide = digits()
    narrow = torch.from_numpy(np.stack([ndimage.affine_transform(d.numpy(), [1, 1.5], [0, -6.75]) for d in wide]))
    before = (wide - narrow).square().sum(dim=(1, 2))
    after = (views(wide)[2] - views(narrow)[2]).square().sum(dim=(1, 2))
    assert after.median() < 0.5 * before.median()
    assert views(torch.zeros(1, 28, 28))[2].sum() == 0


@pytest.mark.parametrize("describe", [gradient_features, manifold_features])
def test_an_image_has_the_same_features_alone_and_among_others(describe: Callable[..., torch.Tensor]) -> None:
    images = digits()
    together = describe(images)
    alone = torch.cat([describe(image[None]) for image in images])
    assert torch.allclose(together, alone, atol=1e-5)


def test_one_may_learn_from_features_after_a_mere_look(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_axes", "_bands", "_cell_weights", "_lobes", "_moments", "cell_windows"):
        monkeypatch.setattr(features, name, features.constant(getattr(features, name).__wrapped__))
    with torch.inference_mode():
        manifold_features(digits(2))

    images = digits(2).requires_grad_()
    manifold_features(images).sum().backward()

    assert images.grad is not None
    assert images.grad.isfinite().all()
