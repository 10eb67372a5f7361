"""Handing a pile in: the files, how they are read, what decides, and the button."""

from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import quota
from core.batch import queue
from core.batch.findings import Rule, foresee, say_rule
from core.batch.queue import Upload
from core.batch.store import Store
from core.detector import Detector
from core.errors import QuotaError
from core.operating_point import OperatingPoint
from core.readers.items import Manner
from core.words import say_normal, say_share
from pages.ui import chrome, picker, presses, state
from pages.ui.text import plain
from pages.ui.visitor import visitor

ALARMS, DISCOVERIES = "false alarms", "false discoveries"  # as links have them
_IN_WORDS = {ALARMS: "normal digits that are flagged", DISCOVERIES: "normal digits among the flagged"}
RATES = (0.01, 0.05, 0.1, 0.2)
CHOSEN, OPEN, _UNFOLDED = "batch", "hand-in", "pile_unfolded"
_KEEP, _WHOLE, _FULL, _PLACE = "pile_keep", "pile_whole", "pile_full", "hand-in"
_CHOICES = {_WHOLE: False, _KEEP: True, _FULL: False}
_PILES, _PICTURES = "piles handed in", "pictures handed in"
_MOST_BYTES = 20_000_000  # of pictures that a page keeps, for the places where digits stood in them


def above(folds: bool) -> DeltaGenerator:
    """What holds the choice of model and threshold; on a telephone it folds where there is an answer to look at.

    Args:
        folds: whether there is. In wide windows everything is shown; which it is, only the browser knows.
    """
    unfolded = st.session_state.setdefault(_UNFOLDED, False)
    if folds:
        point, chosen = state.operating_point(), st.session_state.get("flag_by", st.query_params.get("flag_by"))
        decides = "few normal among the flagged" if chosen == DISCOVERIES else picker.say_threshold(point)
        st.button(
            f"{plain(point.model)}, {decides}",
            icon=f":material/expand_{'less' if unfolded else 'more'}:",
            key="unfold",
            width="stretch",
            help="Fold" if unfolded else "Choose another model, line or rule",
            on_click=_unfold,
        )
    return st.container(key="above-folded" if folds and not unfolded else "above")


def _unfold() -> None:
    st.session_state[_UNFOLDED] = not st.session_state[_UNFOLDED]


