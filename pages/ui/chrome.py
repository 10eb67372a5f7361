"""What every page starts with: its title in the browser and at the top, and the way between the pages."""

from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from core import paths
from core.detector.state import Measured
from core.files.atomic import why_not
from core.views.weakness import weaknesses
from pages.ui import component, presses
from pages.ui.text import plain

NAME = "Odd Digit Out"
LOGO, ICON = (paths.ASSETS / name for name in ("logo.svg", "icon.svg"))
FIRST = "Draw"
_presses = component.declare("presses")


def page(title: str, lead: str) -> None:
    """Set the page up and draw its heading.

    Args:
        title: the page's name.
        lead: one sentence that says what the page is for.
    """
    presses.arrive(title)
    st.set_page_config(
        page_title=f"{title} · {NAME}" if title != NAME else NAME,
        page_icon=str(ICON),
        layout="wide",
        initial_sidebar_state="collapsed",
    )
    st.logo(str(LOGO), size="large")
    _navigation(title)
    with st.container(key="name" if title == NAME else "title"):
        st.title(title, anchor=False)
    st.caption(lead)
    if trouble := why_not(paths.state_dir()):
        st.warning(
            f"{plain(trouble)} Digits are judged all the same, but no verdict, model, training or batch can be kept.",
            icon=":material/lock:",
        )


def link(path: str, label: str, icon: str | None = None, **query: str) -> None:
    """A link to another page, which the browser follows by itself: no redrawing of this page can get in its way."""
    # A page that was started on its own, without the others, has nowhere to lead to.
    with suppress(StreamlitPageNotFoundError):
        st.page_link(path, label=label, icon=icon, width="content", query_params=query or None)


def refuse(error: Exception) -> None:
    """Say an error that was written for people."""
    st.error(plain(error), icon=":material/error:")


def weak(measured: Measured, said: str = "is weak") -> bool:
    """Say what is weak about a model and what helps; False where nothing is."""
    *why, remedy = map(plain, weaknesses(measured) or [""])
    if why:
        text = f"**{plain(measured.card.name)}** {said}. {' '.join(why)} **{remedy}**"
        st.warning(text, icon=":material/trending_down:")
    return bool(why)


def failed(where: str) -> None:
    """Say what went wrong there with what was pressed."""
    if error := presses.failed(where):
        refuse(error)


def _navigation(title: str) -> None:
    """The pages in a row; Streamlit's own list in the sidebar would take a fifth of the window."""
    pages = {FIRST: "dashboard.py"}
    for file in sorted((paths.ROOT / "pages").glob("[0-9]_*.py")):
        pages[file.stem.split("_", 1)[1].replace("_", " ")] = f"pages/{file.name}"
    with st.container(horizontal=True, gap="small", key="navigation"):
        for label, path in pages.items():
            link(path, label)
        _presses(key="presses", data=title, width="content")
