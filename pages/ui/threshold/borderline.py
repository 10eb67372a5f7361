"""The digits at the threshold with reconstruction and heat map; choosing one opens its full reading."""

import io
from collections.abc import Mapping
from functools import partial
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
from pages.ui import chrome, presses, state, tiles, verdict
from pages.ui.text import plain
from pages.ui.visitor import visitor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.detector import Detector


_WANTED = "download_wanted"
_YOURS = -1  # the tile of a visitor's own digit; the others are rows of the evaluation


def show(detector: "Detector", evaluation: Evaluation, point: OperatingPoint, threshold: float) -> None:
    """Four groups of digits: either side of the threshold, worst misses, worst false alarms."""
    st.subheader("The digits at the line", anchor=False)
    st.caption(
        "Each digit over what a normal one would look like and where they differ, framed :blue[blue] if it really is "
        "normal, :orange[orange] if an anomaly; under it its label and its score. Press one for its full reading."
        + (" Yours stands on its side of the line, however far away." if state.last_digit() is not None else "")
    )
    groups = borderline.groups(evaluation, point.evidence, threshold)
    rows = tuple(dict.fromkeys(row for group in groups for row in group.rows))
    together, pictured = readings_of(detector, evaluation, rows)
    readings = {} if together is None else {row: together[i] for i, row in enumerate(pictured)}
    last = _own(detector)
    side = None if last is None else int(last.class_id(point)[0])
    for pair in (groups[:2], groups[2:]):
        for column, group in zip(st.columns(2, gap="large"), pair, strict=True):
            with column:
                own = last if side is not None and group is groups[side] else None
                _group(detector, evaluation, point, group, readings, own)
    _offer_download(evaluation)


def readings_of(
    detector: "Detector", evaluation: Evaluation, rows: tuple[int, ...]
) -> tuple[Readings | None, tuple[int, ...]]:
    """Readings of those of ``rows`` whose picture is on this machine as it was, in order, and which rows these are."""
    images = borderline.images_of(evaluation, rows, _load)
    pictured = tuple(row for row in rows if row in images)
    if not pictured:
        return None, ()
    which = tuple((evaluation.sources[evaluation.source[row]], int(evaluation.position[row])) for row in pictured)
    readings = _inspect(detector, detector.fingerprint, which, [images[row] for row in pictured])
    kept = borderline.as_evaluated(evaluation, pictured, readings)
    return (readings[list(kept)] if kept else None), tuple(pictured[i] for i in kept)


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
    made, name = partial(_csv, columns), f"{detector.card_.name}-{point.evidence}.csv"
    st.download_button("Download as CSV", made, name, "text/csv", on_click="ignore", icon=":material/download:")


def _csv(columns: "dict[str, NDArray[np.generic]]") -> str:
    file = io.StringIO(newline="")
    write_csv(file, tuple(columns), zip(*columns.values(), strict=True))
    return file.getvalue()


def _group(
    detector: "Detector",
    evaluation: Evaluation,
    point: OperatingPoint,
    group: borderline.Group,
    readings: dict[int, Readings],
    own: Readings | None,
) -> None:
    """One group; on the side of the threshold where a visitor's own digit lies, that one stands first."""
    st.markdown(f"**{group.title}**")
    rows = group.rows[: borderline.COUNT - (own is not None)]
    names = {row: evaluation.label_names[evaluation.label[row]] for row in rows}
    shown = ({} if own is None else {_YOURS: own}) | {row: readings[row] for row in rows if row in readings}
    if not rows and own is None:
        st.caption(group.empty)
    if unpictured := [f"{names[row]} {_score(evaluation.scores, row, point)}" for row in rows if row not in readings]:
        st.markdown(plain(", ".join(unpictured)))
    if not shown:
        return
    strips = []
    for row, one in shown.items():
        kind = "yours" if row == _YOURS else "anomaly" if evaluation.anomaly[row] else "normal"
        strip = images.inline(images.strip_png(one.images[0], one.reconstruction[0], one.residual[0]))
        lines = (names.get(row, "yours"), _score(one.scores, 0, point))
        strips.append(tiles.Tile(row, strip, lines, f"{kind}, reconstruction, heat map", kind))
    of = f"{detector.fingerprint} {point} {group.title}"

    def press(row: int) -> None:
        presses.open_reading((of, row))

    tiles.show(f"line-{group.title}", of, strips, group.title, columns=borderline.COUNT, press=press)
    opened = presses.opened()
    if opened in [(of, row) for row in shown]:
        row = opened[1]
        about = f"Labelled {names[row]} in its data set." if row in names else "The digit you gave last."
        whose = "this one" if row in names else "yours"
        presses.reading(partial(_reading, shown[row], point, detector, about, whose), "A digit at the line")


def _score(scores: Mapping[str, "np.ndarray"], row: int, point: OperatingPoint) -> str:
    return f"{scores[point.evidence][row]:#.3g}"


def _own(detector: "Detector") -> Readings | None:
    """Readings of the digit that the visitor drew or handed in last."""
    image = state.last_digit()
    if image is None:
        return None
    return _inspect(detector, detector.fingerprint, (("own", hash(image.tobytes())),), [image])


def _reading(readings: Readings, point: OperatingPoint, detector: "Detector", about: str, whose: str) -> None:
    st.caption(plain(about))
    verdict.show(readings, 0, point, detector.card_, key="at-the-line", whose=whose)


def _offer_download(evaluation: Evaluation) -> None:
    """Where pictures are missing, say so and fetch them on demand."""
    for name in borderline.not_here(evaluation):
        about = datasets.NAMES[name]
        st.info(f"{about.title} is not on this machine, so its digits are shown without pictures.")
        label, key, act = f"Download {about.title} ({about.download_mb} MB)", f"download-{name}", (_WANTED, name)
        st.button(label, key=key, on_click=st.session_state.__setitem__, args=act)
        if st.session_state.get(_WANTED) == name:
            _download(name)


def _download(name: str) -> None:
    """Fetch a data set that was asked for; the page can be left meanwhile, and goes on when one comes back."""
    bar = st.progress(0.0, f"Downloading {datasets.NAMES[name].title}")

    def follow(share: float, line: str) -> None:
        bar.progress(min(share, 1.0), line)

    try:
        datasets.load(name, "all", progress=follow)
    except OddDigitError as error:
        st.session_state.pop(_WANTED)
        chrome.refuse(error)
        return
    st.session_state.pop(_WANTED)
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
