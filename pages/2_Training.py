"""Training: choose what is normal, watch a GAN learn it in the background, keep, compare and share it."""

import streamlit as st

from core import jobs
from pages.ui import chrome, training_models, training_start, training_watch

chrome.page("Teach it a new normal", "It learns in the background: watch it, leave, come back.")
jobs.of_server()  # whatever was waiting when the server last ended goes on
training_start.offer()
st.divider()
training_watch.show()
st.divider()
training_models.show()
