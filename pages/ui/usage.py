"""What a visitor of a shared server keeps there, of how much, and what to delete where that is nearly all."""

import streamlit as st

from core import quota, settings
from core.errors import HistoryError
from core.history import History
from pages.ui import chrome
from pages.ui.visitor import visitor


def show() -> None:
    """In a line; nothing on one's own machine, where there are no quotas."""
    if not settings.shared_server():
        return
    try:
        usage = quota.usage(visitor(), History(visitor=visitor()).count().judged)
    except HistoryError as error:
        chrome.refuse(error)
        return
    st.caption(usage.say())
    if remedy := usage.remedy():
        st.warning(remedy, icon=":material/data_usage:")
