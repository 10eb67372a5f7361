"""Before the first pile: the intake, and beside it drawn examples that are judged already, to look at and to try."""

from contextlib import suppress
from dataclasses import replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.batch.drawn import pile
from core.batch.findings import Review, Rule
from core.batch.queue import Upload
from core.datasets import examples
from core.detector import Detector
from core.errors import ModelError
from pages.ui import chrome, presses, tiles
from pages.ui.batch import findings, intake, rows

ODD, OTHERS = 5, 10  # in a row
_PLACE = "examples"


def beside_the_intake(decides: Rule) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The two ways to begin; returns where files are handed in, and where the examples are offered."""
    left, right = st.columns([1, 1.1], gap="large")
    with left:
        place = intake.place(first=True)
        st.caption(
            "Nothing judged yet. A sub-folder named after a digit, or a column named label, is checked against what "
            "the ink could be: the probably mislabelled come out too."
        )
    with right, suppress(ModelError):  # where the shipped model is not there, they are offered without a picture
        _judged(findings.reviewed(pile(), decides))
    return place, right


def offer(decides: Rule, detector: Detector) -> None:
    """The one press that has the examples judged as a pile of one's own."""
    st.button(
        "Try it with 46 drawn examples",
        type="primary",
        icon=":material/draw:",
        on_click=presses.attempt,
        args=(_PLACE, _try, detector, decides),
    )
    chrome.failed(_PLACE)


def _judged(review: Review) -> None:
    """The odd ones and the mislabelled with what is said of them, then all others; each in its verdict's colour."""
    first = list(dict.fromkeys([*review.order("flagged").tolist(), *review.order("mislabelled").tolist()]))
    others = [row for row in review.order("all").tolist() if review.judged[row] and row not in first]
    st.markdown(f"**A pile, judged** · {findings.headline(review.summary)}")
    st.caption(
        "Drawn examples, judged by the network that knows all ten digits: :orange[orange] looks odd, :blue[blue] "
        "passes. Press one for its full reading."
    )
    odd = [replace(tile, lines=tile.lines[:1]) for tile in rows.tiled(review, first)]
    small = [replace(tile, lines=(), label=None) for tile in rows.tiled(review, others)]
    press = partial(rows.open_row, review)
    tiles.show("examples-odd", "examples", odd, "Odd examples", columns=ODD, press=press)
    tiles.show("examples-others", "examples", small, "Other examples", columns=OTHERS, press=press)
    rows.opened(review, correctable=False)


def _try(detector: Detector, decides: Rule) -> None:
    intake.submit([Upload(name, data) for name, data in examples.sample_files()], detector, decides)
