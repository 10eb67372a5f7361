"""Making one's own digits the yardstick: drawings and pictures, what is doubtful about them, the new model."""

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core import quota
from core.calibration.few_digits import ENOUGH
from core.calibration.own_ink import ASKED
from core.datasets.pictures import Pictures, gather, joined
from core.detector import registry
from core.errors import OddDigitError
from core.figures import images
from core.operating_point import OperatingPoint
from core.words import name_normals
from pages.ui import calibration_set, chrome, picture, presses, state
from pages.ui.text import plain
from pages.ui.threshold import own_drawings
from pages.ui.visitor import visitor

if TYPE_CHECKING:
    from core.detector import Detector

_NOBODY_SAID = "my own hand"
_PLACE, _MADE = "own ink", "own_ink_made"


@st.fragment
def section(detector: "Detector", point: OperatingPoint) -> None:
    """Draw or upload normal digits, look at what is doubtful, and make a detector whose promise holds for that hand."""
    if state.unsaid():
        st.rerun()  # a model was made, and all of the page is of it
    if made := st.session_state.pop(_MADE, None):
        st.toast(plain(made), icon=":material/check_circle:")  # what the top of the page says is out of sight here
    normal = detector.card_.normal
    st.markdown(
        f"The promise above is made from digits by {plain(detector.card_.calibrated_on)}. Draw {ASKED} of "
        f"**your** {plain(name_normals(normal))} here, or hand in pictures of them, and it is made anew for your hand, "
        f"pen and camera: from your digits and what other people's are like, from {ENOUGH} on from yours alone. "
        "Nothing is trained, so it takes seconds."
    )
    drawn = own_drawings.collect(normal)
    files = st.file_uploader(
        "Pictures, one digit each, or zip archives of them",
        accept_multiple_files=True,
        key="own_ink",
    )
    if len(normal) > 1:
        st.caption("This model knows several digits: give a zip with one folder a digit, named like it.")
    split = st.toggle("Each picture is a sheet of many digits", key="own_ink_sheets")
    try:
        sent = (
            _gather(tuple((file.name, file.getvalue()) for file in files), normal, split, visitor()) if files else None
        )
        given = [part for part in (drawn, sent) if part is not None]
        missing = set(normal) - {label for part in given for label in part.labels or normal}
        if not given or (missing and sent is None):
            return  # more are asked for already
        together = joined(given)
        _read(detector, together, shown=len(drawn.images) if drawn else 0)
    except OddDigitError as error:
        chrome.refuse(error)
        return
    _make(detector, together, point)


def _read(detector: "Detector", given: Pictures, shown: int) -> None:
    """The digits as they were read; the first ``shown`` are in sight already."""
    st.markdown(f"**{len(given.images)} digits read.**")
    calibration_set.look_over(detector, given.names, given.images, given.labels, given.refused)
    if len(sent := given.images[shown : shown + 200]):
        picture.show(images.sheet_png(sent, 20), f"{len(sent)} of your digits", caption="What was read")
    if given.refused:
        st.dataframe(pd.DataFrame(given.refused, columns=["left out", "because"]), hide_index=True)


def _make(detector: "Detector", given: Pictures, point: OperatingPoint) -> None:
    left, right = st.columns(2)
    left.text_input("Name of the new model", f"my-{'-'.join(detector.card_.normal)}"[:64], key="own_ink_name")
    right.text_input("Written by", _NOBODY_SAID, max_chars=60, key="own_ink_whose")
    st.button(
        f"Make these {len(given.images)} digits the yardstick",
        type="primary",
        key="own_ink_make",
        on_click=presses.attempt,
        args=(_PLACE, _calibrate, detector, given, point),
    )
    chrome.failed(_PLACE)


def _calibrate(detector: "Detector", given: Pictures, point: OperatingPoint) -> None:
    """Make, keep and choose the new model; a callback, so that the whole page already shows it."""
    name = st.session_state["own_ink_name"].strip()
    whose = st.session_state["own_ink_whose"].strip() or _NOBODY_SAID
    registry.place_for(name, visitor())
    made = detector.calibrated(given.images, given.labels, name, whose)
    registry.add(made.state_, name, visitor())
    state.move(model=name)
    text = f"{name} is made and chosen on every page: what it promises is of {whose}. "
    st.session_state[_MADE] = text + f"{point.model} is as it was."
    state.say(st.session_state[_MADE])


@st.cache_data(max_entries=4, show_spinner="Reading the pictures…")
def _gather(files: tuple[tuple[str, bytes], ...], normal: tuple[str, ...], split: bool, whose: str) -> Pictures:
    with quota.turn(whose):
        return gather(files, normal, split)
