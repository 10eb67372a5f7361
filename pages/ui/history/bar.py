"""The bar above the history: which verdicts are shown, exported and deleted."""

from collections.abc import Callable
from datetime import date, timedelta

import streamlit as st

from core.history import Filter, History
from pages.ui import local_time

VERDICTS = {"anomaly": 1, "normal": 0}
MARKS = {"not marked": "none", "right": "right", "wrong": "wrong"}
EARLIEST = date(2020, 1, 1)
KINDS = {"canvas": "drawing", "cli": "command line"}


def choose(history: History) -> Filter:
    """Let a person narrow the history down; the choice is in the link and survives a reload."""
    with st.container(horizontal=True, gap="small", key="history-filters"):
        model = _pick("Model", history.models(), "by_model", width=170)
        verdict = _pick("Verdict", list(VERDICTS), "by_verdict")
        source = _pick("Source", history.source_kinds(), "by_source", say_kind)
        mark = _pick("Mark", list(MARKS), "by_mark")
        days = st.date_input("Days", [], EARLIEST, key="days", bind="query-params", width=232)
    since, until = (*days, None, None)[:2]
    return Filter(
        model=model,
        class_id=None if verdict is None else VERDICTS[verdict],
        source_kind=source,
        mark=None if mark is None else MARKS[mark],
        since=None if since is None else local_time.midnight(since),
        until=None if until is None else local_time.midnight(until + timedelta(days=1)),
    )


def _pick(label: str, options: list[str], key: str, say: Callable[[str], str] = str, width: int = 130) -> str | None:
    return st.selectbox(
        label, options, None, say, key=key, bind="query-params", placeholder="any", width=width, filter_mode=None
    )


def say_kind(kind: str) -> str:
    """A kind of source in plain words."""
    return KINDS.get(kind, kind)
