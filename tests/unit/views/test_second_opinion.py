import pytest

from core.operating_point import OperatingPoint
from core.views.second_opinion import MODEL, SecondOpinion, second_opinion, wanted
from core.views.verdict_words import describe
from tests.support.stand_in import readings

POINT = OperatingPoint("stand-in", "fused", 0.05)


@pytest.mark.parametrize(
    ("reads_as", "anomaly", "said"),
    [
        (("5",), False, ""),
        (("5", "6"), False, ""),
        (("6",), False, "The network that knows all ten digits reads it as a 6."),
        (("8", "3"), True, "The network that knows all ten digits reads it as an 8 or 3."),
        ((), False, "To the network that knows all ten digits it looks like none of them."),
        ((), True, "To the network that knows all ten digits it looks like none of them."),
        (("5",), True, "The network that knows all ten digits would still read it as a 5."),
    ],
)
def test_the_second_opinion_says_what_the_first_verdict_cannot_know(
    reads_as: tuple[str, ...], anomaly: bool, said: str
) -> None:
    assert SecondOpinion(reads_as, "5", anomaly).sentence() == said


def test_where_both_agree_the_verdict_is_what_it_is_alone() -> None:
    alone = describe(readings(60.5), 0, POINT, "us")

    assert describe(readings(60.5), 0, POINT, "us", SecondOpinion(("5",), "5", False)) == alone


def test_the_opinion_is_the_prediction_set_of_the_model_of_all_digits() -> None:
    second = second_opinion({"9": 0.2, "7": 0.09, "4": 0.5}, False, 0.09, "5")

    assert (second.reads_as, second.field, second.normal) == (("4", "9"), "4 9", "5")
    assert second_opinion({"4": 0.05, "7": 0.01}, False, None, "5").field == "none"


def test_a_model_of_several_digits_or_of_letters_needs_no_second_opinion() -> None:
    assert wanted(("5",))
    assert not wanted(("0", "5"))
    assert not wanted(("A",))
    assert OperatingPoint().model == MODEL
