"""Many digits at once: hand a pile in, watch it being judged, see the odd ones first, take the findings away."""

import streamlit as st

from core.errors import OddDigitError
from pages.ui import chrome, picker
from pages.ui.batch import findings, intake, watch

chrome.page("Find the odd ones in a pile", "Scans, a whole data set, a sheet full of digits: the oddest come first.")
try:
    point = picker.model_and_threshold()
    detector = picker.detector(point.model)
except OddDigitError as error:
    chrome.refuse(error)
    st.stop()
rule = intake.rule(point, detector)
batches = watch.batches()
intake.hand_in(rule, detector, open_at_first=not batches)
chosen = watch.choose(batches)
if chosen is None:
    intake.nothing_yet(rule, detector)
    st.stop()
try:
    if not watch.show(chosen):
        findings.show(chosen, rule)
except OddDigitError as error:
    chrome.refuse(error)
