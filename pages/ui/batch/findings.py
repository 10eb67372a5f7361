"""A judged pile: the answer in a line, the oddest first as pictures or as a table, charts, and files to take away."""

import io
from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.batch import corrections, export, queue, second_opinions
from core.batch.findings import SHOWN, Review, Rule, Summary, say_expected
from core.batch.store import Store
from core.detector import registry
from core.errors import OddDigitError
from core.figures import batch
from pages.ui import chrome, picture, presses
from pages.ui.batch import watch
from pages.ui.batch.rows import PLACE, gallery, opened, refused, table
from pages.ui.text import plain
from pages.ui.visitor import visitor

WORDS = {kind: kind for kind in SHOWN} | {
    "doubted": "passed, read otherwise",
    "mislabelled": "probably mislabelled",
}
GALLERY, TABLE, CHARTS = "Gallery", "Table", "Charts"
A_GALLERY, A_TABLE = 48, 100
SECONDS = 3.0  # between two looks at a batch that is still judged
_OTHERWISE = "To choose otherwise for one, give it to Upload on the first page."


def show(store: Store, decides: Rule) -> None:
    """Everything about a batch; the threshold may still be moved. While it is judged, the oddest so far."""
    job = store.job
    if queue.of_server().standing(store).state.busy:
        st.fragment(_so_far, run_every=SECONDS)(store, decides)
        return
    review = reviewed(store, decides)
    st.markdown(f"### {headline(review.summary)}")
    if review.summary.judged:
        st.caption(say_expected(review))
    if review.rule != decides:
        here = job.point.model in {model.name for model in registry.models(visitor())}
        how = ": choose those above to move the line" if here else ", which is no longer here: the line stays"
        said = f"Judged by {plain(job.point.model)}, {job.point.evidence}{how}."
        st.caption(f"{said} What stands above is for the next pile.")
    for note in store.notes:
        st.caption(plain(f"{note} {_OTHERWISE}" if note.kind else note.text))
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="take-away"):
        _exports(review)
        with st.popover("What the columns say", icon=":material/help:"):
            st.markdown(export.explained())
        watch.delete(store)
    _look_through(review)


def _so_far(store: Store, decides: Rule) -> None:
    """The oddest of what has been judged so far. Nothing else: what is drawn anew all the time is not to be pressed."""
    try:
        review = reviewed(store, decides)
        st.markdown(f"### The first {headline(review.summary)}")  # while the bar above is further on already
        st.caption("The oddest so far; press one for its full reading. Files to take away come when all are judged.")
        gallery(review, review.order("all")[:A_GALLERY], "all")
        opened(review)
    except OddDigitError as error:
        chrome.refuse(error)


@st.fragment
def _look_through(review: Review) -> None:
    """The rows a person asks for; on its own, so that turning pages neither waits for the page nor renews the files."""
    try:
        chrome.failed(PLACE)
        shown, rows = _choose(review)
        view = st.segmented_control(
            "View", [GALLERY, TABLE, CHARTS], default=GALLERY, key="view", required=True, label_visibility="collapsed"
        )
        if view == CHARTS:
            _charts(review)
        elif not len(rows):
            which = "" if shown == "all" else f"{WORDS[shown]} "
            st.info(f"No {which}digit here.", icon=":material/done_all:")
        elif shown == "refused":
            refused(review, _page(rows, A_TABLE))
        elif view == TABLE:
            table(review, _page(rows, A_TABLE))
        else:
            _corrected(review)
            gallery(review, _page(rows, A_GALLERY), shown)
        opened(review)
    except OddDigitError as error:
        chrome.refuse(error)


def headline(summary: Summary) -> str:
    """The pile in one line.

    >>> headline(Summary(10_003, 10_000, 3, 412, 500.0, 0, 0, 0)), headline(Summary(2, 0, 2, 0, 0.0, 0, 0, 0))
    ('10,000 digits · 412 flagged · 3 refused', 'No digit could be read · 2 refused')
    """
    if not summary.judged:
        return f"No digit could be read · {summary.refused:,} refused"
    parts = [f"{summary.judged:,} digit{'s' * (summary.judged != 1)}", f"{summary.flagged:,} flagged"]
    if summary.doubted:
        parts.append(f"{summary.doubted:,} passed, but read otherwise")
    if summary.refused:
        parts.append(f"{summary.refused:,} refused")
    if summary.labelled:
        parts.append(f"{summary.mislabelled:,} probably mislabelled")
    return " · ".join(parts)


