"""Keeping verdicts in the history, without ever standing in the way of showing them."""

import streamlit as st

from core.detector.readings import Readings
from core.errors import HistoryError
from core.history import History, Verdict
from core.operating_point import OperatingPoint
from pages.ui.visitor import visitor


def keep(readings: Readings, point: OperatingPoint, model_hash: str, kind: str, source: str, drawing: str = "") -> None:
    """Record verdicts; the same drawing is one row, updated. A history that cannot be written is said once.

    Args:
        readings: what was judged.
        point: the operating point it was judged at.
        model_hash: which build of the model.
        kind: ``"canvas"``, ``"upload"`` or ``"camera"``.
        source: where the ink came from, for people.
        drawing: id of the drawing, so that its next stroke updates the row.
    """
    about = {"source": source, "source_kind": kind, "model_hash": model_hash, "visitor": visitor()}
    verdicts = [
        Verdict.of(readings, row, point, **about, drawing=f"{drawing}-{row}" if drawing else "")
        for row in range(len(readings))
    ]
    try:
        History(visitor=visitor()).record_all(verdicts)
    except HistoryError as error:
        if not st.session_state.get("history_failed"):
            st.toast(f"Not kept in the history: {error}", icon=":material/warning:")
        st.session_state["history_failed"] = True
