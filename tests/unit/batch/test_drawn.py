"""The drawn examples, judged once: what is kept of them is what the shipped model and the code of today say."""

import numpy as np
import pytest

from core.batch.drawn import pile
from core.batch.findings import Review, Rule
from core.datasets.examples import sample_files
from core.detector import Detector


@pytest.mark.usefixtures("decoded_before")
def test_the_examples_are_judged_as_the_shipped_model_judges_them_today() -> None:
    store = pile()
    detector = Detector.load(store.job.point.model)
    review = Review(store, Rule(store.job.point))

    assert store.job.model_hash == detector.fingerprint
    assert review.source.tolist() == [name for name, _ in sample_files()]
    images = store.pictures(np.flatnonzero(review.judged).tolist())
    np.testing.assert_array_equal(detector.scores(images).p_values["fused"], review.p_value[review.judged])
