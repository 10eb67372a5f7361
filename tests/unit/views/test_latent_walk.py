"""Walking through the latent space, and whether a generator copies."""

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA

from core import datasets
from core.errors import OddDigitError
from core.views import latent_walk, memorization

if TYPE_CHECKING:
    from core.detector import Detector
    from core.scoring.scorer import Scorer


@pytest.fixture
def scorer(tiny_detector: "Detector") -> "Scorer":
    return tiny_detector.scorers_["5"]


def test_the_same_seed_draws_the_same_digits_and_another_draws_others(scorer: "Scorer") -> None:
    first, again, other = (latent_walk.fresh(scorer, seed, 16) for seed in (1, 1, 2))

    assert np.array_equal(first.images, again.images)
    assert not np.allclose(first.images, other.images, atol=1e-3)
    assert first.images.shape == (16, 28, 28)
    assert ((first.probability > 0) & (first.probability < 1)).all()


def test_a_map_has_its_latent_in_the_middle_and_leads_along_two_directions(scorer: "Scorer") -> None:
    through = latent_walk.typical(scorer)[0]

    drawn = latent_walk.plane(scorer, through, (2, 3))

    middle = latent_walk.SIDE // 2
    assert np.allclose(drawn.at(middle, middle), through, atol=1e-5)
    ways = [drawn.at(middle + 3, middle) - through, drawn.at(middle, middle + 3) - through]
    along = PCA(4, svd_solver="full").fit(scorer.latents.numpy()).components_[2:]
    assert [abs(along @ way).argmax() for way in ways] == [0, 1]
    assert 0 < drawn.held < 1


def test_the_corners_of_a_map_lie_where_latents_lie(scorer: "Scorer") -> None:
    latents = scorer.latents.numpy()

    drawn = latent_walk.plane(scorer, latent_walk.typical(scorer)[0])

    last = latent_walk.SIDE - 1
    loneliest = np.sort(np.linalg.norm(latents[:, None] - latents, axis=2), axis=1)[:, 1].max()
    for x, y in ((0, 0), (0, last), (last, 0), (last, last)):
        assert np.linalg.norm(latents - drawn.at(x, y), axis=1).min() < loneliest, (x, y)


def test_a_place_between_pictures_is_a_blend_of_their_latents(scorer: "Scorer") -> None:
    drawn = latent_walk.plane(scorer, latent_walk.typical(scorer)[0])
    grid = drawn.latents.reshape(latent_walk.SIDE, latent_walk.SIDE, -1)

    between = drawn.at(3.5, 7)

    assert np.allclose(between, (grid[7, 3] + grid[7, 4]) / 2, atol=1e-5)
    assert np.allclose(drawn.at(-5, 99), grid[-1, 0])


def test_a_walk_begins_and_ends_at_its_digits(scorer: "Scorer") -> None:
    start, end = latent_walk.typical(scorer)[:2]

    drawn = latent_walk.walk(scorer, start, end)

    ends = latent_walk.draw(scorer, np.stack([start, end]), 2)
    assert np.allclose(drawn.images[[0, -1]], ends.images, atol=1e-4)


def test_the_sprite_holds_the_pictures_row_by_row(scorer: "Scorer") -> None:
    drawn = latent_walk.fresh(scorer, 0, 16)

    sheet = np.asarray(Image.open(io.BytesIO(drawn.sprite()))) / 255

    assert sheet.shape == (2 * 28, 8 * 28)
    assert np.abs(sheet[28:, 28:56] - drawn.images[9]).max() < 0.01


@pytest.mark.parametrize("text", ["AAAA", "not a latent!", "é", "", "A" * 4000])
def test_a_latent_survives_its_link_and_a_link_that_is_none_is_refused_in_words(text: str, scorer: "Scorer") -> None:
    latent = latent_walk.typical(scorer)[0]

    back = latent_walk.from_text(latent_walk.to_text(latent), len(latent))

    assert np.abs(back - latent).max() <= 1 / 8192 + 1e-6
    with pytest.raises(OddDigitError, match="is not of this model"):
        latent_walk.from_text(text, 32)


@pytest.mark.parametrize("model", ["tiny_detector", "tiny_detector_any"])
def test_a_reconstruction_is_found_again_in_the_latent_space(model: str, request: pytest.FixtureRequest) -> None:
    detector = request.getfixturevalue(model)
    image = datasets.load("digits", "test").of("5")[0]
    wanted = detector.inspect(image[None]).reconstruction[0]

    digit, latent = latent_walk.locate(detector, image)

    scorer = detector.scorers_[digit]
    guess = scorer.encode(wanted[None]).numpy()
    drawn, guessed = latent_walk.draw(scorer, np.concatenate([latent[None], guess]), 2).images
    assert np.abs(drawn - wanted).mean() < 0.05
    assert np.square(drawn - wanted).mean() <= np.square(guessed - wanted).mean() + 1e-6


def test_a_training_digit_is_its_own_nearest_and_an_unseen_one_is_not(tiny_detector: "Detector") -> None:
    known = memorization.originals(tiny_detector.card_, "5", datasets.load)

    rows, distance = known.nearest(known.images[3])

    assert rows[0] == 3
    assert distance[0] < 1e-3
    assert len(known.images) == tiny_detector.card_.counts["5"][0]
    assert known.unseen.min() > 0.01
    assert known.distances(known.images[:4]).max() < 1e-2
    assert list(distance) == sorted(distance)
