"""The pieces of the generator page: where one is in the latent space, the live map and walk, and the nearest originals.

The browser gets all pictures of a map or a walk as one sprite, so that they follow the thumb while it moves; the place
where it is let go comes back and stands in the link.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from core import datasets
from core.datasets import Dataset, uploads
from core.errors import OddDigitError
from core.figures import charts, images
from core.operating_point import OperatingPoint
from core.scoring.scorer import Scorer
from core.views import latent_walk, memorization, model_table
from core.views.latent_walk import Drawn, Floats
from pages.ui import chrome, component, picker, picture
from pages.ui.text import plain
from pages.ui.visitor import visitor

if TYPE_CHECKING:
    from core.detector import Detector

_component = component.declare("walker")
_DIRECTIONS = {f"{2 * i + 1} and {2 * i + 2}": (2 * i, 2 * i + 1) for i in range(4)}
_ANCHOR, _SEED = "generator_anchor", "generator_seed"
_EXPLAIN = (
    "A latent is the short list of numbers that the generator draws a digit from. Its principal directions are those "
    "along which the latents of the training digits differ most."
)


def pick_digit(detector: "Detector") -> tuple[str, Scorer]:
    """Which digit's generator: every digit of a model has its own."""
    digits = list(detector.scorers_)
    given = st.query_params.get("digit", digits[0])
    chosen = given if given in digits else digits[0]
    if len(digits) > 1:
        st.session_state["generator_digit"] = chosen
        st.segmented_control(
            "Draw", digits, key="generator_digit", required=True, on_change=_take_digit, format_func=plain,
            help="In a model of several digits each has its own generator, so a walk stays within one digit.",
        )  # fmt: skip
    return chosen, detector.scorers_[chosen]


def latent(scorer: Scorer, digit: str) -> Floats:
    """The latent that the map is laid through: from the link, else that of a typical training digit."""
    size = scorer.settings.latent_size
    given = st.query_params.get("latent", "")
    kept = st.session_state.get(_ANCHOR)
    if kept is not None and kept[0] == (digit, given) and len(kept[1]) == size:
        return np.asarray(kept[1])
    found = None
    if given:
        try:
            found = latent_walk.from_text(given, size)
        except OddDigitError as error:
            st.warning(plain(error), icon=":material/warning:")
    if found is None:
        found = latent_walk.typical(scorer)[0]
    st.session_state[_ANCHOR] = ((digit, given), found)
    return found


def here(scorer: Scorer, digit: str) -> Floats:
    """The latent where the thumb was last let go."""
    given = st.query_params.get("latent", "")
    try:
        return latent_walk.from_text(given, scorer.settings.latent_size)
    except OddDigitError:
        return latent(scorer, digit)


def show_map(scorer: Scorer, model: str, digit: str, through: Floats) -> None:
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
        place = st.session_state["map"].get("place") or {}
        if place.get("of") != of:
            return
        x, y = float(place["x"]), float(place["y"])
        link = latent_walk.to_text(drawn.at(x, y))
        st.query_params["latent"] = link
        st.session_state["map_place"] = {of: (x, y)}
        st.session_state[_ANCHOR] = ((digit, link), through)

    _walker("map", drawn, of, "Map of the latent space", names, (x, y), take)
    st.caption(
        f"Drag on the map or move the sliders. These two directions hold {100 * drawn.held:.0f} % of the variation of "
        "the training digits' latents; in all others the picture stays what it is in the middle."
    )