def rule(point: OperatingPoint) -> Rule:
    """What decides: the threshold above, or a false discovery rate over the whole batch."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="rule"):
        how = st.segmented_control(
            "What is to stay rare",
            list(_IN_WORDS),
            default=ALARMS,
            key="flag_by",
            required=True,
            bind="query-params",
            format_func=_IN_WORDS.__getitem__,
            help="The first flags the same share of normal digits in any pile: about 50 of 1,000 at 5 %. The second "
            "moves the line with the pile, so that of what is flagged at most so many are normal: fewer to look "
            "through, and where there is little to find perhaps none.",
        )
        rate = None
        if how == DISCOVERIES:
            rate = st.segmented_control(
                "Of the flagged, at most so many are normal",
                RATES,
                default=0.1,
                key="flag_rate",
                required=True,
                format_func=say_share,
            )
    return Rule(point, rate)


def place(first: bool = False) -> DeltaGenerator:
    """Where files are handed in; closed once there is an answer to look at."""
    # A pile that is handed in brings a place of its own, which begins closed: a value set anew would have to travel.
    key = OPEN if first else f"{OPEN} {st.session_state.get(CHOSEN, '')}"
    return st.expander("Hand in a pile" if first else "Hand in another pile", first, key=key, on_change="rerun")


def files(decides: Rule, detector: Detector) -> None:
    """The files, what is promised of them, and the button that has them judged."""
    folder = st.segmented_control(
        "Hand in", ["files", "a folder"], default="files", key="pile_kind", required=True, label_visibility="collapsed"
    )
    files = st.file_uploader(
        "Pictures, PDF, sheets and forms full of digits, zip archives, CSV, Parquet, IDX, npy or npz, in any mixture",
        accept_multiple_files="directory" if folder == "a folder" else True,
        key=f"pile-{folder}-{st.session_state.setdefault(_PILES, 0)}",  # the next pile begins empty
    )
    chrome.failed(_PLACE)
    st.caption(say_rule(decides, detector.calibrations_[decides.point.evidence]))
    if not files:
        return
    uploads = [Upload(file.name, file.getbuffer()) for file in files]
    try:
        pictures = _about(tuple(file.file_id for file in files), uploads, visitor())
    except QuotaError as error:
        chrome.refuse(error)
        return
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        st.button(
            _say_pile(len(uploads), pictures),
            type="primary",
            icon=":material/play_arrow:",
            on_click=presses.attempt,
            args=(_PLACE, submit, uploads, detector, decides),
        )
        st.toggle(
            "Each picture is one digit",
            _chosen(_WHOLE),
            key=_WHOLE,
            help="Off: separate shapes in a picture are separate digits, in reading order, a row each.",
        )
        st.toggle("Keep the verdicts in the history", _chosen(_KEEP), key=_KEEP)
        st.toggle(
            "Draw every digit",
            _chosen(_FULL),
            key=_FULL,
            help="Every evidence in the files to take away, and reconstructions in Parquet: twice the time. Off: a "
            "digit is drawn when you look at it.",
        )
    st.caption(
        f"**{plain(decides.point.model)}** judges: {say_normal(detector.card_.normal)}. The files lie on the server"
        " until they are judged; what stays is each digit as the model sees it."
    )
    if decides.rate is not None:
        calibration = detector.calibrations_[decides.point.evidence]
        if warning := foresee(calibration.n, pictures, decides.rate, calibration.caution):
            st.warning(warning, icon=":material/visibility_off:")


def _say_pile(files: int, pictures: int) -> str:
    """What the button will have judged: archives, tables and stacks hold more than one picture.

    >>> _say_pile(500, 500), _say_pile(1, 2_000)
    ('Judge 500 files', 'Judge 1 file, about 2,000 pictures')
    """
    words = f"Judge {files:,} file{'s' * (files != 1)}"
    return words if pictures == files else f"{words}, about {pictures:,} picture{'s' * (pictures != 1)}"


@st.cache_data(max_entries=20, show_spinner="Looking into the files…")
def _about(ids: tuple[str, ...], _uploads: Sequence[Upload], whose: str) -> int:  # noqa: ARG001 - the ids tell uploads apart
    with quota.turn(whose):
        return queue.about(_uploads)


def submit(uploads: Sequence[Upload], detector: Detector, decides: Rule) -> None:
    """Have files judged, in the manner that stands on the page."""
    state: Any = st.session_state
    whole, keep, full = choices = [bool(state.get(key, _chosen(key))) for key in _CHOICES]
    store = queue.of_server().submit(uploads, detector, decides, visitor(), Manner(whole, full=full), keep)
    state[CHOSEN] = store.folder.name
    state[_PILES] = state.get(_PILES, 0) + 1
    state.update((f"last {key}", value) for key, value in zip(_CHOICES, choices, strict=True))
    if sum(len(upload.data) for upload in uploads) <= _MOST_BYTES:
        files = [bytes(upload.data) for upload in uploads]
        state[_PICTURES] = (store.folder.name, dict(zip(queue.names_of(uploads), files, strict=True)))


def _chosen(key: str) -> bool:
    """What was chosen for the pile before: its widgets went with its files."""
    return bool(st.session_state.get(f"last {key}", _CHOICES[key]))


def handed_in(store: Store) -> dict[str, bytes]:
    """The files of a batch by their names in it, while its page has them still."""
    batch, files = st.session_state.get(_PICTURES, ("", {}))
    return dict(files) if batch == store.folder.name else {}
