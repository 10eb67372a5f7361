"""What every page starts with: its title in the browser and at the top, and the way between the pages."""

import streamlit as st

from core import paths

NAME = "Odd Digit Out"
LOGO = paths.ROOT / "assets" / "logo.svg"


def page(title: str, icon: str, lead: str) -> None:
    """Set the page up and draw its heading.

    Args:
        title: the page's name.
        icon: an emoji for the browser's tab.
        lead: one sentence that says what the page is for.
    """
    st.set_page_config(page_title=f"{title} · {NAME}" if title != NAME else NAME, page_icon=icon, layout="wide")
    st.logo(str(LOGO), size="large")
    st.html(paths.ROOT / "assets" / "style.html")
    st.title(title, anchor=False)
    st.caption(lead)


def refuse(error: Exception) -> None:
    """Say an error that was written for people."""
    text = str(error)
    st.error(text[:1].upper() + text[1:], icon="🚫")