def fresh(detector: "Detector", digit: str, point: OperatingPoint) -> None:
    """A sheet of digits from random latents, and how many of them the detector itself would flag."""
    st.subheader("Fresh digits", anchor=False, help="Drawn from random latents: nobody wrote them.")
    seed = st.session_state.setdefault(_SEED, 0)
    drawn = _fresh(detector.scorers_[digit], detector.fingerprint, digit, seed)
    sheet = images.sheet_png(drawn.images, 8, 3)
    picture.show(sheet, f"{len(drawn.images)} digits the generator drew", width="stretch")
    real, count = int((drawn.probability >= 0.5).sum()), len(drawn.images)
    flagged = _flagged(detector, detector.fingerprint, digit, seed, point)
    st.caption(
        f"The discriminator takes {real} of these {count} for real. Not all are good digits: with the "
        f"{picker.say_line(point)} the whole detector calls {flagged} of them anomalies."
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.button("Again", icon=":material/refresh:", on_click=_again)
        number = st.number_input(
            "Number on the sheet",
            1,
            len(drawn.images),
            1,
            key="fresh_number",
            help="Counted along the rows, eight in each.",
        )
        st.button("Walk from it", on_click=_go, args=(drawn.latents[number - 1],), key="fresh_go")


def show_walk(scorer: Scorer, model: str, digit: str) -> None:
    """The live way from one typical digit to another."""
    st.subheader("From one digit to another", anchor=False)
    ends = _typical(scorer, model, digit)
    numbers = list(range(1, len(ends.images) + 1))
    with st.container(horizontal=True, gap="small", key="walk-ends"):
        for number, image in zip(numbers, ends.images, strict=True):
            picture.show(
                images.digit_png(image, 3), f"Digit {number} to walk from or to", caption=str(number), width=84
            )
    left, right = st.columns(2)
    start = left.segmented_control("From", numbers, default=1, key="walk_from", required=True)
    end = right.segmented_control("To", numbers, default=2, key="walk_to", required=True)
    drawn = _walk(scorer, model, digit, start - 1, end - 1)
    _walker("walk", drawn, f"{model} {digit} {start} {end}", "Realism along the walk", {"x": "along the way", "y": ""},
            (latent_walk.STEPS // 2, 0), lambda: None)  # fmt: skip
    st.caption(
        "The straight way through the latent space. Where the curve dips, the digits between are such as the "
        "discriminator has not seen."
    )


def show_nearest(scorer: Scorer, detector: "Detector", digit: str) -> None:
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
    image = latent_walk.draw(scorer, here(scorer, digit)[None], 1).images[0]
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
        f"{100 * nearer:.0f} % of those come as near."
    )
    if not nearer:
        st.caption(
            "So near means that it is nearly that training digit. Around the latents the model remembers, where the "
            "map starts and walks begin and end, the generator redraws its training digits: that is its memory."
        )
    figure = charts.memorisation(drawn, known.unseen, float(distance[0]))
    st.plotly_chart(figure, key="copying", config={"displayModeBar": False},
                    alt="Distance to the nearest training digit: fresh digits and unseen test digits")  # fmt: skip


def show_card(detector: "Detector") -> None:
    """The model's card, line by line."""
    table = pd.DataFrame(model_table.table({detector.card_.name: detector.state_}))
    st.table(table.map(plain), hide_index=True, border="horizontal")


def _walker(
    key: str, drawn: Drawn, of: str, title: str, names: dict[str, str], place: tuple[float, float], take: Any
) -> None:
    data = {
        "of": of,
        "title": title,
        "names": names,
        "sprite": images.inline(drawn.sprite()),
        "columns": drawn.columns,
        "rows": len(drawn.images) // drawn.columns,
        "realism": np.round(drawn.probability, 3).tolist(),
        "x": place[0],
        "y": place[1],
    }
    _component(key=key, data=data, on_place_change=take)


@st.cache_data(max_entries=32, show_spinner=False)
def _plane(_scorer: Scorer, model: str, digit: str, through: bytes, directions: tuple[int, int]) -> Drawn:  # noqa: ARG001
    return latent_walk.plane(_scorer, np.frombuffer(through, np.float32), directions)


@st.cache_data(max_entries=32, show_spinner=False)
def _fresh(_scorer: Scorer, model: str, digit: str, seed: int) -> Drawn:  # noqa: ARG001 - tell generators apart
    return latent_walk.fresh(_scorer, seed)


@st.cache_data(max_entries=32, show_spinner=False)
def _flagged(_detector: "Detector", model: str, digit: str, seed: int, point: OperatingPoint) -> int:  # noqa: ARG001
    return latent_walk.flagged(_detector, digit, seed, point)


@st.cache_data(max_entries=32, show_spinner=False)
def _typical(_scorer: Scorer, model: str, digit: str) -> Drawn:  # noqa: ARG001 - tell generators apart
    found = latent_walk.typical(_scorer)
    return latent_walk.draw(_scorer, found, len(found))


@st.cache_data(max_entries=32, show_spinner=False)
def _walk(_scorer: Scorer, model: str, digit: str, start: int, end: int) -> Drawn:
    ends = _typical(_scorer, model, digit).latents
    return latent_walk.walk(_scorer, ends[start], ends[end])


@st.cache_resource(max_entries=10, show_spinner="Looking at the training digits…")
def _originals(dataset: str, split_seed: int, digit: str, whose: str, _card: Any) -> memorization.Originals:  # noqa: ARG001
    return memorization.originals(_card, digit, lambda name, part: _load(name, part, whose))


@st.cache_data(max_entries=32, show_spinner=False)
def _fresh_distances(_scorer: Scorer, model: str, digit: str, _known: memorization.Originals) -> Floats:  # noqa: ARG001
    return _known.distances(latent_walk.fresh(_scorer, 0, memorization.COMPARED).images)


@st.cache_resource(max_entries=2, show_spinner=False)
def _load(name: str, part: str, whose: str) -> Dataset:
    return uploads.load(name, part, whose)


def _take_digit() -> None:
    st.query_params["digit"] = st.session_state["generator_digit"]
    if "latent" in st.query_params:
        del st.query_params["latent"]


def _again() -> None:
    st.session_state[_SEED] += 1


def _go(there: Floats) -> None:
    st.query_params["latent"] = latent_walk.to_text(there)
