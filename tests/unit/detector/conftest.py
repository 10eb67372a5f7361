"""What tests of detectors share."""

import pytest

from core.detector import Detector


@pytest.fixture(params=["tiny_detector", "tiny_detector_any"], ids=["one digit", "several digits"])
def detector(request: pytest.FixtureRequest) -> Detector:
    return request.getfixturevalue(request.param)
