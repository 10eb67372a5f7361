"""What the generator has learnt: fresh digits, a map to walk on, a way between two digits, and whether it copies."""

import streamlit as st

from core.errors import OddDigitError
from pages.ui import chrome, picker, state
from pages.ui.generator import fresh, map, originals, place, walk

chrome.page("What it has learnt", "Digits that nobody wrote: walk through all that the generator can draw.")
try:
    point = state.operating_point()
    picker.model(point)
    detector = picker.detector(point.model)
    digit, scorer = place.pick_digit(detector)
    latent = place.latent(scorer, digit)
except OddDigitError as error:
    chrome.refuse(error)
    st.stop()

left, right = st.columns([3, 2], gap="large")
with left:
    map.show(scorer, detector.fingerprint, digit, latent)
with right:
    fresh.show(detector, digit, point)
st.divider()
walk.show(scorer, detector.fingerprint, digit)
st.divider()
originals.show(scorer, detector, digit)
with st.expander("The model's card"):
    fresh.show_card(detector, digit)
