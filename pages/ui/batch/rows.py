"""The rows of a batch: as a gallery, as a table, and one of them opened in full."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.batch import queue
from core.batch.findings import Review
from core.batch.queue import Upload
from core.errors import OddDigitError
from core.figures.images import boxed, digit_png, inline
from core.words import say_share
from pages.ui import chrome, picker, picture, verdict
from pages.ui.text import plain

_TEXT = 60


def gallery(review: Review, rows: NDArray[np.int64], shown: str) -> None:
    """Digits as pictures, each with what stands out about it and the way into its full reading."""
    images, _ = review.store.pictures(rows.tolist())
    opened = None
    with st.container(horizontal=True, gap="small", key="gallery"):
        for row, image in zip(rows.tolist(), images, strict=True):
            with st.container(width=92, gap=None):
                if not review.judged[row]:
                    st.caption(f":material/block: {plain(review.source[row][-_TEXT:])}", help=plain(review.error[row]))
                    continue
                picture.show(
                    digit_png(image, 3),
                    _alt(review, row),
                    width=84,
                    caption=_caption(review, row, shown),
                )
                name = plain(review.source[row])
                if st.button(f"{row + 1:,}", key=f"open-{shown}-{row}", type="tertiary", help=name):
                    opened = row
    if opened is not None:
        reading(review, opened)


def table(review: Review, rows: NDArray[np.int64]) -> None:
    """The same as lines of a table; a chosen one can be opened."""
    images, drawn = review.store.pictures(rows.tolist())
    lines = []
    for row, image, drawing in zip(rows.tolist(), images, drawn, strict=True):
        judged = bool(review.judged[row])
        lines.append(
            {
                "number": row + 1,
                "digit": _uri(image) if judged else None,
                "reconstruction": _uri(drawing) if judged else None,
                "verdict": _word(review, row),
                "p-value": review.p_value[row],
                "score": review.score[row],
                "reads as": _reads_as(review, row),
                "label": review.label[row],
                "label fits": _fits(review, row),
                "source": review.source[row],
                "reason": review.error[row] or None,
            }
        )
    columns = {
        "number": st.column_config.NumberColumn(width="small", help="place in the pile, from 1"),
        "digit": st.column_config.ImageColumn(width="small", help="as the model sees it"),
        "reconstruction": st.column_config.ImageColumn(width="small", help="the nearest normal digit"),
        "p-value": st.column_config.NumberColumn(format="%.4f", help="share of normal digits at least this odd"),
        "score": st.column_config.NumberColumn(format="%.4g", help="higher is odder"),
        "label fits": st.column_config.TextColumn(help="whether the ink could be what the label says"),
    }
    frame = pd.DataFrame(lines).dropna(axis=1, how="all")
    found = st.dataframe(
        frame,
        hide_index=True,
        row_height=44,
        column_config=columns,
        on_select="rerun",
        selection_mode="single-row",
        key=f"table-{rows[0]}-{len(rows)}",
    )
    chosen = found.selection.rows
    if chosen and chosen[0] < len(rows) and review.judged[row := int(rows[chosen[0]])]:
        if st.button(f"Open number {row + 1:,}", icon=":material/open_in_full:", key="open-chosen"):
            reading(review, row)
    else:
        st.caption("Choose a line to open its full reading.")


@st.dialog("The full reading", width="medium")
def reading(review: Review, row: int) -> None:
    """One digit of the pile in full, with its label, and where it stood in its picture while that is at hand."""
    st.caption(f"Number {row + 1:,} · {plain(review.source[row])}")
    if review.labels.mislabelled[row]:
        other = " or ".join(review.prediction_set(row))
        said = f", it reads as {plain(other)}" if other else ""
        st.warning(f"Labelled {plain(review.label[row])}{said}: probably mislabelled.", icon=":material/label_off:")
    elif review.label[row] is not None:
        st.caption(f"Labelled {plain(review.label[row])}.")
    try:
        detector = picker.detector(review.point.model)
        images, _ = review.store.pictures([row])
        verdict.show(detector.inspect(images), 0, review.point, detector.card_, True, key=f"batch-{row}")
        _original(review, row)
    except OddDigitError as error:
        chrome.refuse(error)


def _original(review: Review, row: int) -> None:
    """The picture with the boxes of all digits found in it, as long as the uploaded file is still at hand."""
    handed_in = [file for key in ("files", "a folder") for file in st.session_state.get(f"pile-{key}") or []]
    uploads = [Upload(file.name, file.getbuffer()) for file in handed_in]
    names = queue.names_of(uploads)
    siblings = np.flatnonzero((review.item == review.item[row]) & review.judged)
    if review.source[row] not in names or not len(siblings):
        return
    data = bytes(uploads[names.index(review.source[row])].data)
    page = boxed(
        data, review.source[row], review.boxes[siblings], review.flagged[siblings], siblings.tolist().index(row)
    )
    where = "Where it stood in the picture"
    picture.show(page, where, caption=where, width="stretch")


def _caption(review: Review, row: int, shown: str) -> str:
    if shown == "mislabelled":
        return f"{plain(review.label[row])} → {' or '.join(review.prediction_set(row)) or '?'}"
    sign = verdict.SIGN[bool(review.flagged[row])]
    return f"{sign} {say_share(review.p_value[row])}"


def _alt(review: Review, row: int) -> str:
    return f"digit {row + 1}: {_word(review, row)}"


def _word(review: Review, row: int) -> str:
    if not review.judged[row]:
        return "refused"
    return "anomaly" if review.flagged[row] else "normal"


def _reads_as(review: Review, row: int) -> str | None:
    """The digits that the ink could be; None for a refusal, and for a model of one digit, which cannot tell."""
    if not review.judged[row] or not review.digits.shape[1]:
        return None
    return " or ".join(review.prediction_set(row)) or "no digit"


def _fits(review: Review, row: int) -> str | None:
    """Whether the label is one of the digits that the ink could be; None without a label that the model knows."""
    if np.isnan(review.labels.p_value[row]):
        return None
    if not review.labels.disagreeing[row]:
        return "yes"
    return "no: probably mislabelled" if review.labels.mislabelled[row] else "no"


def _uri(image: NDArray[np.float32]) -> str:
    return inline(digit_png(image, 2))
