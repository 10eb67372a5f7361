"""Where the threshold stands: a slider against everything it changes, what it promises, and the digits at it."""

import streamlit as st

from core.errors import OddDigitError
from core.views.threshold import sources
from pages.ui import chrome, picker, state
from pages.ui.text import plain
from pages.ui.threshold import borderline, explorer, fixed_threshold, own_ink

chrome.page("Where do you draw the line?", "Move it and see what it costs and what it catches.")
try:
    point = state.operating_point()
    picker.model(point, evidence=True)
    detector = picker.detector(point.model)
except OddDigitError as error:
    chrome.refuse(error)
    st.stop()

chrome.weak(detector.state_)
explorer.buttons(detector, point)
view = explorer.show(detector, point)
threshold = float(view.table.threshold[view.row])
evaluation = detector.evaluation_

if evaluation is None or not len(evaluation):
    st.info("This model was not evaluated on digits it never used, so the promise is all there is to show here: no "
            "measured rates, no ROC curve and no digits at the line.")  # fmt: skip
else:
    if not evaluation.n_anomaly:
        seen = plain(sources(evaluation))
        st.info(f"Evaluated on normal digits only ({seen}): how many others it catches is unknown.")
    if fixed_threshold.chosen(point):
        fixed_threshold.story(detector, evaluation, point)
    borderline.show(detector, evaluation, point, threshold)
    with st.expander(f"Every image as a table ({len(evaluation):,})"):
        borderline.every_image(detector, evaluation, point, threshold)

with st.expander("Use your own digits as the yardstick"):
    own_ink.section(detector, point)
