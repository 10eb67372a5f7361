"""Before the first pile: the intake, and beside it drawn examples that are judged already, to look at and to try."""

from contextlib import suppress
from dataclasses import replace

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
    said = [_tile(review, row, "mislabelled" if review.labels.mislabelled[row] else "flagged") for row in first]
    _show(review, "examples-odd", said, "Odd examples", ODD)
    small = [replace(_tile(review, row, "all"), lines=(), label=None) for row in others]
    _show(review, "examples-others", small, "Other examples", OTHERS)
    rows.opened(review, correctable=False)


def _tile(review: Review, row: int, shown: str) -> tiles.Tile:
    (image,) = review.store.pictures([row])
    tile = rows.tile(review, row, image, shown)
    return replace(tile, lines=tile.lines[:1])


def _show(review: Review, key: str, shown: list[tiles.Tile], title: str, columns: int) -> None:
    tiles.show(key, key, shown, title, columns=columns, press=lambda row: rows.open_row(review, row))


def _try(detector: Detector, decides: Rule) -> None:
    intake.submit([Upload(name, data) for name, data in examples.sample_files()], detector, decides)
