import dataclasses
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.detector import model_card
from core.detector.model_card import Card, library_versions
from core.errors import ModelError

CARD = Card(
    name="my-5",
    normal=("5", "8"),
    dataset="folder:my digits",
    calibrated_on="the writers of my digits",
    split_seed=3,
    counts={"5": (70, 10, 20), "8": (700, 100, 200)},
    settings={"architecture": "conv", "epochs": 2, "learning_rate": 0.002},
    curve={"5": {"generator": [0.7, 0.6]}, "8": {"generator": [0.5, 0.4]}},
    seconds=12.5,
    evaluated_on="mnist (test); anomalies: 0, 1",
    recalibrated=True,
)


def changed(**fields: object) -> str:
    return json.dumps(json.loads(CARD.to_json()) | fields)


def test_a_card_read_back_equals_the_card_that_was_written() -> None:
    assert Card.from_json(CARD.to_json()) == CARD


def test_a_card_of_an_earlier_release_names_its_calibration_set_too() -> None:
    old = CARD.to_json().replace('"calibrated_on"', '"yardstick"')

    assert Card.from_json(old) == CARD


def test_a_card_of_two_facts_has_a_default_for_all_others() -> None:
    read = Card.from_json(Card(name="x", normal=("5",)).to_json())

    assert read.evaluated_on == "not evaluated yet"
    assert not read.recalibrated
    assert datetime.fromisoformat(read.created).tzinfo == UTC


def test_the_versions_named_are_those_that_shape_the_numbers() -> None:
    assert set(library_versions()) == {"python", "torch", "numpy"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="half"),
        pytest.param("[]", id="a list"),
        pytest.param("5", id="a number"),
        pytest.param("null", id="null"),
        pytest.param("[" * 200_000, id="nested too deep"),
        pytest.param('{"normal": ' + "[" * 200_000, id="nested too deep inside"),
        pytest.param("{}", id="no fields"),
        pytest.param(changed(normal=[]), id="no normal digits"),
        pytest.param(changed(normal=5), id="normal is a number"),
        pytest.param(changed(foreign=1), id="an unknown field"),
        *(pytest.param(changed(**{name: [name]}), id=f"{name} is a list") for name in model_card._KINDS),
        pytest.param(changed(name=None), id="no name"),
        pytest.param(changed(split_seed="0; import os"), id="seed is text"),
        pytest.param(changed(counts={"5": [1, 2]}), id="two counts of three"),
        pytest.param(changed(counts={"5": "abc"}), id="counts are letters"),
        pytest.param(changed(counts={"5": [1, 2, float("inf")]}), id="infinite count"),
        pytest.param(changed(counts=[1]), id="counts are a list"),
        pytest.param(changed(settings={"epochs": {"deep": 1}}), id="a setting is a dictionary"),
        pytest.param(changed(curve={"5": [1, 2]}), id="curve without loss names"),
        pytest.param(changed(curve={"5": {"generator": ["a"]}}), id="a loss is text"),
        pytest.param(changed(versions={"torch": 2}), id="a version is a number"),
        pytest.param(changed(seconds="x").replace('"x"', "9" * 5_000), id="a number of 5,000 figures"),
    ],
)
def test_what_is_no_card_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ModelError, match=r"^the model card inside [^\n]*: fetch the file again\.$"):
        Card.from_json(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(field=st.sampled_from([field.name for field in dataclasses.fields(Card)]), value=json_values)
def test_any_value_in_any_field_gives_a_card_that_can_be_written_again_or_is_refused(field: str, value: object) -> None:
    try:
        card = Card.from_json(changed(**{field: value}))
    except ModelError:
        return

    assert f"{card.created[:10]} {card.seconds:.1f} {', '.join(card.normal)} {card.settings.get('epochs')}"
    assert Card.from_json(card.to_json()).counts == card.counts
