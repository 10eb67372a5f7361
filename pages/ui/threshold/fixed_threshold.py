"""The story of 0 of 54: what a threshold set by hand finds, and the experiment repeated on this model."""

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.calibration.evaluation import Confusion, Evaluation
from core.errors import OddDigitError
from core.operating_point import OperatingPoint
from core.views import fixed_threshold
from core.words import say_share
from pages.ui import chrome, presses
from pages.ui.threshold import borderline

if TYPE_CHECKING:
    from core.detector import Detector

CALIBRATED = 0.05


def chosen(point: OperatingPoint) -> bool:
    """Whether the operating point is one of the original's lines."""
    return point.evidence == fixed_threshold.ON_EVIDENCE and point.threshold in fixed_threshold.FIXED_THRESHOLDS


def story(detector: "Detector", evaluation: Evaluation, point: OperatingPoint) -> None:
    """What that threshold finds today, and the original's experiment drawn again as often as one likes."""
    counts = evaluation.confusion(point.evidence, point.threshold or 0.0)
    with st.container(border=True):
        seed = st.session_state.setdefault("original_draw", 0)
        try:
            rows = tuple(int(row) for row in fixed_threshold.draw(evaluation, seed))
        except OddDigitError as error:
            chrome.refuse(error)
            return
        readings, pictured = borderline.readings_of(detector, evaluation, rows)
        if readings is None or pictured != rows:
            st.info("Its experiment is repeated here once the pictures of its digits are on this machine.")
        else:
            replayed = fixed_threshold.replay(readings, "fused", detector.calibrations_["fused"].threshold(CALIBRATED))
            st.markdown(replayed.story())
            table = [
                _row(f"mean squared error over {threshold:.2f}", counts) for threshold, counts in replayed.original
            ]
            table.append(_row(f"fused, calibrated at {say_share(CALIBRATED)}", replayed.yours))
            st.table(pd.DataFrame(table), hide_index=True, border="horizontal")
            st.button(
                "Draw other digits",
                icon=":material/casino:",
                on_click=presses.count,
                args=("original_draw",),
                key="original_again",
            )
        several = ", and measures each digit by its own spread" if len(detector.card_.normal) > 1 else ""
        st.caption(
            f"Above, the same {point.threshold:.2f} cuts elsewhere, since the pixel evidence divides by the ink and "
            f"not by 784 pixels that are mostly paper{several}: it catches {counts.caught:,} of "
            f"{evaluation.n_anomaly:,} anomalies and flags {counts.false_alarms:,} of "
            f"{evaluation.n_normal:,} normal digits."
        )


def _row(name: str, counts: Confusion) -> dict[str, str]:
    return {
        "line": name,
        "anomalies caught": f"{counts.caught} of {counts.caught + counts.misses}",
        "false alarms": f"{counts.false_alarms} of {counts.false_alarms + counts.true_normal}",
    }
