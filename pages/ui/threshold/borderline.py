"""The digits at the line with reconstruction and heat map; choosing one opens its full reading."""

import io
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core import datasets
from core.calibration.evaluation import Evaluation
from core.datasets import Dataset, uploads
from core.detector.readings import Readings
from core.errors import OddDigitError
from core.figures import images
from core.files.csv import write_csv
from core.operating_point import OperatingPoint
from core.views import borderline
from pages.ui import chrome, picture, verdict
from pages.ui.text import plain
from pages.ui.visitor import visitor

if TYPE_CHECKING:
    import numpy as np

    from core.detector import Detector


_WIDTH = 84  # pixels of a strip on the page


def show(detector: "Detector", evaluation: Evaluation, point: OperatingPoint, threshold: float) -> None:
    """Four groups of digits: either side of the line, worst misses, worst false alarms."""
    st.subheader("The digits at the line", anchor=False)
    st.caption(
        "Each digit over what a normal one would look like and where they differ. Under it what it really is, "
        ":blue[normal] or :orange[an anomaly], and its score. Press to see all of its reading."
    )
    groups = borderline.groups(evaluation, point.evidence, threshold)
    rows = tuple(dict.fromkeys(row for group in groups for row in group.rows))
    readings, pictured = _readings(detector, evaluation, rows)
    for pair in (groups[:2], groups[2:]):
        for column, group in zip(st.columns(2, gap="large"), pair, strict=True):
            with column:
                _group(detector, evaluation, point, group, pictured, readings)
    _offer_download(evaluation)


def readings_of(detector: "Detector", evaluation: Evaluation, rows: tuple[int, ...]) -> Readings | None:
    """Readings of evaluation digits, in the order of ``rows`` without those whose picture is not on this machine."""
    return _readings(detector, evaluation, rows)[0]


def every_image(detector: "Detector", evaluation: Evaluation, point: OperatingPoint, threshold: float) -> None:
    """Every evaluation digit as a sortable table and as CSV."""
    columns = borderline.table(evaluation, detector.calibrations_[point.evidence], point.evidence, threshold)
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height=320,
        column_config={
            "score": st.column_config.NumberColumn(format="%.4g"),
            "p-value": st.column_config.NumberColumn(format="%.4f", help="share of normal digits at least this odd"),
        },
    )
    file = io.StringIO(newline="")
    write_csv(file, tuple(columns), zip(*columns.values(), strict=True))
    name = f"{detector.card_.name}-{point.evidence}.csv"
    st.download_button(
        "Download as CSV", file.getvalue(), name, "text/csv", on_click="ignore", icon=":material/download:"
    )


def _readings(
    detector: "Detector", evaluation: Evaluation, rows: tuple[int, ...]
) -> tuple[Readings | None, tuple[int, ...]]:
    """The readings there can be, and which rows they are of."""
    images = borderline.images_of(evaluation, rows, _load)
    pictured = tuple(row for row in rows if row in images)
    if not pictured:
        return None, ()
    which = tuple((evaluation.sources[evaluation.source[row]], int(evaluation.position[row])) for row in pictured)
    return _inspect(detector, detector.fingerprint, which, [images[row] for row in pictured]), pictured


def _group(
    detector: "Detector",
    evaluation: Evaluation,
    point: OperatingPoint,
    group: borderline.Group,
    pictured: tuple[int, ...],
    readings: Readings | None,
) -> None:
    st.markdown(f"**{group.title}**")
    if not group.rows:
        st.caption(group.empty)
        return
    strip = st.container(horizontal=True, gap="small")
    for row in group.rows:
        label = evaluation.label_names[evaluation.label[row]]
        colour = verdict.COLOUR[bool(evaluation.anomaly[row])]
        words = f":{colour}[**{plain(label)}**] {evaluation.scores[point.evidence][row]:.3g}"
        with strip.container(width=_WIDTH, gap="xxsmall"):
            if readings is None or row not in pictured:
                st.markdown(words)
                continue
            at = pictured.index(row)
            triple = images.strip_png(readings.images[at], readings.reconstruction[at], readings.residual[at])
            picture.show(triple, f"{label}: digit, reconstruction, heat map", width="stretch")
            if st.button(words, key=f"{group.title}-{row}", type="tertiary", width="stretch"):
                _open(readings, at, point, detector, label)


@st.dialog("A digit at the line", width="medium")
def _open(readings: Readings, row: int, point: OperatingPoint, detector: "Detector", label: str) -> None:
    st.caption(f"Labelled {plain(label)} in its data set.")
    verdict.show(readings, row, point, detector.card_, key="at-the-line")


def _offer_download(evaluation: Evaluation) -> None:
    """Where pictures are missing, say so and fetch them on demand."""
    for name in borderline.not_here(evaluation):
        about = datasets.NAMES[name]
        st.info(f"{about.title} is not on this machine, so its digits are shown without pictures.")
        if st.button(f"Download {about.title} ({about.download_mb} MB)", key=f"download-{name}"):
            _download(name)


def _download(name: str) -> None:
    bar = st.progress(0.0, f"Downloading {datasets.NAMES[name].title}")

    def follow(share: float, line: str) -> None:
        bar.progress(min(share, 1.0), line)

    try:
        datasets.load(name, "all", progress=follow)
    except OddDigitError as error:
        chrome.refuse(error)
        return
    st.rerun()


def _load(name: str, part: str) -> Dataset:
    return _cached_set(name, part, visitor())


@st.cache_resource(max_entries=6, show_spinner=False)
def _cached_set(name: str, part: str, whose: str) -> Dataset:
    return uploads.load(name, part, whose)


@st.cache_resource(max_entries=32, show_spinner=False)
def _inspect(
    _detector: "Detector",
    fingerprint: str,  # noqa: ARG001 - tells models of one name apart
    which: tuple[tuple[str, int], ...],  # noqa: ARG001 - tells the images apart
    _images: "list[np.ndarray]",
) -> Readings:
    return _detector.inspect(_images)
