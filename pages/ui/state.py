"""What stays with a visitor across pages and reloads: the operating point (in the link) and who they are."""

import hashlib
import uuid

import streamlit as st

from core import paths
from core.detector import registry
from core.errors import OddDigitError
from core.operating_point import OperatingPoint

ONE_PERSON = "local"
_POINT, _VISITOR = "operating_point", "visitor"
_XSRF = "_streamlit_xsrf"


def operating_point() -> OperatingPoint:
    """The operating point of this visit: from the link, else as left on another page, else the default."""
    point = st.session_state.get(_POINT, OperatingPoint())
    given = {key: st.query_params[key] for key in ("model", "evidence", "alpha", "threshold") if key in st.query_params}
    if given and given != point.to_query():
        try:
            point = OperatingPoint.from_query({"model": point.model} | given)
        except OddDigitError as error:
            st.warning(f"The link was not understood: {error}")
    if point.model not in {model.name for model in registry.shelf(visitor())}:
        fallback = _first_model()
        if fallback != point.model:
            st.warning(f"There is no model {point.model!r} here; showing {fallback} instead.")
        point = OperatingPoint(fallback, point.evidence, point.alpha, point.threshold)
    set_operating_point(point)
    return point


def set_operating_point(point: OperatingPoint) -> None:
    """Move the operating point: every page, and the link in the address bar, follow."""
    st.session_state[_POINT] = point
    query = point.to_query()
    for key in ("alpha", "threshold"):
        if key not in query and key in st.query_params:
            del st.query_params[key]
    for key, value in query.items():
        if st.query_params.get(key) != value:
            st.query_params[key] = value


def visitor() -> str:
    """Who is visiting: on a shared server an id that survives a reload, else one and the same person."""
    if not paths.shared_server():
        return ONE_PERSON
    if _VISITOR not in st.session_state:
        cookie = st.context.cookies.get(_XSRF, "")
        st.session_state[_VISITOR] = _stable(cookie) or uuid.uuid4().hex
    return str(st.session_state[_VISITOR])


def _stable(cookie: str) -> str:
    """A hash of the part of Streamlit's own cookie that is the same in every tab and after every reload.

    The cookie reads ``2|mask|masked token|time`` and is masked anew now and then; the token under the mask stays.
    """
    try:
        _, mask, masked, _ = cookie.split("|")
        key, body = bytes.fromhex(mask), bytes.fromhex(masked)
    except ValueError:
        return ""
    token = bytes(byte ^ key[i % len(key)] for i, byte in enumerate(body)) if key else body
    return hashlib.sha256(b"visitor:" + token).hexdigest()[:32]


def _first_model() -> str:
    names = [model.name for model in registry.shelf(visitor())]
    default = OperatingPoint().model
    return default if default in names or not names else names[0]
