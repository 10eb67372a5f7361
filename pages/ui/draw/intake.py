"""Three ways in, one road: drawing, upload and photograph all go through ``ink`` to the same verdict."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from core import ink, quota
from core.detector.readings import Readings
from core.errors import HistoryError, InkError, OddDigitError, QuotaError
from core.figures.images import page_with_boxes
from core.history import History, Verdict
from core.ink import apart
from core.ink.geometry import SIDE
from core.ink.pages import as_files
from core.ink.picture import Source
from core.ink.segments import most_prominent
from core.operating_point import DISTANCES, OperatingPoint
from core.views.second_opinion import SecondOpinion
from core.views.verdict_words import describe
from core.words import either, say_verdict
from pages.ui import chrome, opinion, picker, state, tiles, verdict
from pages.ui.draw.canvas import Drawing
from pages.ui.text import plain
from pages.ui.visitor import visitor

if TYPE_CHECKING:
    from core.detector import Detector

SHOWN = "shown"
MOST_PAGES = 20  # of a PDF


class Judged(NamedTuple):
    """One digit of a file, of which it is the ``row``-th, and what was said of it; files are numbered from 0."""

    file: "File"
    number: int
    ink: ink.Ink
    readings: Readings
    row: int


@dataclass(frozen=True)
class File:
    """A file as it was handed over, in which nothing is to be trusted yet, or why there is none."""

    name: str
    data: bytes | InkError

    @cached_property
    def digest(self) -> str:
        """Tells this picture from others, whatever they are called."""
        return hashlib.sha256(self.data if isinstance(self.data, bytes) else str(self.data).encode()).hexdigest()[:16]


def upload() -> list[File]:
    """Pictures chosen or dropped."""
    # Any kind can be chosen: what Streamlit itself refuses is a red tile, without a word of why.
    files = st.file_uploader("Pictures of digits, one or several", accept_multiple_files=True, key="uploads")
    st.caption(
        "PNG, JPEG, HEIC, AVIF, WebP, TIFF, BMP, GIF or PDF; zip archives and tables go to Batch. Nothing but the "
        "28 × 28 digit is kept."
    )
    return [page for file in files or [] for page in _files(file.name, file.getvalue())]


def _files(name: str, data: bytes) -> list[File]:
    """What to judge of a file: of a PDF each page, as far as one looks at them one by one."""
    try:
        return [File(called, page) for called, page in _opened(name, data, visitor())]
    except QuotaError as error:
        return [File(name, InkError(str(error)))]


@st.cache_data(max_entries=20, show_spinner="Opening the pages…")
def _opened(name: str, data: bytes, whose: str) -> list[tuple[str, bytes | InkError]]:
    with quota.turn(whose):
        return apart.call(name, as_files, data, name, MOST_PAGES, seconds=apart.FILE_SECONDS)


def camera() -> list[File]:
    """A photograph."""
    photo = st.camera_input("Photograph a digit on paper", key="photo")
    st.caption(
        "Lines, squares and boxes on the paper are left out, and so is what the paper lies on. No camera here, or none "
        "that the browser may use? Choose a picture under Upload instead."
    )
    return [File("photograph", photo.getvalue())] if photo else []


def judge_drawing(drawing: Drawing, point: OperatingPoint, at_hand: DeltaGenerator) -> None:
    """Judge what is on the canvas, or the example shown while it is empty.

    Args:
        drawing: what is to be judged.
        point: model, evidence and threshold.
        at_hand: takes the verdict once more, in a line, and until there is one that it is waited for.
    """
    about = f"{drawing.example}: " if drawing.example else ""
    example = f"An example, {drawing.example}. Draw your own and the verdict follows every stroke."
    st.caption(example if drawing.example else "What is on the canvas, judged after every stroke.")
    try:
        itself = drawing.picture.shape == (SIDE, SIDE)
        digits = None if itself else ink.read(drawing.picture, name="the drawing", split=False)
        images = drawing.picture[None] if digits is None else digits.images
        detector = _awake(images, point, lambda said: at_hand.markdown(f"{about}{said}"))
        readings = detector.inspect(images)
    except OddDigitError as error:
        at_hand.markdown(f":red[:material/error: {plain(error)}]")
        chrome.refuse(error)
        return
    second = opinion.at_once(readings, point)
    with at_hand:
        verdict.in_a_line(describe(readings, 0, point, detector.card_.calibrated_on, second[0]), about, short=True)

    def keep(asked: SecondOpinion | None) -> None:
        if not drawing.example:
            state.keep_digit(readings.images[0])
            _record(readings, point, detector, "canvas", "canvas", drawing.id, (asked,))

    keep(second[0])
    whose, weak = "the example" if drawing.example else "yours", partial(chrome.weak, detector.state_)
    later = verdict.show(readings, 0, point, detector.card_, whose=whose, under=weak)
    if later != second[0]:
        keep(later)
    if digits is not None:
        verdict.how_it_was_read(digits)


def _awake(images: NDArray[np.float32], point: OperatingPoint, say: Callable[[str], object]) -> "Detector":
    """The detector; while its digits wake, the likeliest of this ink first, those that are awake judge it."""
    if detector := picker.if_awake(point.model):
        return detector
    say(":material/hourglass_empty: The model is waking: its verdict comes here.")

    def judge_by(awake: "Detector") -> None:
        if point.evidence in DISTANCES:
            _so_far(awake.inspect(images), point, say)

    return picker.detector(point.model, images[0], judge_by)


def _so_far(readings: Readings, point: OperatingPoint, say: Callable[[str], object]) -> None:
    """What some of a model's digits say: that ink is normal stands whatever the others say; that it is odd does not."""
    if readings.class_id(point)[0]:
        st.caption("None of the digits that are ready finds it plausible; the others are asked as they wake.")
        return
    normal = verdict.signed(False, say_verdict(False))
    say(f"**{normal}** · which it could be follows when all of the model is awake.")
    st.markdown(f"### {normal}")
    st.markdown(
        "**That stands: another digit can only find it more plausible.** Which it could be follows when all are awake."
    )
    verdict.pictures(readings, 0, f"by-{len(readings.normal)}")


