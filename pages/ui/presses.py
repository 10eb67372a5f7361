"""Presses, each taken whole: what one does is done in its callback, before the page is drawn anew or left.

Streamlit lets a newer request end a run wherever it stands, and counts the press that began it as taken. What a button
does where it returns True may never be reached, so nothing acts there.
"""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import OddDigitError
from pages.ui import reruns

PAGE = "page"  # the title of the page that is shown
_FAILED, _OPENED = "failed at", "opened"


def attempt(where: str, work: Callable[..., object], *arguments: object) -> None:
    """Do what a press asks for; what goes wrong is said where the page asks what :func:`failed`."""
    try:
        work(*arguments)
    except (OddDigitError, OSError) as error:
        st.session_state[f"{_FAILED} {where}"] = error


def failed(where: str) -> Exception | None:
    """What went wrong there since this was last asked."""
    error: Exception | None = st.session_state.pop(f"{_FAILED} {where}", None)
    return error


def count(key: str) -> None:
    """Count on what a session counts under that key."""
    st.session_state[key] += 1


def steered(key: str, value: Any, options: Sequence[Any] | None = None, begins: str = "default") -> dict[str, Any]:
    """What makes a widget show a value; one that shows it already is left alone.

    Every value that is set goes to the browser, and undoes there what was pressed before it came.

    Args:
        key: of the widget.
        value: what it is to show.
        options: of a widget that begins with the index of one of them.
        begins: the argument that a new widget begins with.
    """
    if key in st.session_state:
        if st.session_state[key] != value:
            st.session_state[key] = value
        return {"key": key}
    if options is not None:
        return {"key": key, "index": None if value is None else list(options).index(value)}
    return {"key": key, begins: value}


def go(path: str, **query: str) -> None:
    """Have a page opened, with a link's query; a reading that is open is closed, also where that page is this one."""
    st.session_state.pop(_OPENED, None)
    if run := get_script_run_ctx():
        for page, about in run.pages_manager.get_pages().items():
            if about["script_path"].endswith(path):
                reruns.head_for(page, query)
    st.switch_page(path, query_params=query)


def arrive(title: str) -> None:
    """A page begins: a reading that was open on another is closed."""
    run = get_script_run_ctx()
    if st.session_state.get(PAGE) != title or (run and run.is_history_navigation):
        st.session_state.pop(_OPENED, None)  # the browser's way back leads out of a reading, too
    st.session_state[PAGE] = title


def open_reading(of: object) -> None:
    """Have the full reading of something opened; it stays open until it is closed, or its page is left."""
    if not reruns.left_behind():
        st.session_state[_OPENED] = of


def opened() -> Any:
    """What is open; None where nothing is."""
    return st.session_state.get(_OPENED)


def reading(show: Callable[[], None], title: str = "The full reading") -> None:
    """The dialog in which what is open is shown."""
    st.dialog(title, width="medium", on_dismiss=lambda: st.session_state.pop(_OPENED, None))(show)()
