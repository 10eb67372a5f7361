"""The bar above the history: which verdicts are shown, exported and deleted."""

from datetime import date, timedelta

import streamlit as st

from core.history import Filter, History
from pages.ui import local_time

VERDICTS = {"anomaly": 1, "normal": 0}
MARKS = {"unmarked": "none", "marked right": "right", "marked wrong": "wrong"}
KINDS = {"canvas": "drawing", "cli": "command line"}


def choose(history: History) -> Filter:
    """Let a person narrow the history down; the choice is in the link and survives a reload."""
    columns = st.columns([2, 2, 2, 2, 3])
    model = columns[0].selectbox(
        "Model", history.models(), None, key="by_model", bind="query-params", placeholder="any"
    )
    verdict = columns[1].selectbox(
        "Verdict", list(VERDICTS), None, key="by_verdict", bind="query-params", placeholder="any"
    )
    source = columns[2].selectbox(
        "Source",
        history.source_kinds(),
        None,
        format_func=say_kind,
        key="by_source",
        bind="query-params",
        placeholder="any",
    )
    mark = columns[3].selectbox("Mark", list(MARKS), None, key="by_mark", bind="query-params", placeholder="any")
    with columns[4].container(horizontal=True, gap="small"):
        since = st.date_input("From", None, key="from_day", bind="query-params", width=130)
        until = st.date_input("To", None, key="to_day", bind="query-params", width=130)
    return Filter(
        model=model,
        class_id=None if verdict is None else VERDICTS[verdict],
        source_kind=source,
        mark=None if mark is None else MARKS[mark],
        since=None if since is None else local_time.midnight(since),
        until=_end_of(until),
    )


def say_kind(kind: str) -> str:
    """A kind of source in plain words."""
    return KINDS.get(kind, kind)


def _end_of(day: date | None) -> float | None:
    return None if day is None else local_time.midnight(day + timedelta(days=1))
