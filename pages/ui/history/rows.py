"""The rows of the history: each with its digit, its verdict, room for a person's own word, and the way back into it."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from core.detector import registry
from core.detector.readings import ANOMALY
from core.errors import ModelError
from core.figures import images
from core.history import Damaged, Filter, History, Verdict
from core.operating_point import EVIDENCES
from core.views import second_opinion
from core.views.verdict_words import Wording, recorded
from core.words import say_p_value
from pages.ui import local_time, picker, picture, presses, verdict
from pages.ui.history.bar import say_kind
from pages.ui.text import plain
from pages.ui.visitor import visitor

LABELS = [*"0123456789", "no digit"]
PLACE = "history"  # where the page says what went wrong


def show(history: History, rows: list[Verdict | Damaged]) -> None:
    """One line a verdict: what it was, what a person says of it, and what can be done with it."""
    for row in rows:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="xsmall", key=f"row-{row.id}"):
            if isinstance(row, Damaged):
                st.markdown(
                    f"Row {row.id} was damaged on the disk: what stood there cannot be trusted.", width="stretch"
                )
                _delete_button(history, row.id)
                continue
            picture.show(images.digit_png(row.image, 2), f"the digit of row {row.id}", width=56)
            with st.container(gap=None, width="stretch"):
                verdict.in_a_line(_words(row))
                st.caption(
                    f"{local_time.say(row.last_seen)} · {plain(_source(row))} · {plain(row.model)}, {picker.where(row)}"
                )
            _marks(history, row)
            _icon_button("Open the full reading", "open_in_full", f"open-{row.id}", presses.open_reading, row.id)
            _delete_button(history, row.id)
    # Only now, so that loading its model does not hold up the other rows.
    for row in rows:
        if isinstance(row, Verdict) and row.id == presses.opened():
            presses.reading(partial(open_again, row))


def _words(row: Verdict) -> Wording:
    """The verdict in the words that every page uses."""
    alpha, n = row.alpha, None
    try:
        measured = picker.measured(registry.find(row.model, visitor()).path)
        normal, calibration = measured.card.normal, measured.calibrations[row.evidence]
        n = calibration.n
        if row.alpha is None and row.threshold is not None:
            alpha = float(calibration.alpha(row.threshold)[0])
    except (ModelError, OSError):
        normal, n = registry.measured_against(row.model, visitor(), row.evidence)
    anomaly = row.class_id == ANOMALY
    reads_as = row.prediction_set_at(alpha) if row.digits and alpha is not None else None
    second = second_opinion.of_field(row.second_opinion, normal, anomaly)
    return recorded(anomaly, row.p_value, normal, n, reads_as, second)


def open_again(row: Verdict) -> None:
    """Judge the kept ink again and show everything; what was recorded stands beside it where the model has changed."""
    judged = f"judged {local_time.say(row.last_seen)} by {row.model}, line at {picker.where(row)}"
    st.caption(plain(f"{_source(row)}, {judged}; row {row.id}."))
    try:
        detector = picker.detector(row.model)
        readings = detector.inspect(row.image[None])
    except ModelError as error:
        verdict.without(row.model, error)
        _as_recorded(row)
        return
    if not math.isclose(readings.p_values[row.evidence][0], row.p_value) or _rebuilt(row, detector.fingerprint):
        st.warning("The model of that name has changed since: below is what it says today.", icon=":material/history:")
        _as_recorded(row)
    second = second_opinion.of_field(row.second_opinion, readings.normal, row.class_id == ANOMALY)
    foreign, whose = row.source_kind != "canvas", "this one" if row.source_kind == "batch" else "yours"
    verdict.show(readings, 0, row.point, detector.card_, foreign, f"again-{row.id}", whose=whose, second=second)


def delete(history: History, which: Filter, label: str, key: str, disabled: bool = False) -> None:
    """A button that deletes what matches; the page offers to undo it."""
    icon = ":material/delete:"
    act = (PLACE, history.delete, which)
    st.button(label, key=key, icon=icon, on_click=presses.attempt, args=act, disabled=disabled)


def undo(history: History) -> None:
    """A button that brings the last deletion back, while there is one."""
    if deleted := history.can_undo():
        st.button(
            f"Undo: bring back {deleted:,}",
            key="undo",
            icon=":material/undo:",
            type="primary",
            on_click=presses.attempt,
            args=(PLACE, history.undo_delete),
        )


def _delete_button(history: History, row_id: int) -> None:
    act = (PLACE, history.delete, Filter(ids=(row_id,)))
    _icon_button("Delete this verdict", "delete", f"delete-{row_id}", presses.attempt, *act)


def _icon_button(words: str, icon: str, key: str, act: Callable[..., None], *arguments: object) -> None:
    """A button of which an icon is seen, and its words by a mouse above it and by those who cannot see the icon."""
    icon = f":material/{icon}:"
    st.button(words, key=key, icon=icon, help=words, type="tertiary", on_click=act, args=arguments)


def _marks(history: History, row: Verdict) -> None:
    mark, label = f"mark-{row.id}", f"label-{row.id}"
    act: dict[str, Any] = {"on_change": presses.attempt, "args": (PLACE, _mark, history, row.id, mark, label)}
    is_right = presses.steered(mark, row.mark)
    st.segmented_control("This was", ["right", "wrong"], label_visibility="collapsed", **is_right, **act)
    options = LABELS if row.true_label in (*LABELS, None) else [*LABELS, row.true_label]
    st.selectbox(
        "It was a",
        options,
        placeholder="it was …",
        label_visibility="collapsed",
        accept_new_options=True,
        width=112,
        **presses.steered(label, row.true_label, options),
        **act,
    )


def _mark(history: History, row_id: int, mark: str, label: str) -> None:
    history.mark(row_id, st.session_state[mark], st.session_state[label])


def _as_recorded(row: Verdict) -> None:
    verdict.as_recorded(_words(row), row.image)
    st.table(
        [
            {"evidence": e, "score": f"{row.scores[e]:.4g}", "p-value": say_p_value(row.p_values[e])}
            for e in EVIDENCES
            if e in row.scores
        ]
    )


def _rebuilt(row: Verdict, fingerprint: str) -> bool:
    return bool(row.model_hash) and row.model_hash != fingerprint


def _source(row: Verdict) -> str:
    return say_kind(row.source) if row.source == row.source_kind else row.source
