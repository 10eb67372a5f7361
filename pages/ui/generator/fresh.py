"""Fresh digits: drawn from latents of the prior, each to be pressed; and what is weak about the generator, in words."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.errors import OddDigitError
from core.operating_point import OperatingPoint
from core.scoring.scorer import Scorer
from core.views import latent_walk, model_table
from core.views.latent_walk import Drawn
from pages.ui import chrome, picker, presses, tiles, verdict
from pages.ui.draw import canvas
from pages.ui.generator import place
from pages.ui.text import plain

if TYPE_CHECKING:
    from core.detector import Detector

_SEED, _CHOSEN = "generator_seed", "generator_chosen"


def show(detector: "Detector", digit: str, point: OperatingPoint) -> None:
    """A sheet of fresh digits, how many of them the detector itself would flag, and what one can do with one."""
    st.subheader("Fresh digits", anchor=False, help="Drawn from random latents: nobody wrote them.")
    seed = st.session_state.setdefault(_SEED, 0)
    drawn = _fresh(detector.scorers_[digit], detector.fingerprint, digit, seed)
    flagged = _flagged(detector, detector.fingerprint, digit, seed, point)
    of = f"{detector.fingerprint} {digit} {seed}"
    kept = st.session_state.get(_CHOSEN)
    chosen = kept[1] if kept is not None and kept[0] == of else None
    tiles.show(
        "fresh",
        of,
        [_tile(drawn, i, bool(odd)) for i, odd in enumerate(flagged)],
        f"{len(flagged)} digits the generator drew",
        columns=8,
        chosen=chosen,
        press=lambda i: st.session_state.update({_CHOSEN: (of, i)}),
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Again", on_click=presses.count, args=(_SEED,))
        if chosen is None:
            st.caption("Press one: walk from it, draw on it, or see how it is judged.", width="stretch")
        else:
            _with_it(digit, point, drawn, chosen, of)
    if chosen is not None and presses.opened() == (of, chosen):
        presses.reading(partial(_reading, detector, point, drawn.images[chosen], chosen))
    real = int((drawn.probability >= 0.5).sum())
    odd = f"{int(flagged.sum())} of them anomalies{': those framed in orange' * bool(flagged.any())}"
    st.caption(
        f"The discriminator takes {real} of these {len(flagged)} for real. With the {picker.say_threshold(point)} the "
        f"whole detector calls {odd}."
    )
    chrome.weak(detector.state_)


def show_card(detector: "Detector", digit: str) -> None:
    """The model's card, line by line."""
    table = pd.DataFrame(model_table.table({detector.card_.name: detector.state_}))
    table.loc[len(table)] = ["fresh latents", latent_walk.say_prior(detector.scorers_[digit])]
    st.table(table.map(plain), hide_index=True, border="horizontal")


def _tile(drawn: Drawn, i: int, odd: bool) -> tiles.Tile:
    alt = f"digit {i + 1}, discriminator {drawn.probability[i]:.2f}{', anomaly' if odd else ''}"
    return tiles.Tile(i, tiles.picture_of(drawn.images[i]), (), alt, "anomaly" if odd else "")


def _with_it(digit: str, point: OperatingPoint, drawn: Drawn, chosen: int, of: str) -> None:
    there, drawing = drawn.latents[chosen], (drawn.images[chosen], f"a fresh {digit}", point)
    st.button("Walk from it", on_click=place.go, args=(there,), key="fresh_go")
    st.button("Draw on it", on_click=_draw_on, args=drawing, key="fresh_draw")
    judged = ((of, chosen),)
    st.button("Judge it", on_click=presses.open_reading, args=judged, key="fresh_judge")


def _draw_on(image: NDArray[np.float32], name: str, point: OperatingPoint) -> None:
    canvas.put_picture(image, name)
    presses.go("dashboard.py", **point.to_query())


def _reading(detector: "Detector", point: OperatingPoint, image: NDArray[np.float32], number: int) -> None:
    try:
        verdict.show(
            detector.inspect(image[None]), 0, point, detector.card_, key=f"fresh-{number}", whose="the fresh digit"
        )
    except OddDigitError as error:
        chrome.refuse(error)


@st.cache_data(max_entries=32, show_spinner=False)
def _fresh(_scorer: Scorer, model: str, digit: str, seed: int) -> Drawn:  # noqa: ARG001 - tell generators apart
    return latent_walk.fresh(_scorer, seed)


@st.cache_data(max_entries=32, show_spinner=False)
def _flagged(
    _detector: "Detector",
    model: str,  # noqa: ARG001 - tells detectors apart
    digit: str,
    seed: int,
    point: OperatingPoint,
) -> NDArray[np.bool_]:
    return latent_walk.flagged(_detector, digit, seed, point)
