import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.words import name_normals, say_rate


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


@given(st.floats(min_value=1e-7, max_value=1.0))
def test_a_rate_in_words_is_within_a_twentieth_of_the_rate_or_half_of_its_last_unit(p_value: float) -> None:
    said = say_rate(p_value)

    if said == "All":
        assert p_value == 1
    else:
        part, whole = (int(number.replace(",", "")) for number in said.split(" in "))
        assert part >= 1
        allowed = max(0.05 * p_value, 0.5 / whole, 1e-2 if part == 99 else 0)
        assert abs(part / whole - p_value) <= allowed + 1e-12


@given(st.lists(st.floats(min_value=1e-6, max_value=0.99), min_size=2, max_size=2).map(sorted))
def test_a_larger_rate_never_sounds_smaller(rates: list[float]) -> None:
    smaller, larger = (_value(say_rate(rate)) for rate in rates)

    assert smaller <= larger * 1.06


def _value(said: str) -> float:
    part, whole = (int(number.replace(",", "")) for number in said.split(" in "))
    return part / whole
