"""Does it copy? The training digits nearest to the picture of the map, and how near unseen digits come."""

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from core import datasets
from core.datasets import Dataset, uploads
from core.errors import OddDigitError
from core.figures import charts, images
from core.scoring.scorer import Scorer
from core.views import latent_walk, memorization
from core.views.latent_walk import Floats
from core.words import say_share
from pages.ui import chrome, picture
from pages.ui.generator import place
from pages.ui.text import plain
from pages.ui.visitor import visitor

if TYPE_CHECKING:
    from core.detector import Detector


def show(scorer: Scorer, detector: "Detector", digit: str) -> None:
    """Does it copy? The training digits nearest to the picture of the map, and how near unseen digits come."""
    st.subheader("Does it copy?", anchor=False)
    card = detector.card_
    if not memorization.possible(card):
        what = datasets.NAMES[card.dataset].title if card.dataset in datasets.NAMES else "the data it was trained on"
        st.info(
            f"{plain(what)} is not on this machine, so the digits it was trained on cannot be shown beside its own."
        )
        return
    try:
        known = _originals(card.dataset, card.split_seed, digit, visitor(), card)
    except OddDigitError as error:
        chrome.refuse(error)
        return
    image = latent_walk.draw(scorer, place.here(scorer, digit)[None], 1).images[0]
    rows, distance = known.nearest(image)
    drawn = _fresh_distances(scorer, detector.fingerprint, digit, known)
    columns = st.columns([1, 3], gap="large")
    picture.show(images.digit_png(image), "the digit on the map", caption="on the map now", width=140, place=columns[0])
    with columns[1]:
        sheet = images.sheet_png(known.images[rows], len(rows), 4)
        near = "the training digits nearest to it"
        picture.show(sheet, f"{len(rows)} training digits, nearest first", caption=near)
    nearer = float((known.unseen <= distance[0]).mean())
    st.markdown(
        f"On a scale where a copy lies at 0, its nearest training digit is **{distance[0]:.2f}** away. Fresh digits "
        f"lie **{np.median(drawn):.2f}** from theirs (median of {drawn.size}), test digits that it never saw "
        f"**{np.median(known.unseen):.2f}** (median of {known.unseen.size}); "
        f"{say_share(nearer)} of those come as near."
    )
    if not nearer:
        st.caption(
            "So near means that it is nearly that training digit. Around the latents the model remembers, where the "
            "map starts and walks begin and end, the generator redraws its training digits: that is its memory."
        )
    figure = charts.memorisation(drawn, known.unseen, float(distance[0]))
    said = "Distance to the nearest training digit: fresh digits and unseen test digits"
    picture.chart(figure, "copying", said)


@st.cache_resource(max_entries=10, show_spinner="Looking at the training digits…")
def _originals(dataset: str, split_seed: int, digit: str, whose: str, _card: Any) -> memorization.Originals:  # noqa: ARG001
    return memorization.originals(_card, digit, lambda name, part: _load(name, part, whose))


@st.cache_data(max_entries=32, show_spinner=False)
def _fresh_distances(_scorer: Scorer, model: str, digit: str, _known: memorization.Originals) -> Floats:  # noqa: ARG001
    return _known.distances(latent_walk.fresh(_scorer, 0, memorization.COMPARED).images)


@st.cache_resource(max_entries=2, show_spinner=False)
def _load(name: str, part: str, whose: str) -> Dataset:
    return uploads.load(name, part, whose)
