import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.words import name_normals, say_oddness, say_share


@pytest.mark.parametrize(
    ("normal", "said"),
    [
        (("5",), "normal 5s"),
        (("0", "5"), "normal 0s and 5s"),
        (("0", "5", "8"), "normal 0s, 5s and 8s"),
        (tuple("0123456789"), "normal digits"),
        (("T-shirt/top",), "normal “T-shirt/top”"),
    ],
)
def test_normal_digits_are_named_in_the_plural(normal: tuple[str, ...], said: str) -> None:
    assert name_normals(normal) == said


@given(st.floats(min_value=1e-7, max_value=1.0, exclude_max=True))
def test_a_share_in_words_is_within_a_twentieth_of_the_share_and_never_nothing_or_all(share: float) -> None:
    said = _value(say_share(share))

    assert 0 < said < 1
    assert abs(said - share) <= 0.051 * share


@given(st.lists(st.floats(min_value=1e-6, max_value=0.99), min_size=2, max_size=2).map(sorted))
def test_a_larger_share_never_sounds_smaller(shares: list[float]) -> None:
    smaller, larger = (_value(say_share(share)) for share in shares)

    assert smaller <= larger


def test_what_nearly_all_do_is_said_with_no_more_digits_than_tell_it_from_all() -> None:
    assert [say_share(share) for share in (0.99925, 0.9934, 0.999999)] == ["99.92 %", "99.3 %", "99.99 %"]


def test_only_what_is_odder_than_all_it_was_measured_against_is_said_to_be_at_most_so_rare() -> None:
    assert say_oddness(1 / 1085, "5s", 1084) == "At most 0.092 % of 5s look at least this odd"
    assert say_oddness(2 / 1085, "5s", 1084) == "0.18 % of 5s look at least this odd"
    assert say_oddness(1 / 1085, "5s") == "0.092 % of 5s look at least this odd"


def _value(said: str) -> float:
    return float(said.removesuffix(" %")) / 100
