import pytest

from core.history.reviewed_sample import review
from tests.support.recorded import verdict


def test_the_normal_digits_are_those_a_person_says_are_normal() -> None:
    sample = [
        verdict(1, id=1, class_id=0, mark="right"),
        verdict(2, id=2, class_id=0, mark="wrong"),
        verdict(3, id=3, class_id=1, mark="right"),
        verdict(4, id=4, class_id=1, mark="wrong"),
    ]

    reviewed = review(sample, ("5",))

    assert reviewed.images.tolist() == [verdict(1).image.tolist(), verdict(4).image.tolist()]
    assert reviewed.labels == ("5", "5")
    assert reviewed.names == ("row 1", "row 4")
    assert reviewed.complete


def test_a_sample_with_an_unmarked_verdict_or_without_any_is_not_complete() -> None:
    reviewed = review([verdict(1, mark="right"), verdict(2)], ("5",))

    assert (reviewed.drawn, reviewed.marked, reviewed.complete) == (2, 1, False)
    assert not review([], ("5",)).complete


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        pytest.param({"mark": "right", "digits": {"4": 0.5, "9": 0.01}}, "4", id="read as one and right"),
        pytest.param({"mark": "right", "digits": {"4": 0.5, "9": 0.2}}, None, id="read as two"),
        pytest.param({"mark": "right", "digits": {"4": 0.5, "9": 0.2}, "true_label": "9"}, "9", id="told which"),
        pytest.param({"mark": "wrong", "class_id": 1, "digits": {"4": 0.1}}, None, id="flagged by mistake"),
        pytest.param({"mark": "right", "true_label": "letter a"}, None, id="told something that is no digit"),
    ],
)
def test_a_model_of_several_digits_needs_to_know_which_digit_it_was(
    changes: dict[str, object], label: str | None
) -> None:
    reviewed = review([verdict(1, id=3, **changes)], ("4", "9"))

    assert reviewed.labels == (() if label is None else (label,))
    assert reviewed.unlabelled == ((3,) if label is None else ())
    assert reviewed.complete == (label is not None)


def test_the_same_image_judged_twice_counts_once() -> None:
    sample = [verdict(1, mark="right"), verdict(1, mark="right", alpha=0.01)]

    reviewed = review(sample, ("5",))

    assert (reviewed.drawn, len(reviewed.images)) == (2, 1)
