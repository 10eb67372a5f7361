import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import ModelError
from core.gan.recipe import TrainingSettings
from core.gan.trainer import Trainer
from core.operating_point import EVIDENCES
from core.scoring.scorer import Scorer
from tests.support.bundled import enlarged as digits

SETTINGS = TrainingSettings(latent_size=8, epochs=2, steps=30, batch_size=16)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    normal = digits(0)
    trainer = Trainer(normal[:110], SETTINGS)
    list(trainer.run())
    return Scorer.fit(trainer.networks, normal[:110], normal[110:140], SETTINGS)


@pytest.fixture(scope="module")
def held_out() -> np.ndarray:
    return digits(0)[140:]


def test_other_digits_score_odder_than_normal_ones_on_what_fuses(scorer: Scorer, held_out: np.ndarray) -> None:
    normal, odd = scorer.score(held_out).scores, scorer.score(digits(4)).scores
    for evidence in ("gradient", "manifold", "fused"):
        assert np.median(odd[evidence]) > np.quantile(normal[evidence], 0.9), evidence


def test_an_image_gets_five_finite_positive_scores_and_the_residual_that_its_reconstruction_leaves_over(
    scorer: Scorer, held_out: np.ndarray
) -> None:
    for images in (held_out, held_out[:0]):
        evidences = scorer.score(images)
        assert tuple(evidences.scores) == EVIDENCES
        for values in evidences.scores.values():
            assert values.shape == (len(images),)
            assert values.dtype == np.float64
            assert np.isfinite(values).all()
            assert (values >= 0).all()
        assert evidences.reconstruction.shape == evidences.residual.shape == images.shape
        assert ((evidences.reconstruction >= 0) & (evidences.reconstruction <= 1)).all()
        assert np.allclose(evidences.residual, images - evidences.reconstruction)
        for probability in (evidences.probability, evidences.reconstruction_probability):
            assert ((probability >= 0) & (probability <= 1)).all()


def test_an_image_scores_the_same_alone_and_in_any_batch(scorer: Scorer, held_out: np.ndarray) -> None:
    images = np.concatenate([held_out, digits(7), np.tile(held_out, (8, 1, 1))])
    together = scorer.score(images).scores
    for index in range(0, len(held_out) + 40, 9):
        alone = scorer.score(images[index : index + 1]).scores
        for evidence in EVIDENCES:
            assert alone[evidence][0] == together[evidence][index], evidence


@pytest.mark.parametrize(
    "image",
    [np.zeros((28, 28)), np.ones((28, 28)), np.random.default_rng(0).random((28, 28))],
    ids=["blank", "all ink", "noise"],
)
def test_any_image_gets_finite_scores_and_is_odd(scorer: Scorer, held_out: np.ndarray, image: np.ndarray) -> None:
    evidences = scorer.score(image[None].astype(np.float32))
    normal = scorer.score(held_out).scores["manifold"]
    assert all(np.isfinite(values).all() for values in evidences.scores.values())
    assert evidences.scores["manifold"][0] > normal.max()


def test_what_is_stored_brings_back_the_same_scorer_with_and_without_a_cache(
    scorer: Scorer, held_out: np.ndarray, tmp_path: Path
) -> None:
    tensors, meta = scorer.tensors(), json.loads(json.dumps(scorer.meta()))
    expected = scorer.score(held_out)
    for cache in (None, tmp_path, tmp_path):
        restored = Scorer.from_tensors(tensors, meta, cache)
        for evidence in EVIDENCES:
            assert np.allclose(restored.score(held_out).scores[evidence], expected.scores[evidence], rtol=1e-5)
        stored = restored.tensors()
        assert all(torch.equal(stored[name], tensors[name]) for name in tensors)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_of_before_the_weight_of_holes_was_stored_measures_it_to_the_same_bank(scorer: Scorer) -> None:
    tensors, meta = scorer.tensors(), scorer.meta()
    del meta["hole_weight"]
    stored, measured = (Scorer.from_tensors(tensors, kept).bank for kept in (scorer.meta(), meta))
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


