"""What every page starts with: its title in the browser and at the top, and the way between the pages."""

import streamlit as st

from core import paths

NAME = "Odd Digit Out"
LOGO, ICON, STYLE = (paths.ROOT / "assets" / name for name in ("logo.svg", "icon.svg", "style.html"))


def page(title: str, lead: str) -> None:
    """Set the page up and draw its heading.

    Args:
        title: the page's name.
        lead: one sentence that says what the page is for.
    """
    st.set_page_config(page_title=f"{title} · {NAME}" if title != NAME else NAME, page_icon=str(ICON), layout="wide")
    st.logo(str(LOGO), size="large")
    st.html(STYLE)
    st.title(title, anchor=False)
    st.caption(lead)


def refuse(error: Exception) -> None:
    """Say an error that was written for people."""
    st.error(str(error), icon=":material/error:")
