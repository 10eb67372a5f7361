"""Models side by side: cards, ROC, and the same digit through each."""

from functools import partial

import pandas as pd
import streamlit as st

from core import ink, quota
from core.datasets.examples import Example, for_normal
from core.detector.state import Measured
from core.errors import OddDigitError
from core.figures import charts
from core.ink import apart
from core.operating_point import OperatingPoint
from core.views import model_table
from core.views.verdict_words import describe
from core.words import say_share
from pages.ui import chrome, opinion, picker, picture, state, verdict
from pages.ui.text import plain
from pages.ui.visitor import visitor


def show(chosen: dict[str, Measured]) -> None:
    """Two or more models next to one another."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown("**Their cards**")
        cards(chosen)
    with right:
        _roc(chosen)
    _same_digit(chosen)


def cards(models: dict[str, Measured]) -> None:
    """Cards of models, line by line, side by side."""
    st.table(pd.DataFrame(model_table.table(models)).map(plain), hide_index=True, border="horizontal")


def _roc(chosen: dict[str, Measured]) -> None:
    st.markdown("**Their ROC curves**")
    curves = {
        name: measured.evaluation.roc("fused") for name, measured in chosen.items() if measured.evaluation is not None
    }
    drawn = {name: curve for name, curve in curves.items() if curve is not None}
    if drawn:
        figure = charts.roc_curves(drawn)
        picture.chart(figure, "compare-roc", "ROC curves")
    if without := [name for name in chosen if name not in drawn]:
        st.caption(f"None for {plain(', '.join(without))}: evaluated without anomalies.")
    if len({measured.card.evaluated_on for measured in chosen.values()}) > 1:
        st.caption("They were not evaluated on the same digits and anomalies, so their areas do not compare.")


def _same_digit(chosen: dict[str, Measured]) -> None:
    """One picture, judged by every model at the false-alarm rate this visit has chosen."""
    at = _point("").alpha
    st.markdown(f"**The same digit through each**, line at {say_share(at or 0)} false alarms")
    normal = tuple(dict.fromkeys(label for measured in chosen.values() for label in measured.card.normal))
    examples = {example.name: example for example in for_normal(normal)}
    left, right = st.columns(2, vertical_alignment="bottom")
    name = left.selectbox("An example", list(examples), key="compare_example")
    file = right.file_uploader("or a picture of yours", key="compare_file")
    try:
        digits = _read(file.getvalue(), file.name, visitor()) if file else _drawn(examples[name])
    except OddDigitError as error:
        chrome.refuse(error)
        return
    columns = st.columns(len(chosen))
    for column, (model, measured) in zip(columns, chosen.items(), strict=True):
        with column:
            _verdict(model, measured, digits)


@st.cache_data(max_entries=20, show_spinner="Finding the ink…")
def _read(data: bytes, name: str, whose: str) -> ink.Ink:
    with quota.turn(whose):
        return apart.call(name, partial(ink.read, name=name, split=False), data)


def _drawn(example: Example) -> ink.Ink:
    return ink.read(example.picture(), name=example.name, split=False)


def _verdict(model: str, measured: Measured, digits: ink.Ink) -> None:
    point = _point(model)
    try:
        readings = picker.detector(model).inspect(digits.images)
    except OddDigitError as error:
        chrome.refuse(error)
        return
    words = describe(readings, 0, point, measured.card.calibrated_on, opinion.at_once(readings, point)[0])
    st.markdown(f"**{plain(model)}**  \n{verdict.signed(words.anomaly, words.verdict)}")
    st.caption(plain(f"{words.second_opinion} {words.meaning}"))
    verdict.pictures(readings, 0, f"compared-{model}")


def _point(model: str) -> OperatingPoint:
    """A threshold of one model means nothing to another, so that a rate stands in for it."""
    here = state.operating_point()
    return OperatingPoint(model, here.evidence, here.alpha or OperatingPoint().alpha)
