"""The map of the latent space: drag on it and the picture follows; where it is let go stands in the link."""

import numpy as np
import streamlit as st

from core.scoring.scorer import Scorer
from core.views import latent_walk
from core.views.latent_walk import Drawn, Floats
from core.words import say_share
from pages.ui.generator import place, walker

_DIRECTIONS = {f"{2 * i + 1} and {2 * i + 2}": (2 * i, 2 * i + 1) for i in range(4)}
_EXPLAIN = (
    "A latent is the short list of numbers that the generator draws a digit from. Its principal directions are those "
    "along which the latents of the training digits differ most."
)


def show(scorer: Scorer, model: str, digit: str, through: Floats) -> None:
    """The live map: drag and the picture follows."""
    st.subheader("A map to walk on", anchor=False, help=_EXPLAIN)
    name = st.segmented_control(
        "Principal directions", list(_DIRECTIONS), default="1 and 2", key="directions", required=True
    )
    drawn = _plane(scorer, model, digit, through.tobytes(), _DIRECTIONS[name])
    of = f"{model} {digit} {name} {latent_walk.to_text(through)}"
    x, y = st.session_state.get("map_place", {}).get(of, (latent_walk.SIDE // 2, latent_walk.SIDE // 2))
    names = {"x": f"direction {_DIRECTIONS[name][0] + 1}", "y": f"direction {_DIRECTIONS[name][1] + 1}"}

    def take() -> None:
        let_go = st.session_state["map"].get("place") or {}
        if let_go.get("of") != of:
            return
        x, y = float(let_go["x"]), float(let_go["y"])
        st.session_state["map_place"] = {of: (x, y)}
        place.let_go(digit, drawn.at(x, y), through)

    title = "Map of the latent space"
    walker.show(key="map", drawn=drawn, of=of, title=title, names=names, place=(x, y), take=take)
    st.caption(
        f"Drag on the map or move the sliders. These two directions hold {say_share(drawn.held)} of the variation of "
        "the training digits' latents. Towards its edges the map bends to where those lie: there are digits everywhere."
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _plane(_scorer: Scorer, model: str, digit: str, through: bytes, directions: tuple[int, int]) -> Drawn:  # noqa: ARG001
    return latent_walk.plane(_scorer, np.frombuffer(through, np.float32), directions)
