"""Many digits at once: hand a pile in, watch it being judged, see the odd ones first, take the findings away."""

from contextlib import suppress

import streamlit as st

from core.detector import registry
from core.errors import OddDigitError
from pages.ui import chrome, picker
from pages.ui.batch import examples, findings, intake, watch
from pages.ui.visitor import visitor

chrome.page("Find the odd ones in a pile", "Scans, a whole data set, a sheet full of digits: the oddest come first.")
batches = watch.batches()
try:
    with intake.above(folds=bool(batches)):
        point = picker.model_and_threshold()
        rule = intake.rule(point)
except OddDigitError as error:
    chrome.refuse(error)
    st.stop()
trouble = st.container()
# Before anything stands below; shipped models are not weak, and what is wrong with a file is said where it is used.
with suppress(OddDigitError, OSError), trouble:
    if not (model := registry.find(point.model, visitor())).shipped:
        chrome.weak(picker.measured(model.path))
try:
    if batches:
        hand_in = intake.place()
        chosen = watch.choose(batches)
        if not watch.show(chosen):
            findings.show(chosen, rule)
    else:
        hand_in, beside = examples.beside_the_intake(rule)
except OddDigitError as error:
    chrome.refuse(error)
try:
    # Only now, so that a model that takes a while to wake holds up nothing that is there already.
    with hand_in:
        intake.files(rule, detector := picker.detector(point.model))
    if not batches:
        with beside:
            examples.offer(rule, detector)
except OddDigitError as error:
    with trouble:
        chrome.refuse(error)
