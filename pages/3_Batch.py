"""Many digits at once: hand a pile in, watch it being judged, see the odd ones first, take the findings away."""

import streamlit as st

from core.errors import OddDigitError
from pages.ui import batch_intake, batch_review, batch_watch, chrome, picker

chrome.page("Find the odd ones in a pile", "Scans, a whole data set, a sheet full of digits: the oddest come first.")
try:
    point = picker.model_and_line()
    detector = picker.detector(point.model)
except OddDigitError as error:
    chrome.refuse(error)
    st.stop()
rule = batch_intake.rule(point, detector)
batches = batch_watch.batches()
batch_intake.hand_in(rule, detector, open_at_first=not batches)
chosen = batch_watch.choose(batches)
if chosen is None:
    batch_intake.nothing_yet(rule, detector)
    st.stop()
try:
    if not batch_watch.show(chosen, detector):
        batch_review.show(chosen, rule)
except OddDigitError as error:
    chrome.refuse(error)
