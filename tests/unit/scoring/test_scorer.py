"""A scorer of one digit class: what is odd to it, and what it makes of banks thinned, older or tampered with."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.detector import Detector
from core.errors import ModelError
from core.operating_point import EVIDENCES
from core.scoring.scorer import Scorer
from tests.support.bundled import digits, of

FIVES = of("5", "test")
LEAST = 64  # points that a bank may have in tests of thinned ones


@pytest.fixture
def scorer(tiny_detector: Detector) -> Scorer:
    return tiny_detector.scorers_["5"]


@pytest.fixture
def thinned(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> Scorer:
    monkeypatch.setattr("core.scoring.scorer.MOST_POINTS", LEAST)
    return scorer.weighed(FIVES)


@pytest.fixture
def shipped(decoded_before: None) -> Scorer:
    """Of real fives, well trained."""
    return Detector.load("mnist-5").scorers_["5"]


def test_other_digits_score_odder_than_normal_ones_on_what_fuses(shipped: Scorer) -> None:
    normal, odd = shipped.score(FIVES).scores, shipped.score(of("4", "test")).scores

    for evidence in ("gradient", "manifold", "fused"):
        assert np.median(odd[evidence]) > np.quantile(normal[evidence], 0.9), evidence


def test_an_image_scores_the_same_to_the_bit_alone_and_in_any_batch(scorer: Scorer) -> None:
    images = np.concatenate([digits(300), FIVES])

    together = scorer.score(images).scores

    for index in range(0, len(images), 29):
        alone = scorer.score(images[index : index + 1]).scores
        for evidence in EVIDENCES:
            assert alone[evidence][0] == together[evidence][index], evidence


@pytest.mark.parametrize(
    "image",
    [np.zeros((28, 28)), np.ones((28, 28)), np.random.default_rng(0).random((28, 28))],
    ids=["blank", "all ink", "noise"],
)
def test_what_is_no_digit_is_farther_away_than_any(shipped: Scorer, image: np.ndarray) -> None:
    assert shipped.score(image[None]).scores["manifold"][0] > shipped.score(FIVES).scores["manifold"].max()


def test_a_file_of_before_the_weight_of_holes_was_stored_measures_it_to_the_same_bank(scorer: Scorer) -> None:
    meta = scorer.meta()
    del meta["hole_weight"]

    stored, measured = (Scorer.from_tensors(scorer.tensors(), kept).bank for kept in (scorer.meta(), meta))

    assert torch.equal(measured.points, stored.points)
    assert measured.hole_weight == stored.hole_weight


def test_a_weight_of_holes_that_was_tampered_with_is_kept_from_other_models_or_refused(
    scorer: Scorer, tmp_path: Path
) -> None:
    tensors, meta = scorer.tensors(), scorer.meta()
    for weight in (0.5, meta["hole_weight"]):
        assert Scorer.from_tensors(tensors, meta | {"hole_weight": weight}, tmp_path).bank.hole_weight == weight
    for damaged in (float("nan"), -1, 9, "much"):
        with pytest.raises(ModelError, match="damaged"):
            Scorer.from_tensors(tensors, meta | {"hole_weight": damaged})


def test_a_bank_of_more_points_than_it_may_have_keeps_those_far_apart(scorer: Scorer, thinned: Scorer) -> None:
    tensors, meta = thinned.tensors(), json.loads(json.dumps(thinned.meta()))
    again = Scorer.from_tensors(tensors, meta)

    assert thinned.bank.points.shape == (LEAST, scorer.bank.points.shape[1])
    assert torch.equal(thinned.latents, scorer.latents)  # whoever leaves some out counts them as they were given
    np.testing.assert_array_equal(again.score(FIVES).scores["fused"], thinned.score(FIVES).scores["fused"])
    assert torch.equal(thinned.weighed(FIVES).held, thinned.held)
    for held in ([], [3], [3, 3], [5, 4], [0, len(scorer.latents)], [-1, 2]):
        with pytest.raises(ModelError, match="damaged"):
            Scorer.from_tensors(tensors | {"latents_held": torch.tensor(held, dtype=torch.int32)}, meta)


def test_without_some_of_them_a_bank_holds_as_many_points_of_the_others(thinned: Scorer) -> None:
    left_out = np.arange(len(thinned.latents)) % 6 == 0

    reduced = thinned.without(left_out)

    assert len(reduced.bank.points) == len(thinned.bank.points) == LEAST
    assert not left_out[reduced.held.numpy()].any()