def judge_pictures(files: Sequence[File], point: OperatingPoint, kind: str) -> None:
    """Judge uploads or a photograph: a strip of digits with verdicts, the chosen one in full."""
    if not files:
        st.info("The verdict appears here as soon as there is a picture.", icon=":material/image_search:")
        return
    try:
        detector = picker.detector(point.model)
    except OddDigitError as error:
        chrome.refuse(error)
        return
    judged: list[Judged] = []
    for number, file in enumerate(files):
        try:
            picture = _read(file.data, file.name, _choice(file), visitor())
            readings = detector.inspect(picture.images)
        except OddDigitError as error:
            chrome.refuse(error)
            _undo(file)
            continue
        judged += [Judged(file, number, picture, readings, row) for row in range(len(readings))]
    if not judged:
        return
    second = _keep(judged, point, detector, kind)
    chosen = _strip(judged, second, point) if len(judged) > 1 else 0
    file, _, picture, readings, row = judged[chosen]
    state.keep_digit(readings.images[row])
    if len(files) > 1:
        st.caption(plain(file.name))

    def doubts() -> None:
        chrome.weak(detector.state_)
        _doubts(file, picture)

    later = verdict.show(readings, row, point, detector.card_, foreign_ink=True, key=f"{chosen}", under=doubts)
    verdict.how_it_was_read(picture)
    if later != second[chosen]:
        _keep(judged, point, detector, kind)


def _keep(
    judged: Sequence[Judged], point: OperatingPoint, detector: "Detector", kind: str
) -> tuple[SecondOpinion | None, ...]:
    """Record every digit with the second opinion on it, which it returns, as far as it can be had at once."""
    said: list[SecondOpinion | None] = []
    for one in judged:
        if one.row == 0:
            second = opinion.at_once(one.readings, point)
            source = f"{kind}: {one.file.name}" if kind == "upload" else kind
            _record(one.readings, point, detector, kind, source, f"{one.file.digest}-{one.number}", second)
            said += second
    return tuple(said)


