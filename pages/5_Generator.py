"""What the generator has learnt: fresh digits, a map to walk on, a way between two digits, and whether it copies."""

import streamlit as st

from core.errors import OddDigitError
from pages.ui import chrome, generator, picker, state

chrome.page("What it has learnt", "Digits that nobody wrote: walk through all that the generator can draw.")
try:
    point = state.operating_point()
    picker.pick_model(point)
    detector = picker.detector(point.model)
    digit, scorer = generator.pick_digit(detector)
    latent = generator.latent(scorer, digit)
except OddDigitError as error:
    chrome.refuse(error)
    st.stop()

left, right = st.columns([3, 2], gap="large")
with left:
    generator.show_map(scorer, detector.fingerprint, digit, latent)
with right:
    generator.fresh(detector, digit, point)
st.divider()
generator.show_walk(scorer, detector.fingerprint, digit)
st.divider()
generator.show_nearest(scorer, detector, digit)
with st.expander("The model's card"):
    generator.show_card(detector)
