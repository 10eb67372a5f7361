"""The story of 0 of 54: what a line set by hand finds, replayed on today's scores."""

import pandas as pd
import streamlit as st

from core import original
from core.errors import OddDigitError
from core.evaluation import Confusion, Evaluation
from core.operating import OperatingPoint
from pages.ui import chrome


def chosen(point: OperatingPoint) -> bool:
    """Whether the operating point is one of the original's lines."""
    return point.evidence == original.ON_EVIDENCE and point.threshold in original.FIXED_LINES


def story(evaluation: Evaluation, point: OperatingPoint, calibrated: float) -> None:
    """Two sentences, and the experiment drawn again as often as one likes.

    Args:
        evaluation: the detector's evaluation.
        point: the original's line.
        calibrated: the fused evidence's line at 5 %, for comparison.
    """
    with st.container(border=True):
        st.markdown(original.story(evaluation, point))
        draw = st.session_state.setdefault("original_draw", 0)
        try:
            found = original.replay(evaluation, "fused", calibrated, draw)
        except OddDigitError as error:
            chrome.refuse(error)
            return
        lines = {
            f"pixel error over {line:.2f}": c for line, c in zip(original.FIXED_LINES, found.original, strict=True)
        }
        lines["fused, calibrated at 5 %"] = found.yours
        st.markdown(f"Its experiment, drawn again: {original.NORMALS} normal digits and {original.ANOMALIES} others.")
        st.dataframe(
            pd.DataFrame([_row(name, counts) for name, counts in lines.items()]), hide_index=True, width="content"
        )
        st.button("Draw others", icon=":material/casino:", on_click=_again, key="original_again")


def _row(name: str, counts: Confusion) -> dict[str, str]:
    return {
        "line": name,
        "anomalies caught": f"{counts.caught} of {counts.caught + counts.misses}",
        "false alarms": f"{counts.false_alarms} of {counts.false_alarms + counts.true_normal}",
    }


def _again() -> None:
    st.session_state["original_draw"] += 1
