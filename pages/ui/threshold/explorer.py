"""The live component: slider, histogram, ROC curve and confusion matrix that follow the thumb while it moves.

A native slider tells Python only when it is let go. So the browser gets one table of thresholds
(``core.views.threshold``), looks up while the thumb is down, and sends the final one back.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from core.detector import registry
from core.errors import OddDigitError
from core.operating_point import OperatingPoint
from core.views.fixed_threshold import FIXED_THRESHOLDS, ON_EVIDENCE
from core.views.threshold import View
from core.words import say_share
from pages.ui import chrome, component, picker, presses, state
from pages.ui.text import plain
from pages.ui.threshold.fixed_threshold import chosen
from pages.ui.visitor import visitor

if TYPE_CHECKING:
    from core.detector import Detector

KEY, _BEFORE, _PLACE = "explorer", "evidence_before_the_original", "lines"
_component = component.declare("explorer")


def show(detector: "Detector", point: OperatingPoint) -> View:
    """Draw the explorer at the operating point; letting the thumb go moves the operating point."""
    view = _view(detector, _what_is_drawn(detector), point)
    with st.container(key="explorer-area"):
        _component(key=KEY, data=view.data, on_line_change=_take)
    return view


def buttons(detector: "Detector", point: OperatingPoint) -> None:
    """Thresholds that have a name; the original's lie on the pixel error."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="lines"):
        for alpha in (0.01, 0.05, 0.1):
            leads = partial(_at_rate, alpha)
            _button(say_share(alpha), leads(point) == point, leads, "This share of normal digits is flagged.")
        balance = None if detector.evaluation_ is None else detector.evaluation_.best_balance(point.evidence)
        if balance is not None:
            why = "Most anomalies caught for the fewest false alarms (Youden). It needs labels of anomalies, which a "
            why += "detector in use does not have."
            _button("best balance (needs labels)", point.threshold == balance, _at_balance, why)
        for fixed in FIXED_THRESHOLDS:
            leads, why = partial(_at_fixed, fixed), "A line on the pixel error, set by hand."
            _button(f"the original's {fixed:.2f}", leads(point) == point, leads, why)
    chrome.failed(_PLACE)


def _button(label: str, stands: bool, leads: Callable[[OperatingPoint], OperatingPoint], why: str) -> None:
    # Its mark is an icon: a button of another type is another element, which the keyboard has not reached.
    st.button(
        label,
        icon=":material/check:" if stands else None,
        help=why,
        on_click=presses.attempt,
        args=(_PLACE, _go, leads),
        key=f"line-{label}",
    )


def _at_rate(alpha: float, here: OperatingPoint) -> OperatingPoint:
    # From one of the original's a rate leads back to the evidence that it took the visitor from.
    evidence = st.session_state.get(_BEFORE, "fused") if chosen(here) else here.evidence
    return OperatingPoint(here.model, evidence, alpha)


def _at_balance(here: OperatingPoint) -> OperatingPoint:
    evaluation = picker.measured(registry.find(here.model, visitor()).path).evaluation
    balance = None if evaluation is None else evaluation.best_balance(here.evidence)
    return here if balance is None else here.at_threshold(balance)


def _at_fixed(threshold: float, here: OperatingPoint) -> OperatingPoint:
    return OperatingPoint(here.model, ON_EVIDENCE, None, threshold)


def _go(leads: Callable[[OperatingPoint], OperatingPoint]) -> None:
    """From where the point is as the button is pressed, which may be another than that the button was drawn for."""
    here = state.operating_point()
    there = leads(here)
    if here.evidence != there.evidence:
        if not chosen(here):
            st.session_state[_BEFORE] = here.evidence
        state.say(f"This line lies on the {there.evidence} evidence, so the evidence is no longer {here.evidence}.")
    state.set_operating_point(there)


def _what_is_drawn(detector: "Detector") -> tuple[object, ...]:
    """All that a view is made of, in a form that can be compared quickly."""
    evaluation = detector.evaluation_
    evaluated = None if evaluation is None else (evaluation.sources, evaluation.n_normal, evaluation.n_anomaly)
    return detector.fingerprint, detector.card_.to_json(), evaluated


@st.cache_data(max_entries=64, show_spinner=False)
def _view(_detector: "Detector", drawn: tuple[object, ...], point: OperatingPoint) -> View:  # noqa: ARG001 - a key
    return View.of(_detector.calibrations_, _detector.evaluation_, _detector.card_, point)


def _take() -> None:
    """What was let go in the browser: an alpha, or a fixed threshold beyond the last calibration digit."""
    let_go = st.session_state[KEY].get("line") or {}
    point = state.operating_point()
    try:
        if "alpha" in let_go:
            state.set_operating_point(point.at_alpha(float(let_go["alpha"])))
        elif "threshold" in let_go:
            state.set_operating_point(point.at_threshold(float(let_go["threshold"])))
    except (OddDigitError, TypeError, ValueError) as error:
        st.toast(f"The line was not understood: {plain(error)}", icon=":material/warning:")
