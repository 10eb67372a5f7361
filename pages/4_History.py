"""Everything judged so far: found again, opened again, marked right or wrong, exported and deleted."""

import streamlit as st

from core.errors import HistoryError
from core.history import Filter, History
from pages.ui import chrome, local_time
from pages.ui.history import bar, rows, tools
from pages.ui.visitor import visitor

A_PAGE = 20

chrome.page("What was judged", "Every verdict, with the digit it was given on. Say which were right.")
chrome.failed(rows.PLACE)


def page(history: History) -> None:
    """The page; whatever goes wrong with the history's file is said once, by the caller."""
    counts = history.count()
    today = history.count(Filter(since=local_time.midnight()))
    rows.undo(history)
    if not counts.judged:
        st.info("Nothing here yet: what you draw, upload or photograph is listed here.", icon=":material/draw:")
        with st.container(key="way-on"):
            chrome.link("dashboard.py", "Draw a digit", ":material/draw:")
        tools.what_is_kept(history)
        return
    tools.summary(counts, today)
    which = bar.choose(history)
    left, right = st.columns(2)
    with left:
        tools.over_time(history, which)
    with right:
        which = tools.sample(history, which)
    count = history.count(which)
    tools.review_sample(history, which)
    pages = max(1, -(-count.judged // A_PAGE))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        tools.export_and_delete(history, which, count.judged, everything=counts.judged)
        number = st.pagination(pages, key=f"page-of-{pages}", width=324) if pages > 1 else 1
    rows.show(history, history.browse(which, limit=A_PAGE, offset=(number - 1) * A_PAGE))
    if not count.judged:
        st.info("No verdict matches: widen the choice above.", icon=":material/filter_alt_off:")
    tools.what_is_kept(history)


try:
    page(History(visitor=visitor()))
except HistoryError as error:
    chrome.refuse(error)
    st.button("Try again", icon=":material/refresh:")
