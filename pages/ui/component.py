"""Own pieces of a page that follow the hand without waiting for Python: HTML, CSS and JavaScript from ``assets``."""

from typing import Any

import streamlit as st

from core import paths


def declare(name: str) -> Any:
    """The component whose files lie in ``assets/NAME`` as ``NAME.html``, ``NAME.css`` and ``NAME.js``."""
    html, css, js = (
        (paths.ASSETS / name / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")
    )
    return st.components.v2.component(f"odd_digit_{name}", html=html, css=css, js=js)
