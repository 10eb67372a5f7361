"""Where one is: which digit's generator, and which of its latents, both in the link."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from core.errors import OddDigitError
from core.scoring.scorer import Scorer
from core.views import latent_walk
from core.views.latent_walk import Floats
from pages.ui import presses
from pages.ui.text import plain

if TYPE_CHECKING:
    from core.detector import Detector

_ANCHOR = "generator_anchor"


def pick_digit(detector: "Detector") -> tuple[str, Scorer]:
    """Which digit's generator: every digit of a model has its own."""
    digits = list(detector.scorers_)
    given = st.query_params.get("digit", digits[0])
    chosen = given if given in digits else digits[0]
    if len(digits) > 1:
        if given != chosen:
            st.warning(f"This model draws no {plain(given)}: here are its {plain(chosen)}s.", icon=":material/warning:")
        st.segmented_control(
            "Draw", digits, required=True, on_change=_take_digit, format_func=plain,
            help="In a model of several digits each has its own generator, so a walk stays within one digit.",
            **presses.steered("generator_digit", chosen),
        )  # fmt: skip
    return chosen, detector.scorers_[chosen]


def latent(scorer: Scorer, digit: str) -> Floats:
    """The latent that the map is laid through: from the link, else that of a typical training digit."""
    size = scorer.settings.latent_size
    given = st.query_params.get("latent", "")
    kept = st.session_state.get(_ANCHOR)
    if kept is not None and kept[0] == (digit, given) and len(kept[1]) == size:
        return np.asarray(kept[1])
    anchor = None
    if given:
        try:
            anchor = latent_walk.from_text(given, size)
        except OddDigitError as error:
            st.warning(f"{plain(error)} The map begins at a typical digit.", icon=":material/warning:")
    if anchor is None:
        anchor = latent_walk.typical(scorer)[0]
    st.session_state[_ANCHOR] = ((digit, given), anchor)
    return anchor


def here(scorer: Scorer, digit: str) -> Floats:
    """The latent where the thumb was last let go."""
    given = st.query_params.get("latent", "")
    try:
        return latent_walk.from_text(given, scorer.settings.latent_size)
    except OddDigitError:
        return latent(scorer, digit)


def go(there: Floats) -> None:
    """Lay the map through a latent."""
    st.query_params["latent"] = latent_walk.to_text(there)


def let_go(digit: str, there: Floats, through: Floats) -> None:
    """Remember where the thumb was let go, on a map that stays laid through the latent it was laid through."""
    link = latent_walk.to_text(there)
    st.query_params["latent"] = link
    st.session_state[_ANCHOR] = ((digit, link), through)


def _take_digit() -> None:
    st.query_params["digit"] = st.session_state["generator_digit"]
    if "latent" in st.query_params:
        del st.query_params["latent"]
