"""Keeping verdicts in the history, without ever standing in the way of showing them."""

from collections.abc import Sequence
from itertools import zip_longest

import streamlit as st

from core.detector.readings import Readings
from core.errors import HistoryError
from core.history import History, Verdict
from core.operating_point import OperatingPoint
from core.views.second_opinion import SecondOpinion
from pages.ui.text import plain
from pages.ui.visitor import visitor


def keep(
    readings: Readings,
    point: OperatingPoint,
    model_hash: str,
    kind: str,
    source: str,
    drawing: str = "",
    second: Sequence[SecondOpinion | None] = (),
) -> None:
    """Record verdicts; the same drawing is one row, updated. A history that cannot be written is said once.

    Args:
        readings: what was judged.
        point: the operating point it was judged at.
        model_hash: which build of the model.
        kind: ``"canvas"``, ``"upload"`` or ``"camera"``.
        source: where the ink came from, for people.
        drawing: id of the drawing, so that its next stroke updates the row.
        second: the second opinion on each, where it was asked.
    """
    about = {"source": source, "source_kind": kind, "model_hash": model_hash, "visitor": visitor()}
    verdicts = [
        Verdict.of(
            readings,
            row,
            point,
            **about,
            # Another model's verdict on the same drawing is a row of its own.
            drawing=f"{drawing}-{row}-{point.model}" if drawing else "",
            second_opinion=None if asked is None else asked.field,
        )
        for row, asked in zip_longest(range(len(readings)), second)
    ]
    try:
        History(visitor=visitor()).record_all(verdicts)
    except HistoryError as error:
        if not st.session_state.get("history_failed"):
            st.toast(f"Not kept in the history: {plain(error)}", icon=":material/warning:")
        st.session_state["history_failed"] = True