def _record(
    readings: Readings,
    point: OperatingPoint,
    detector: "Detector",
    kind: str,
    source: str,
    drawing: str,
    second: Sequence[SecondOpinion | None],
) -> None:
    """Record verdicts; the same ``drawing`` is one row, updated. A history that cannot be written is said once."""
    about = {"source": source, "source_kind": kind, "model_hash": detector.fingerprint, "visitor": visitor()}
    verdicts = []
    for row, asked in enumerate(second):
        about["drawing"] = f"{drawing}-{row}-{point.model}"  # another model's verdict on it is a row of its own
        field = None if asked is None else asked.field
        verdicts.append(Verdict.of(readings, row, point, **about, second_opinion=field))
    try:
        History(visitor=visitor()).record_all(verdicts)
    except HistoryError as error:
        if not st.session_state.get("history_failed"):
            st.toast(f"Not kept in the history: {plain(error)}", icon=":material/warning:")
        st.session_state["history_failed"] = True


@st.cache_data(max_entries=200, show_spinner="Finding the ink…")
def _read(data: Source, name: str, choice: dict[str, Any], whose: str) -> ink.Ink:
    with quota.turn(whose):
        return apart.call(name, partial(ink.read, name=name, **choice), data)


def _strip(judged: Sequence[Judged], second: Sequence[SecondOpinion | None], point: OperatingPoint) -> int:
    """All digits with their verdicts, to press; returns which one is chosen.

    Those of one picture stand in it, each in a box; those of several pictures stand in a row.
    """
    flagged = [bool(one.readings.class_id(point)[one.row]) for one in judged]
    odd = sum(flagged)
    st.markdown(f"**{len(judged)} digits, {odd} anomal{'y' if odd == 1 else 'ies'}.** Press one to see all of it.")
    file, boxes = judged[0].file, judged[0].ink.boxes
    alone = file is judged[-1].file
    of = " ".join(dict.fromkeys(one.file.digest for one in judged)) + f" {len(judged)}"
    kept = st.session_state.get(SHOWN)
    first = most_prominent(boxes) if alone else flagged.index(True) if odd else 0
    chosen = kept[1] if kept is not None and kept[0] == of else first

    def press(number: int) -> None:
        st.session_state[SHOWN] = (of, number)

    if alone:
        page, places = page_with_boxes(file.data, file.name, boxes)
        tiles.boxes("shapes", page, places, range(len(judged)), flagged, chosen, press)
    else:
        tiles.show("strip", of, _tiles(judged, flagged, second), "Digits that were read", chosen=chosen, press=press)
    return int(chosen)


def _tiles(
    judged: Sequence[Judged], flagged: Sequence[bool], second: Sequence[SecondOpinion | None]
) -> list[tiles.Tile]:
    result = []
    for number, (one, odd, other) in enumerate(zip(judged, flagged, second, strict=True)):
        shape = "" if len(one.ink.images) == 1 else f", shape {one.row + 1}"
        doubted = f"reads as {either(other.reads_as) or 'no digit'}" if other is not None and other.disagrees else ""
        lines = tuple(line for line in (say_verdict(odd), doubted, f"{one.file.name}{shape}") if line)
        kind = "anomaly" if odd else "normal"
        result.append(tiles.Tile(number, tiles.picture_of(one.ink.images[one.row]), lines, kind=kind))
    return result


def _doubts(file: File, digits: ink.Ink) -> None:
    """What was unsure when the picture was read, each with the other choice."""
    for i, doubt in enumerate(digits.doubts):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"doubt-{i}"):
            st.markdown(f":material/help: {plain(doubt.message)}", width="stretch")
            if doubt.offer:
                choice = {**_choice(file), **doubt.other}
                st.button(plain(doubt.offer), on_click=_choose, args=(file, choice), key=f"other-{file.digest}-{i}")
    _undo(file)


def _undo(file: File) -> None:
    """The way back from a choice, which may have led to another doubt or to an error."""
    if _choice(file):
        key = f"undo-{file.digest}"
        st.button("Read it as at first", on_click=_choose, args=(file, {}), icon=":material/undo:", key=key)


def _choice(file: File) -> dict[str, bool]:
    """What a person chose for reading this picture, as arguments of ``ink.read``."""
    chosen: dict[str, bool] = st.session_state.get(_choice_key(file), {})
    return chosen


def _choose(file: File, choice: dict[str, bool]) -> None:
    st.session_state[_choice_key(file)] = choice


def _choice_key(file: File) -> str:
    return f"choice-{file.digest}"
