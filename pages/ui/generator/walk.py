"""The live way from one typical digit to another."""

import streamlit as st

from core.scoring.scorer import Scorer
from core.views import latent_walk
from core.views.latent_walk import Drawn
from pages.ui import tiles
from pages.ui.generator import walker


def show(scorer: Scorer, model: str, digit: str) -> None:
    """The live way from one typical digit to another."""
    st.subheader("From one digit to another", anchor=False)
    ends = _typical(scorer, model, digit)
    way = f"{model} {digit}"
    start, end = st.session_state.get("walk_ends", {}).get(way, (0, 1))

    def step(i: int) -> None:
        """The digit that was pressed is where the way leads; where it led before is where it begins."""
        if i != end:
            st.session_state["walk_ends"] = {way: (end, i)}

    says = {start: "from", end: "to"}
    choices = [
        tiles.Tile(i, tiles.picture_of(image), (says.get(i, ""),), f"digit {i + 1} to walk to")
        for i, image in enumerate(ends.images)
    ]
    tiles.show("walk-ends", way, choices, "Digits to walk to", columns=len(choices), chosen=end, press=step)
    drawn = _walk(scorer, model, digit, start, end)
    walker.show(
        "walk",
        drawn,
        f"{model} {digit} {start} {end}",
        "Realism along the walk",
        {"x": "along the way", "y": ""},
        (latent_walk.STEPS // 2, 0),
        lambda: None,
    )
    st.caption(
        "Press a digit to walk on to it. The way is straight through the latent space. Where the curve dips, the "
        "digits between are such as the discriminator has not seen."
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _typical(_scorer: Scorer, model: str, digit: str) -> Drawn:  # noqa: ARG001 - tell generators apart
    typical = latent_walk.typical(_scorer)
    return latent_walk.draw(_scorer, typical, len(typical))


@st.cache_data(max_entries=32, show_spinner=False)
def _walk(_scorer: Scorer, model: str, digit: str, start: int, end: int) -> Drawn:
    ends = _typical(_scorer, model, digit).latents
    return latent_walk.walk(_scorer, ends[start], ends[end])
