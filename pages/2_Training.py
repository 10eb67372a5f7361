"""Training: choose what is normal, watch a GAN learn it in the background, keep, compare and share it."""

import streamlit as st

from core.training import queue
from pages.ui import chrome, usage
from pages.ui.training import models, start, watch

chrome.page("Teach it a new normal", "It learns in the background: watch it, leave, come back.")
queue.of_server()  # whatever was waiting when the server last ended goes on
form = st.container(key="teach")
with form:
    begun = start.begin()  # and ended last: counting the digits of a data set takes a cold server some seconds
st.divider()
announced = watch.show()
st.divider()
models.show(announced)
usage.show()
with form:
    start.offer(*begun)