def _corrected(review: Review) -> None:
    """What was set right so far, to take away; before that, how it is done."""
    right = corrections.read(review.store)
    if not right:
        st.container(key="by-keys").caption(
            "Press a digit for its full reading. With the keyboard: arrow keys choose one, a digit sets its label "
            "right, x says that it is no digit, space that its label is right, backspace takes that back."
        )
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        changed = corrections.changed(review, right)
        left = len(set(review.order("mislabelled").tolist()) - right.keys())
        more = f"; {left:,} of the probably mislabelled left" if left else ""
        st.markdown(
            f"**{changed:,} label{'s' * (changed != 1)} corrected**, {len(right) - changed:,} found right{more}.",
            width="content",
        )
        st.download_button(
            "The corrected set, zip",
            partial(_made, partial(corrections.write_zip, corrections=right), review),
            f"{_stem(review.store)}-corrected.zip",
            "application/zip",
            key=f"corrected-{len(right)}-{changed}",
            icon=":material/download:",
            on_click="ignore",
            help="Every digit in a folder named after its right label, and a table of all labels: hand it in again, "
            "or train on it.",
        )


def reviewed(store: Store, decides: Rule) -> Review:
    """A batch under the rule that stands above, or under its own where another model or evidence has judged it."""
    job = store.job
    same = (decides.point.model, decides.point.evidence) == (job.point.model, job.point.evidence)
    rule = decides if same else Rule(job.point, job.rate)
    return _review(str(store.folder), (store.done[1], second_opinions.given(store)), repr(rule), rule, store)


@st.cache_resource(max_entries=6, show_spinner="Looking through the batch…")
def _review(folder: str, rows: tuple[int, bool], rule: str, _rule: Rule, _store: Store) -> Review:  # noqa: ARG001 - tell versions apart
    return Review(_store, _rule)


def _choose(review: Review) -> tuple[str, NDArray[np.int64]]:
    """Which rows to look at: returns the kind and the rows, oddest first."""
    summary = review.summary
    counts = {"all": summary.rows} | {kind: getattr(summary, kind) for kind in SHOWN if kind != "all"}
    kinds = [kind for kind in SHOWN if counts[kind] or (kind in ("flagged", "all") and summary.judged)]
    kind = st.session_state.get("shown_kind")
    if kind not in kinds:
        kind = "flagged" if summary.flagged else "all" if summary.judged else "refused"
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="filters"):
        shown = st.segmented_control(
            "Show",
            kinds,
            required=True,
            format_func=lambda kind: f"{WORDS[kind]} {counts[kind]:,}",
            **presses.steered("shown_kind", kind),
        )
        label = None
        if review.label_names:
            label = st.selectbox("Label", review.label_names, None, key="shown_label", placeholder="any", width=130)
        text = st.text_input("Name contains", key="shown_text", width=190)
    kind = shown or "all"
    return kind, review.order(kind, label, text)


def _page(rows: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    pages = -(-len(rows) // size)
    number = st.pagination(pages, key=f"rows-{pages}-{size}") if pages > 1 else 1
    return rows[(number - 1) * size : number * size]


def _exports(review: Review) -> None:
    """The findings as files, made only when they are asked for."""
    key = f"{review.store.folder.name}-{review.rule}"
    for label, name, kind, make in (
        ("CSV", ".csv", "text/csv", _csv),
        ("Parquet", ".parquet", "application/vnd.apache.parquet", export.write_parquet),
        (f"{review.summary.flagged:,} flagged, zip", "-flagged.zip", "application/zip", _zip),
    ):
        if make is _zip and not review.summary.flagged:
            continue
        st.download_button(
            label,
            partial(_made, make, review),
            f"{_stem(review.store)}{name}",
            kind,
            key=f"batch{name}-{key}",
            icon=":material/download:",
            on_click="ignore",
        )


def _stem(store: Store) -> str:
    """What files of a batch are called: after the batch, so that two of them do not take each other's place."""
    return export.safe_name(store.job.title.rsplit(".", 1)[0], "batch")


def _made(write: Callable[[Review, io.BytesIO], None], review: Review) -> bytes:
    buffer = io.BytesIO()
    write(review, buffer)
    return buffer.getvalue()


def _csv(review: Review, file: io.BytesIO) -> None:
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    export.export_csv(review, text)
    text.detach()


def _zip(review: Review, file: io.BytesIO) -> None:
    export.write_zip(review, file, review.order("flagged"))


def _charts(review: Review) -> None:
    st.caption("Of the whole pile, whatever is chosen above.")
    left, right = st.columns(2)
    if review.judged.any():
        chart = batch.scores(review.calibration.scores, review.score[review.judged], review.threshold)
        picture.chart(chart, "pile-scores", "Scores of the pile and of normal digits", left)
    if review.label_names:
        chart = batch.by_label(review.label, review.flagged, review.labels.mislabelled)
        picture.chart(chart, "pile-labels", "Share flagged and mislabelled by label", right)
