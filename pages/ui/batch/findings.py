"""A judged pile: the answer in a line, the oddest first as pictures or as a table, charts, and files to take away."""

import io
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.batch import export, queue
from core.batch.findings import SHOWN, Review, Rule, Summary
from core.batch.store import Store
from core.errors import OddDigitError
from core.figures import batch
from pages.ui import chrome
from pages.ui.batch import watch
from pages.ui.batch.rows import gallery, table
from pages.ui.text import plain

WORDS = {"flagged": "flagged", "mislabelled": "probably mislabelled", "refused": "refused", "all": "all"}
GALLERY, TABLE, CHARTS = "Gallery", "Table", "Charts"
A_GALLERY, A_TABLE = 48, 100
SECONDS = 5.0  # between two looks at a batch that is still judged
_PLAIN = {"displayModeBar": False}


def show(store: Store, decides: Rule) -> None:
    """Everything about a batch; the threshold may still be moved. While it is judged, what there is so far."""
    every = SECONDS if queue.of_server().state(store).busy else None
    st.fragment(_show, run_every=every)(store, decides)


def _show(store: Store, decides: Rule) -> None:
    job = store.job
    same = (decides.point.model, decides.point.evidence) == (job.point.model, job.point.evidence)
    mine = decides if same else Rule(job.point, job.rate)
    review = _review(str(store.folder), store.done[1], repr(mine), mine)
    st.markdown(f"### {headline(review.summary, mine)}")
    if not same:
        st.caption(f"Judged by {plain(job.point.model)}, {job.point.evidence}: choose those above to move the line.")
    for note in store.notes:
        st.caption(plain(note))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        _exports(review, mine)
        watch.delete(store)
    _look_through(review)


@st.fragment
def _look_through(review: Review) -> None:
    """The rows a person asks for; on its own, so that turning pages neither waits for the page nor renews the files."""
    try:
        shown, rows = _choose(review)
        view = st.segmented_control(
            "View", [GALLERY, TABLE, CHARTS], default=GALLERY, key="view", required=True, label_visibility="collapsed"
        )
        if view == CHARTS:
            _charts(review)
        elif not len(rows):
            which = "" if shown == "all" else f"{WORDS[shown]} "
            st.info(f"No {which}digit here.", icon=":material/done_all:")
        elif view == TABLE or shown == "refused":
            table(review, _page(rows, A_TABLE))
        else:
            gallery(review, _page(rows, A_GALLERY), shown)
    except OddDigitError as error:
        chrome.refuse(error)


def headline(summary: Summary, decides: Rule) -> str:
    """The pile in one line.

    >>> from core.operating_point import OperatingPoint
    >>> headline(Summary(10_003, 10_000, 3, 412, 500.0, 0, 0, 0), Rule(OperatingPoint()))
    '10,000 digits · 412 flagged (about 500 expected if all were normal) · 3 refused'
    """
    if decides.rate is None:
        expected = f"about {summary.expected:,.0f} expected if all were normal"
    elif summary.flagged:
        expected = f"at most about {max(1, np.ceil(summary.expected)):,.0f} of them normal"
    else:
        expected = f"none can be with a rate of {100 * decides.rate:g} %"
    parts = [f"{summary.judged:,} digit{'s' * (summary.judged != 1)}", f"{summary.flagged:,} flagged ({expected})"]
    if summary.refused:
        parts.append(f"{summary.refused:,} refused")
    if summary.labelled:
        parts.append(f"{summary.mislabelled:,} probably mislabelled")
    return " · ".join(parts)


@st.cache_resource(max_entries=6, show_spinner="Looking through the batch…")
def _review(folder: str, rows: int, rule: str, _rule: Rule) -> Review:  # noqa: ARG001 - rows and rule tell versions apart
    return Review(Store(Path(folder)), _rule)


def _choose(review: Review) -> tuple[str, NDArray[np.int64]]:
    """Which rows to look at: returns the kind and the rows, oddest first."""
    summary = review.summary
    counts = {"flagged": summary.flagged, "mislabelled": summary.mislabelled, "refused": summary.refused}
    counts["all"] = summary.rows
    kinds = [kind for kind in SHOWN if counts[kind] or kind in ("flagged", "all")]
    if st.session_state.get("shown_kind") not in kinds:
        st.session_state["shown_kind"] = "flagged" if summary.flagged else "all"
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        shown = st.segmented_control(
            "Show", kinds, key="shown_kind", required=True, format_func=lambda kind: f"{WORDS[kind]} {counts[kind]:,}"
        )
        label = None
        if review.label_names:
            label = st.selectbox("Label", review.label_names, None, key="shown_label", placeholder="any", width=130)
        text = st.text_input("Name contains", key="shown_text", width=220)
    kind = shown or "all"
    return kind, review.order(kind, label, text)


def _page(rows: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    pages = -(-len(rows) // size)
    number = st.pagination(pages, key=f"rows-{pages}-{size}") if pages > 1 else 1
    return rows[(number - 1) * size : number * size]


def _exports(review: Review, decides: Rule) -> None:
    """The findings as files, made only when they are asked for."""
    key = f"{review.store.folder.name}-{decides}"
    for label, name, kind, make in (
        ("CSV", "batch.csv", "text/csv", _csv),
        ("Parquet", "batch.parquet", "application/vnd.apache.parquet", _parquet),
        (f"{review.summary.flagged:,} flagged, zip", "flagged.zip", "application/zip", _zip),
    ):
        st.download_button(
            label,
            partial(make, review),
            name,
            kind,
            key=f"{name}-{key}",
            icon=":material/download:",
            on_click="ignore",
        )


def _csv(review: Review) -> bytes:
    text = io.StringIO(newline="")
    export.export_csv(review, text)
    return text.getvalue().encode()


def _parquet(review: Review) -> bytes:
    buffer = io.BytesIO()
    export.write_parquet(review, buffer)
    return buffer.getvalue()


def _zip(review: Review) -> bytes:
    buffer = io.BytesIO()
    export.write_zip(review, buffer, review.order("flagged"))
    return buffer.getvalue()


def _charts(review: Review) -> None:
    left, right = st.columns(2)
    if review.judged.any():
        chart = batch.scores(review.calibration.scores, review.score[review.judged], review.threshold)
        left.plotly_chart(chart, key="pile-scores", config=_PLAIN, alt="Scores of the pile and of normal digits")
    if review.label_names:
        chart = batch.by_label(review.label, review.flagged, review.labels.mislabelled)
        right.plotly_chart(chart, key="pile-labels", config=_PLAIN, alt="Share flagged and mislabelled by label")
