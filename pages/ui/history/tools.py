"""What stands around the rows of the history: numbers, the rate over time, export, deleting, and the review sample."""

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from core import settings
from core.detector import registry
from core.errors import HistoryError, OddDigitError
from core.history import EVERYTHING, Counts, Filter, History
from core.history.export import export_csv
from core.history.reviewed_sample import Review, review
from pages.ui import calibration_set, chrome, local_time, picker, picture, presses, usage
from pages.ui.history import rows
from pages.ui.text import plain
from pages.ui.visitor import visitor

if TYPE_CHECKING:
    from core.detector import Detector

DAY, HOUR = 86400.0, 3600.0
SAMPLE = 100
SEED = 0
_MADE = "calibrated_now"


def summary(counts: Counts, today: Counts) -> None:
    """How much was judged, and what people said of it."""
    marked = f", {counts.marked:,} marked, {counts.wrong:,} of them wrong" if counts.marked else ""
    before = f"** In all {_numbers(counts)}" if today != counts else "**"
    st.markdown(f"**Today {_numbers(today)}{'.' * (today != counts)}{before}{marked}.")


def over_time(history: History, which: Filter) -> None:
    """The rate of anomalies by day, or by hour while all is of one or two days; worked out once it is unfolded."""
    with st.expander("Rate of anomalies over time", on_change="rerun", key="rate_open") as shown:
        if not shown.open:
            return
        from core.figures.history import anomaly_rate

        east = local_time.seconds_east()
        periods, unit = history.anomalies_over_time(which, step=DAY, seconds_east=east), "day"
        if 0 < len(periods) < 3:
            periods, unit = history.anomalies_over_time(which, step=HOUR, seconds_east=east), "hour"
        if periods:
            picture.chart(anomaly_rate(periods, local_time.zone()), "rate", f"Share of anomalies by {unit}")
        st.caption(f"By {unit}; the bars are 95 % intervals: wide where few digits were judged.")


def export_and_delete(history: History, which: Filter, shown: int, everything: int) -> None:
    """Take the verdicts shown away as a table; delete those or all of them."""
    st.download_button(
        f"Export {shown:,} as CSV",
        lambda: _csv(history, which),
        "odd-digit-history.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        disabled=not shown,
    )
    if which != EVERYTHING:
        rows.delete(history, which, f"Delete these {shown:,}", "delete-shown", disabled=not shown)
    rows.delete(history, EVERYTHING, f"Delete all {everything:,}", "delete-all")


def sample(history: History, which: Filter) -> Filter:
    """Let a person ask for a random sample to review; returns what is to be shown then, else ``which``.

    The sample is drawn whatever the verdicts and marks are: a sample of anomalies says nothing about normal digits.
    """
    with st.expander("Calibrate a model on these digits"):
        st.markdown(
            "A model's promise, so many false alarms in 100 normal digits, holds for the writers it was calibrated on."
            " To make it hold for yours, review a **random sample** to its end: marks given where you happened to look"
            " are mostly on verdicts that looked wrong, and would bend the promise."
        )
        on = st.toggle("Show a random sample to review", key="review", bind="query-params")
        size = st.number_input("Verdicts in the sample", 20, 10_000, SAMPLE, 10, key="sample", bind="query-params")
    if not on:
        return which
    if which.model is None:
        st.info("To review a random sample, choose the model above.", icon=":material/arrow_upward:")
        return which
    ids = history.draw_sample(int(size), SEED, replace(which, class_id=None, mark=None))
    return replace(which, class_id=None, ids=ids)


def review_sample(history: History, which: Filter) -> None:
    """How far the review is; at its end, the way to a model calibrated on its normal digits."""
    if which.ids is None or which.model is None:
        return
    try:
        reviewed = review(history.each(Filter(ids=which.ids)), registry.card(which.model, visitor()).normal)
        _progress(reviewed)
        _make(reviewed, which.model)
    except HistoryError:
        raise
    except OddDigitError as error:
        chrome.refuse(error)


def what_is_kept(history: History) -> None:
    """What is kept and where, said plainly."""
    where = "on this server" if settings.shared_server() else f"in `{history.path}`"
    st.caption(
        f"Kept {where}: the 28 × 28 digit, when, from where (the name of an upload), by which model and"
        " line, its scores, and your marks. Never the picture itself. The same digit judged the same way is one row;"
        " a drawing is one row that follows its strokes. What you delete can be brought back until you delete again,"
        " for a day at most; then it is gone."
    )
    usage.show()


def _progress(reviewed: Review) -> None:
    text = f"Random sample: {reviewed.marked:,} of {reviewed.drawn:,} marked"
    if reviewed.unlabelled:
        text += f"; {len(reviewed.unlabelled):,} normal digits still need “it was …”"
    st.progress(reviewed.marked / reviewed.drawn if reviewed.drawn else 0.0, text)


def _make(reviewed: Review, model: str) -> None:
    if not reviewed.complete:
        st.caption("When all are marked, the normal digits among them become the yardstick of a new model.")
        return
    if not len(reviewed.images):
        st.info("There is no normal digit in this sample to calibrate on.", icon=":material/info:")
        return
    detector = picker.detector(model)
    calibration_set.look_over(detector, reviewed.names, reviewed.images, reviewed.labels)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Name of the new model", f"{model}-mine", key="calibrated_name", width=240)
        what = f"Calibrate on {len(reviewed.images):,} normal digits"
        act = (rows.PLACE, _calibrate, detector, reviewed)
        st.button(what, key="calibrate", type="primary", on_click=presses.attempt, args=act)
    if made := st.session_state.pop(_MADE, None):
        st.success(f"{plain(made)} is ready: choose it wherever a model is chosen.", icon=":material/check_circle:")


def _calibrate(detector: "Detector", reviewed: Review) -> None:
    name = st.session_state["calibrated_name"]
    made = detector.calibrated(reviewed.images, reviewed.labels, name, "the writers of a reviewed history")
    registry.add(made.state_, name, visitor())
    st.session_state[_MADE] = name


def _csv(history: History, which: Filter) -> bytes:
    """The table with the mark that tells spreadsheets it is UTF-8."""
    file = io.StringIO(newline="")
    export_csv(history.each(which), file)
    return file.getvalue().encode("utf-8-sig")


def _numbers(counts: Counts) -> str:
    return f"{counts.judged:,}, {counts.anomalies:,} anomal{'y' if counts.anomalies == 1 else 'ies'}"