def test_a_damaged_cache_is_made_anew(scorer: Scorer, held_out: np.ndarray, tmp_path: Path) -> None:
    assert Scorer.from_tensors(scorer.tensors(), scorer.meta(), tmp_path).bank is not None
    file = next(tmp_path.iterdir())
    file.write_bytes(b"no tensors at all")
    restored = Scorer.from_tensors(scorer.tensors(), scorer.meta(), tmp_path)
    assert np.allclose(restored.score(held_out).scores["fused"], scorer.score(held_out).scores["fused"], rtol=1e-5)
    assert file.stat().st_size > 1000


def test_only_weights_and_small_latents_are_stored(scorer: Scorer) -> None:
    tensors = scorer.tensors()
    others = [name for name in tensors if not name.startswith("weights.")]
    assert sorted(others) == ["latents", "latents_held", "latents_scale"]
    assert tensors["latents"].shape == (110, 8)
    assert tensors["latents"].dtype == torch.int8
    assert sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) < 700_000


def test_a_bank_of_more_points_than_it_may_have_keeps_those_far_apart(
    scorer: Scorer, held_out: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.scoring.scorer.MOST_POINTS", 64)

    thinned = scorer.weighed(digits(0)[110:140])

    assert thinned.bank.points.shape == (64, scorer.bank.points.shape[1])
    assert torch.equal(thinned.latents, scorer.latents)  # whoever leaves some out counts them as they were given
    tensors = thinned.tensors()
    again = Scorer.from_tensors(tensors, json.loads(json.dumps(thinned.meta())))
    assert np.array_equal(again.score(held_out).scores["fused"], thinned.score(held_out).scores["fused"])
    assert torch.equal(thinned.weighed(digits(0)[110:140]).held, thinned.held)
    for held in ([], [3], [3, 3], [5, 4], [0, 110], [-1, 2]):
        with pytest.raises(ModelError, match="damaged"):
            Scorer.from_tensors(tensors | {"latents_held": torch.tensor(held, dtype=torch.int32)}, thinned.meta())


def test_without_some_of_them_a_bank_holds_as_many_points_of_the_others(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.scoring.scorer.MOST_POINTS", 64)
    thinned = scorer.weighed(digits(0)[110:140])
    left_out = np.arange(110) % 6 == 0

    reduced = thinned.without(left_out)

    assert len(reduced.bank.points) == 64
    assert not left_out[reduced.held.numpy()].any()
    assert len(thinned.bank.points) == 64


def test_fitting_twice_gives_the_same_tensors() -> None:
    normal = digits(1)[:40]
    settings = dataclasses.replace(SETTINGS, architecture="dense", epochs=1)
    trainer = Trainer(normal[:30], settings)
    list(trainer.run())
    one, other = (Scorer.fit(trainer.networks, normal[:30], normal[30:], settings) for _ in range(2))
    assert all(torch.equal(one.tensors()[name], other.tensors()[name]) for name in one.tensors())
    assert one.meta() == other.meta()


def test_samples_and_walks_are_ink_images_and_repeat_with_their_seed(scorer: Scorer, held_out: np.ndarray) -> None:
    samples = scorer.sample(5, seed=3)
    assert samples.shape == (5, 28, 28)
    assert np.array_equal(samples, scorer.sample(5, seed=3))
    assert not np.array_equal(samples, scorer.sample(5, seed=4))
    assert scorer.decode(scorer.encode(held_out)).shape == held_out.shape


def test_a_scorer_of_other_features_or_with_parts_missing_is_refused(scorer: Scorer) -> None:
    tensors, meta = scorer.tensors(), scorer.meta()
    with pytest.raises(ModelError, match="features version"):
        Scorer.from_tensors(tensors, meta | {"features_version": 0})
    with pytest.raises(ModelError, match="damaged"):
        Scorer.from_tensors({name: value for name, value in tensors.items() if "encoder" not in name}, meta)
    with pytest.raises(ModelError, match="damaged"):
        Scorer.from_tensors(tensors, {"features_version": meta["features_version"]})
    with pytest.raises(ModelError, match="latents"):
        Scorer.from_tensors(tensors | {"latents": tensors["latents"][:0]}, meta)
