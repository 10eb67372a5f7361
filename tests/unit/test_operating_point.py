import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import OddDigitError
from core.operating_point import EVIDENCES, OperatingPoint

# A noisy machine is no failure.
QUICK = settings(max_examples=50, deadline=None)
NAMES = st.text(min_size=1, max_size=30)
ALPHA_POINTS = st.builds(OperatingPoint, NAMES, st.sampled_from(EVIDENCES), st.floats(1e-9, 1 - 1e-9))
FIXED_POINTS = st.builds(
    OperatingPoint, NAMES, st.sampled_from(EVIDENCES), st.none(), st.floats(allow_nan=False, allow_infinity=False)
)


@QUICK
@given(st.one_of(ALPHA_POINTS, FIXED_POINTS))
def test_a_link_leads_back_to_the_very_same_point(point: OperatingPoint) -> None:
    assert OperatingPoint.from_query(point.to_query()) == point


def test_a_link_may_leave_out_what_stands_by_default_any_digit_all_evidence_five_percent() -> None:
    assert OperatingPoint.from_query({}) == OperatingPoint("mnist-any", "fused", 0.05, None)
    assert OperatingPoint.from_query({"model": "mnist-3", "alpha": ""}) == OperatingPoint("mnist-3", "fused", 0.05)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        pytest.param({"alpha": "0"}, "alpha is 0", id="alpha of nothing"),
        pytest.param({"alpha": "1"}, "alpha is 1", id="alpha of everything"),
        pytest.param({"alpha": "nan"}, "alpha is nan", id="alpha not a number"),
        pytest.param({"alpha": "five"}, "its alpha 'five' is not a number", id="alpha in words"),
        pytest.param({"threshold": "low"}, "its threshold 'low' is not a number", id="threshold in words"),
        pytest.param({"threshold": "inf"}, "threshold is inf", id="endless threshold"),
        pytest.param({"threshold": "nan"}, "threshold is nan", id="threshold not a number"),
        pytest.param({"threshold": "1", "alpha": "0.1"}, "not both", id="two lines at once"),
        pytest.param({"evidence": "hunch"}, "'hunch'", id="unknown evidence"),
    ],
)
def test_a_link_that_cannot_be_meant_is_refused_by_name(query: dict[str, str], named: str) -> None:
    with pytest.raises(OddDigitError, match=named):
        OperatingPoint.from_query(query)


def test_a_point_is_a_value_moved_only_by_making_another_and_always_has_a_threshold() -> None:
    point = OperatingPoint("mnist-7", "pixel", 0.1)

    assert point.at_threshold(0.2) == OperatingPoint("mnist-7", "pixel", None, 0.2)
    assert point.at_threshold(0.2).at_alpha(0.01) == OperatingPoint("mnist-7", "pixel", 0.01, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.alpha = 0.5  # type: ignore[misc]
    with pytest.raises(OddDigitError, match="not neither"):
        OperatingPoint("mnist-5", "fused", None, None)
