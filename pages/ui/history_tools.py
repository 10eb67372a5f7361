"""What stands around the rows of the history: numbers, the rate over time, export, deleting, and the review sample."""

import io
from dataclasses import replace

import streamlit as st

from core import models
from core.errors import OddDigitError
from core.history import EVERYTHING, Counts, Filter, History
from core.history_export import export_csv
from core.history_review import Review, review
from pages.ui import chrome, history_rows, local_time, picker

DAY, HOUR = 86400.0, 3600.0
SAMPLE = 100
SEED = 0


def summary(counts: Counts, today: Counts) -> None:
    """How much was judged, and what people said of it."""
    marked = f", {counts.marked:,} marked, {counts.wrong:,} of them wrong" if counts.marked else ""
    st.markdown(f"**Today {_numbers(today)}.** In all {_numbers(counts)}{marked}.")


def over_time(history: History, which: Filter) -> None:
    """The rate of anomalies by day, or by hour while all is of one or two days."""
    east = local_time.seconds_east()
    periods, unit = history.anomalies_over_time(which, step=DAY, seconds_east=east), "day"
    if 0 < len(periods) < 3:
        periods, unit = history.anomalies_over_time(which, step=HOUR, seconds_east=east), "hour"
    with st.expander("Rate of anomalies over time", on_change="rerun", key="rate_open") as shown:
        if shown.open and periods:
            from core.figures_history import anomaly_rate

            st.plotly_chart(
                anomaly_rate(periods, local_time.zone()),
                key="rate",
                config={"displayModeBar": False},
                alt=f"Share of anomalies by {unit}",
            )
            st.caption(f"By {unit}; the bars are 95 % intervals: wide where few digits were judged.")


def export_and_delete(history: History, which: Filter, shown: int, everything: int) -> None:
    """Take the verdicts shown away as a table; delete the chosen, the shown or all of them."""
    chosen = tuple(
        int(str(key).removeprefix("chosen-"))
        for key, value in st.session_state.items()
        if value and str(key).startswith("chosen-")
    )
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            f"Export {shown:,} as CSV",
            lambda: _csv(history, which),
            "odd-digit-history.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not shown,
        )
        if chosen:
            history_rows.delete(history, Filter(ids=chosen), f"Delete the {len(chosen)} chosen", "delete-chosen")
        if which != EVERYTHING:
            history_rows.delete(history, which, f"Delete these {shown:,}", "delete-shown", disabled=not shown)
        history_rows.delete(history, EVERYTHING, f"Delete all {everything:,}", "delete-all")


def sample(history: History, which: Filter) -> Filter:
    """Let a person review a random sample and calibrate a model on it; returns what is to be shown then."""
    with st.expander("Calibrate a model on what was judged here"):
        st.markdown(
            "A model's promise, so many false alarms in 100 normal digits, holds for the writers it was calibrated on."
            " To make it hold for yours, review a **random sample** to its end: marks given where you happened to look"
            " are mostly on verdicts that looked wrong, and would bend the promise."
        )
        if not st.toggle("Review a random sample", key="review", bind="query-params"):
            return which
        if which.model is None:
            st.info("Choose the model above first.", icon=":material/arrow_upward:")
            return which
        size = st.number_input("Verdicts in the sample", 20, 10_000, SAMPLE, 10, key="sample", bind="query-params")
        drawn_from = replace(which, class_id=None, mark=None)
        ids = history.draw_sample(int(size), SEED, drawn_from)
        try:
            normal = models.card(which.model).normal
            found = review(history.each(Filter(ids=ids)), normal)
            _progress(found)
            _make(found, which.model)
        except OddDigitError as error:
            chrome.refuse(error)
        return replace(which, ids=ids)


def what_is_kept(history: History) -> None:
    """What is kept and where, said plainly."""
    st.caption(
        f"Kept in `{history.path}`: the 28 × 28 digit, when, from where (the name of an upload), by which model and"
        " line, its scores, and your marks. Never the picture itself. The same digit judged the same way is one row;"
        " a drawing is one row that follows its strokes. What you delete can be brought back until you delete again,"
        " for a day at most; then it is gone."
    )


def _progress(found: Review) -> None:
    text = f"{found.marked:,} of {found.drawn:,} marked"
    if found.unlabelled:
        text += f"; {len(found.unlabelled):,} normal digits still need “it was a …”"
    st.progress(found.marked / found.drawn if found.drawn else 0.0, text)


def _make(found: Review, model: str) -> None:
    if not found.complete:
        st.caption("When all are marked, the normal digits among them become the yardstick of a new model.")
        return
    name = st.text_input("Name of the new model", f"{model}-mine", key="calibrated_name")
    label = f"Calibrate on {len(found.images):,} normal digits"
    if st.button(label, type="primary", icon=":material/straighten:", disabled=not len(found.images)):
        place = models.place_for(name)
        detector = picker.detector(model)
        detector.calibrated(found.images, found.labels, name, "the writers of a reviewed history").save(place)
        st.success(f"{name} is ready: choose it wherever a model is chosen.", icon=":material/check_circle:")


def _csv(history: History, which: Filter) -> bytes:
    """The table with the mark that tells spreadsheets it is UTF-8."""
    file = io.StringIO(newline="")
    export_csv(history.each(which), file)
    return file.getvalue().encode("utf-8-sig")


def _numbers(counts: Counts) -> str:
    return f"{counts.judged:,}, {counts.anomalies:,} anomal{'y' if counts.anomalies == 1 else 'ies'}"
