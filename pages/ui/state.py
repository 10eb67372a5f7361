"""The operating point of a visit: it stays across pages and, in the link, across reloads."""

import streamlit as st

from core.detector import registry
from core.errors import OddDigitError
from core.operating_point import OperatingPoint
from pages.ui.visitor import visitor

_POINT = "operating_point"


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


def _first_model() -> str:
    names = [model.name for model in registry.shelf(visitor())]
    default = OperatingPoint().model
    return default if default in names or not names else names[0]
