"""Grey-level holes: how deep, and where."""

import numpy as np
import torch
from skimage.morphology import reconstruction

from core.scoring.holes import HOLE_FEATURES, filled, hole_features

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])


def test_filling_is_what_scikit_image_reconstructs_by_erosion() -> None:
    images = np.random.default_rng(0).integers(0, 256, (28, 28, 20)).astype(np.uint8)

    holes = filled(images)

    for image, own in zip(np.moveaxis(images, 2, 0), np.moveaxis(holes, 2, 0), strict=True):
        seed = np.where(np.pad(np.zeros((26, 26), bool), 1, constant_values=True), image, 255)
        assert np.array_equal(own, reconstruction(seed, image, method="erosion", footprint=CROSS))


def test_a_spiral_has_no_hole_and_a_closed_loop_is_as_deep_as_its_faintest_ink() -> None:
    spiral = np.zeros((28, 28, 1), np.uint8)
    for turn, inset in enumerate(range(2, 12, 4)):
        spiral[inset, inset : 28 - inset] = spiral[inset : 28 - inset, 27 - inset] = 200
        spiral[27 - inset, inset : 28 - inset] = spiral[inset + 2 : 28 - inset, inset] = 200
        spiral[inset + 2, inset - 4 * (turn > 0) : inset + 1] = 200
    loop = np.zeros((28, 28, 1), np.uint8)
    loop[8:20, 8:20] = 200
    loop[10:18, 10:18] = 0
    loop[8:10, 13] = 50  # a faint place all the way through

    assert np.array_equal(filled(spiral)[14, 14], spiral[14, 14])
    assert filled(loop)[14, 14] == 50


def test_features_lie_where_the_hole_is_and_are_the_same_alone_and_in_a_batch() -> None:
    images = torch.zeros(2, 28, 28)
    images[0, 4:12, 4:12] = 1
    images[0, 6:10, 6:10] = 0
    images[1, 4:24, 13:15] = 1

    features = hole_features(images[None])

    assert features.shape == (2, HOLE_FEATURES // 2)
    assert divmod(int(features[0, :49].argmax()), 7) in {(1, 1), (1, 2), (2, 1)}
    assert features[1].eq(0).all()
    assert torch.equal(hole_features(images[None, :1]), features[:1])


def test_blank_paper_all_ink_and_no_image_at_all_have_no_hole() -> None:
    assert hole_features(torch.stack((torch.zeros(1, 28, 28), torch.ones(1, 28, 28)))).eq(0).all()
    assert hole_features(torch.zeros(2, 0, 28, 28)).shape == (0, HOLE_FEATURES)
