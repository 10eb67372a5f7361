"""The operating point of a visit: it stays across pages and, in the link, across reloads."""

import time
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.detector import registry
from core.errors import OddDigitError
from core.operating_point import OperatingPoint
from core.words import say_share
from pages.ui import presses
from pages.ui.text import plain
from pages.ui.visitor import visitor

STARTING_ALPHA = 0.05
_POINT, _SAID, _DIGIT, _PASSED = "operating_point", "what_changed", "last_digit", "links_passed"
_NOTHING: tuple[str, Any, float] = ("", None, 0.0)  # what is said, where it was shown first, and when
_MOMENT = 3  # seconds in which nobody has read it
_PASSED_LINKS = 20  # of which a late press may remind
_ASK = "Its owner can download it under Training: import the file there, then open the link again."
_BOUND = {"flag_by"}  # what a widget keeps in the link is not to be touched by others


def operating_point() -> OperatingPoint:
    """The operating point of this visit: from the link, the rest as left on another page, else the default."""
    point = st.session_state.get(_POINT, OperatingPoint())
    given = _of_point(st.query_params.to_dict())
    if given and given != point.to_query() and not _late(given):
        point = _linked(point, given)
    names = [model.name for model in registry.models(visitor())]
    if point.model not in names:
        default = OperatingPoint().model
        fallback = default if default in names or not names else names[0]
        if fallback != point.model:
            say(f"There is no model {point.model!r} here; showing {fallback} instead. {_ASK}")
        given = {"model": fallback}
        point = OperatingPoint.from_query(_left(point, given) | given)
    set_operating_point(point)
    return point


def move(model: str | None = None, alpha: float | None = None, evidence: str | None = None) -> None:
    """Move part of the operating point, and say what that takes along with it.

    A threshold belongs to one model and one evidence, so it cannot move to another; a false-alarm rate can.
    """
    point = operating_point()
    changed = {"model": model, "evidence": evidence, "alpha": alpha and repr(alpha)}
    given = {key: value for key, value in changed.items() if value}
    set_operating_point(OperatingPoint.from_query(_left(point, given) | given))


def _linked(point: OperatingPoint, given: dict[str, str]) -> OperatingPoint:
    """The point that a link asks for; where the link is wrong, that is said, and its model is kept."""
    try:
        return OperatingPoint.from_query(_left(point, given) | given)
    except OddDigitError as error:
        say(f"The link was not understood: {error}")
        model = {"model": given["model"]} if given.get("model") else {}
        return OperatingPoint.from_query(_left(point, model) | model)


def _left(point: OperatingPoint, given: dict[str, str]) -> dict[str, str]:
    """What stays of a point where part of another is given: not a threshold, where model or evidence are others."""
    left = point.to_query()
    if "alpha" in given or "threshold" in given:
        return {key: left[key] for key in ("model", "evidence")}
    another = next((key for key in ("model", "evidence") if given.get(key, left[key]) != left[key]), "")
    if point.threshold is None or not another:
        return left
    whose = point.model if another == "model" else f"the {point.evidence} evidence"
    say(f"The line at score {point.threshold:g} belongs to {whose}. It stands at {say_share(STARTING_ALPHA)} now.")
    return {key: left[key] for key in ("model", "evidence")}


def lost(model: str) -> bool:
    """Whether the model that was chosen is gone, and drawing all of the page anew chooses another and says so."""
    chosen = st.session_state.get(_POINT)
    return chosen is not None and chosen.model == model and bool(registry.models(visitor()))


def keep_digit(image: NDArray[np.float32]) -> None:
    """Keep a visitor's last digit, ``(28, 28)``, for the digits at the threshold."""
    st.session_state[_DIGIT] = image


def last_digit() -> NDArray[np.float32] | None:
    """The digit that this visitor drew or handed in last; None before the first."""
    image: NDArray[np.float32] | None = st.session_state.get(_DIGIT)
    return image


def say(text: str) -> None:
    """Have said, on the page that is drawn next, what changed along with what was pressed or was wrong with a link."""
    said, shown, _ = st.session_state.get(_SAID, _NOTHING)
    st.session_state[_SAID] = (text if shown or not said or said == text else f"{said} {text}", None, 0.0)


def unsaid() -> bool:
    """Whether there is something to say that the part of the page drawn now comes too late for."""
    text, shown, _ = st.session_state.get(_SAID, _NOTHING)
    return bool(text) and shown is None


def said() -> None:
    """What there is to say, where the operating point is chosen; it stays until that is moved or the page is left.

    Where the page is left within a moment, as when a link was pressed before, the next page says it.
    """
    place = st.empty()  # there in any case, or what comes next, a canvas say, would be another to the browser
    text, shown, since = st.session_state.get(_SAID, _NOTHING)
    here, now = (st.session_state[presses.PAGE], st.session_state[_POINT]), time.monotonic()
    if shown is None or (shown[1] == here[1] and now - since < _MOMENT and shown != here):
        shown, since = here, now
    if text and shown == here:
        st.session_state[_SAID] = (text, here, since)
        place.info(plain(text), icon=":material/info:")
    else:
        st.session_state.pop(_SAID, None)


def set_operating_point(point: OperatingPoint) -> None:
    """Move the operating point: every page, and the link in the address bar, follow."""
    st.session_state[_POINT] = point
    here, query = st.query_params.to_dict(), point.to_query()
    # What is of a model's generator, a digit and a place in its latent space, goes with the model.
    of_model = ("digit", "latent") if here.get("model", point.model) != point.model else ()
    gone = [key for key in ("alpha", "threshold", *of_model) if key in here and key not in query]
    changed = {key: value for key, value in query.items() if here.get(key) != value}
    if (given := _of_point(here)) and given != query:
        _links_passed().append(given)
    # All at once: every change is a step of the browser's way back, and half a threshold is another one.
    if gone and not _BOUND & here.keys():
        st.query_params.from_dict({key: value for key, value in here.items() if key not in gone} | query)
        return
    for key in gone:
        del st.query_params[key]
    if changed:
        st.query_params.update(changed)


def _of_point(link: dict[str, str]) -> dict[str, str]:
    return {key: link[key] for key in ("model", "evidence", "alpha", "threshold") if key in link}


def _late(given: dict[str, str]) -> bool:
    """Whether this page has moved on from that link already, and nobody has gone back to it in the browser.

    What is pressed before the browser has heard of the new link comes with the old one: it is not to undo the choice.
    """
    run = get_script_run_ctx()
    return given in _links_passed() and not (run and run.is_history_navigation)


def _links_passed() -> list[dict[str, str]]:
    """The links that the page has moved on from; another page begins without."""
    run = get_script_run_ctx()
    here = run.page_script_hash if run else ""
    if st.session_state.get(_PASSED, ("",))[0] != here:
        st.session_state[_PASSED] = (here, [])
    links: list[dict[str, str]] = st.session_state[_PASSED][1]
    del links[:-_PASSED_LINKS]
    return links
