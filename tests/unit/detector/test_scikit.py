"""scikit-learn's own checks of an estimator, those for outlier detectors included.

Its data have 2 to 5 features of any size and 10 to 300 rows. An image has 784 between 0 and 1, and a fit wants 50 of
them: ``Tiled`` brings the one to the other and leaves everything that is no plain number as it is.
"""

from collections.abc import Callable
from typing import Any, Self
from unittest import SkipTest

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils import Tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from core.detector import Detector
from core.detector.readings import Readings, Scores
from core.gan import trainer


class Tiled(Detector):
    """A detector over any few features: repeated up to 784, squashed between 0 and 1, rows repeated up to 50."""

    def fit(self, X: ArrayLike, y: Any = None) -> Self:  # noqa: N803
        if issparse(X) or np.asarray(X).ndim != 2 or not np.asarray(X).size:
            return super().fit(X)
        self.width_ = np.asarray(X).shape[1:]
        images = self.tiled(X)
        return super().fit(np.resize(images, (max(len(images), 50), *images.shape[1:])))

    def inspect(self, images: ArrayLike) -> Readings:
        return super().inspect(self.tiled(images))

    def scores(self, images: ArrayLike) -> Scores:
        return super().scores(self.tiled(images))

    def tiled(self, X: ArrayLike) -> Any:  # noqa: N803
        values = X if issparse(X) else np.asarray(X)
        if values.ndim != 2 or values.dtype.kind not in "fiu" or values.shape[1:] != getattr(self, "width_", None):
            return values
        squashed = np.where(np.isfinite(values), 0.5 + np.arctan(values) / np.pi, values)
        return np.stack([np.resize(row, 784) for row in squashed])

    @property
    def n_features_in_(self) -> int:
        return int(self.width_[0] * super().n_features_in_ / 784)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = False
        return tags


@pytest.fixture(autouse=True)
def few_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every check fits, and none draws fresh digits: a prior of a few Gaussians is enough."""
    monkeypatch.setattr(trainer, "_FEWEST_LATENTS", 100)


def expected_to_fail(_: object) -> dict[str, str]:
    return {
        "check_dtype_object": "the wrapper tiles no objects, and those that are no numbers are refused in our words",
        "check_estimators_empty_data_messages": "images without pixels are refused for their shape, in our words",
        "check_n_features_in_after_fitting": "an image has 784 numbers, and others are refused for their shape",
    }


@parametrize_with_checks([Tiled("dense", epochs=1, alpha=0.2)], expected_failed_checks=expected_to_fail)
def test_it_is_an_estimator_as_scikit_learn_checks_it(estimator: Detector, check: Callable[[Detector], None]) -> None:
    try:
        check(estimator)
    except SkipTest as said:
        if "SCIPY_ARRAY_API is not set" not in str(said):  # that is switched off everywhere here
            raise


def test_it_says_what_it_takes_and_which_model_it_is(tiny_detector: Detector) -> None:
    assert tiny_detector.n_features_in_ == 784
    assert not hasattr(Detector(), "n_features_in_")
    assert tiny_detector.__sklearn_tags__().input_tags.positive_only
    assert repr(Detector(alpha=0.01)) == "Detector(alpha=0.01)"
    assert repr(tiny_detector).endswith(": tiny-5, normal 5s>")


def flat(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return images.reshape(len(images), -1)


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(lambda images: images[::-1][::-1], id="turned twice"),
        pytest.param(lambda images: np.flip(np.flip(images, 2).copy(), 2), id="negative strides"),
        pytest.param(lambda images: np.asfortranarray(images), id="Fortran order"),
        pytest.param(lambda images: np.frombuffer(images.tobytes(), np.float32).reshape(-1, 28, 28), id="read-only"),
        pytest.param(lambda images: np.round(255 * images).astype(np.uint8), id="bytes"),
        pytest.param(lambda images: images.astype(np.float64), id="float64"),
        pytest.param(lambda images: flat(images).tolist(), id="lists"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_images_are_read_the_same_however_they_lie_in_memory(
    same: Callable[[NDArray[np.float32]], Any], tiny_detector: Detector
) -> None:
    images = (np.random.default_rng(0).integers(0, 256, (5, 28, 28)) / 255).astype(np.float32)

    np.testing.assert_array_equal(tiny_detector.score_samples(same(images)), tiny_detector.score_samples(images))
