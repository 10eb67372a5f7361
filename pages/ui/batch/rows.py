"""The rows of a batch: as a gallery, as a table, the refused with their reasons, and one opened in full."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.batch import corrections
from core.batch.findings import Review
from core.errors import ModelError, OddDigitError
from core.figures.images import digit_png, inline, page_of_digits, page_with_boxes
from core.views.verdict_words import recorded
from core.words import NO_DIGIT, either, one_of, say_rarity
from pages.ui import chrome, picker, presses, tiles, verdict
from pages.ui.batch import intake
from pages.ui.text import plain

_TEXT = 60
PLACE = "batch rows"  # where what went wrong with a label is said


def gallery(review: Review, rows: NDArray[np.int64], shown: str) -> None:
    """Digits as pictures: pressing one opens its full reading, a digit key sets its label right."""
    seen = tiled(review, rows[review.judged[rows]].tolist(), shown)
    tiles.show(
        "gallery",
        f"{review.store.folder.name} {shown}",
        seen,
        "Digits of the pile, oddest first",
        press=partial(open_row, review),
        correct=partial(correct, review),
    )
    if refused := len(rows) - len(seen):
        st.caption(f"{refused:,} more could not be read: they have no picture, and their reasons are under refused.")


def tiled(review: Review, rows: list[int], shown: str = "") -> list[tiles.Tile]:
    """Rows as pictures, with what is to be said of them where those of a kind are shown: by default of what each is."""
    corrected, result = corrections.read(review.store), []
    for row, image in zip(rows, review.store.pictures(rows), strict=True):
        otherwise = shown in ("mislabelled", "doubted") if shown else review.labels.mislabelled[row]
        read = _reads_as(review, row) if otherwise else None
        rarity = say_rarity(review.p_value[row], review.calibration.n)
        said = f"reads as {read}" if read else f"{rarity} look at least this odd"
        lines = (said, review.source[row].rsplit("/", 1)[-1][-_TEXT:])
        word, label = _word(review, row), review.label[row]
        picture, alt = tiles.picture_of(image), f"digit {row + 1}: {word}"
        result.append(tiles.Tile(row, picture, lines, alt, word, label, corrected.get(row)))
    return result


def correct(review: Review, labels: dict[int, str | None]) -> None:
    """Keep labels that a person has set right; what goes wrong is said on the page."""
    presses.attempt(PLACE, corrections.correct, review.store, labels)


def table(review: Review, rows: NDArray[np.int64]) -> None:
    """The same as lines of a table: choosing one opens its full reading."""
    images = review.store.pictures(rows.tolist())
    drawn = _drawn(review, images, review.judged[rows])
    lines = []
    for row, image, drawing in zip(rows.tolist(), images, drawn, strict=True):
        judged = bool(review.judged[row])
        lines.append(
            {
                "number": row + 1,
                "digit": _uri(image) if judged else None,
                "reconstruction": None if drawing is None else _uri(drawing),
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
        "p-value": st.column_config.NumberColumn(format="%.3g", help="share of normal digits at least this odd"),
        "score": st.column_config.NumberColumn(format="%.4g", help="higher is odder"),
        "reads as": st.column_config.TextColumn(help="what the ink could be, to a model that knows several digits"),
        "label fits": st.column_config.TextColumn(help="whether the ink could be what the label says"),
    }
    key = f"table-{review.store.folder.name}-{rows[0]}-{len(rows)}"

    def choose() -> None:
        # Pressed again, a line is not chosen any more: whoever closed its reading wishes to see it once more.
        chosen = st.session_state[key]["selection"]["rows"] or st.session_state.get(f"last {key}", [])
        st.session_state[f"last {key}"] = chosen
        if chosen and chosen[0] < len(rows) and review.judged[rows[chosen[0]]]:
            open_row(review, int(rows[chosen[0]]))

    st.dataframe(
        pd.DataFrame(lines).dropna(axis=1, how="all"),
        hide_index=True,
        row_height=44,
        column_config=columns,
        on_select=choose,
        selection_mode="single-row",
        key=key,
    )
    st.caption("Choose a line to open its full reading.")


def refused(review: Review, rows: NDArray[np.int64]) -> None:
    """What could not be read, in the order it came, and why; whose name stands beside the reason is not named in it."""
    why = [review.error[row].removeprefix(review.source[row]).lstrip(": ") for row in rows]
    columns = {"source": map(plain, review.source[rows]), "why": [plain(f"{one[:1].upper()}{one[1:]}") for one in why]}
    st.table(pd.DataFrame(columns), hide_index=True, border="horizontal")  # which, unlike other tables, wraps its lines


def _drawn(review: Review, images: NDArray[np.float32], judged: NDArray[np.bool_]) -> list[NDArray[np.float32] | None]:
    """Reconstructions of the judged of some images, drawn when they are looked at; none where the model is gone."""
    drawn: list[NDArray[np.float32] | None] = [None] * len(images)
    try:
        readings = picker.detector(review.point.model).inspect(images[judged])
        for i, drawing in zip(np.flatnonzero(judged), readings.reconstruction, strict=True):
            drawn[i] = drawing
    except ModelError as error:
        verdict.without(review.point.model, error)
    return drawn


def open_row(review: Review, row: int) -> None:
    """Have a row opened in full."""
    presses.open_reading((review.store.folder.name, row))


def opened(review: Review, correctable: bool = True) -> None:
    """The digit that was opened, until it is closed: also while the page is drawn anew because the batch has ended.

    Args:
        review: the batch.
        correctable: whether its labels can be set right.
    """
    folder, row = presses.opened() or ("", 0)
    if folder == review.store.folder.name and row < len(review):
        presses.reading(partial(_reading, review, correctable))


def _reading(review: Review, correctable: bool) -> None:
    """A digit in full, with its label, and where it stood in its picture; a press on another there leads to that."""
    row = int(presses.opened()[1])
    st.caption(f"Number {row + 1:,} · {plain(review.source[row])}")
    try:
        _label(review, row, correctable)
        images, second = review.store.pictures([row]), review.second_opinion(row)
        try:
            detector = picker.detector(review.point.model)
        except ModelError as error:
            verdict.without(review.point.model, error)
            anomaly, reads_as = bool(review.flagged[row]), review.prediction_set(row) or None
            n = review.calibration.n
            verdict.as_recorded(recorded(anomaly, review.p_value[row], review.normal, n, reads_as, second), images[0])
            return
        finally:
            _where(review, row)
        readings = detector.inspect(images)
        verdict.show(
            readings, 0, review.point, detector.card_, True, key=f"batch-{row}", whose="this one", second=second
        )
    except OddDigitError as error:
        chrome.refuse(error)


def _label(review: Review, row: int, correctable: bool) -> None:
    """What the digit is labelled, and the right label a press away."""
    given, corrected = review.label[row], corrections.read(review.store).get(row)
    if corrected is not None:
        said = "found right" if corrected == given else f"set right: it is {one_of(corrected)}"
        st.caption(plain(f"Labelled {given}, {said}." if given is not None else f"Labelled by hand: {corrected}."))
    elif review.labels.mislabelled[row]:
        why = review.labels.explain(row, str(given), review.normal)
        st.warning(f"Probably mislabelled. {plain(why)}", icon=":material/label_off:")
    elif given is not None:
        st.caption(f"Labelled {plain(given)}.")
    if not correctable:
        return
    known = {*"0123456789", *review.normal, *review.label_names, *(() if corrected is None else (corrected,))}
    st.pills(
        "It is" if given is None else "It is really",
        [*sorted(known - {NO_DIGIT}), NO_DIGIT],
        default=corrected,
        key=f"label-{review.store.folder.name}-{row}",
        format_func=plain,
        on_change=_press_label,
        args=(review, row),
        help="The corrected set is a download below the gallery's filters. In the gallery a digit key does the same, "
        "x stands for no digit, space says that a label is right, backspace takes it back.",
    )


def _press_label(review: Review, row: int) -> None:
    correct(review, {row: st.session_state[f"label-{review.store.folder.name}-{row}"]})


def _where(review: Review, row: int) -> None:
    """The digits of its picture, a box around each, to press: in the picture itself while that is still at hand."""
    source = review.source[row]
    siblings = np.flatnonzero((review.item == review.item[row]) & (review.source == source) & review.judged)
    if (file := intake.handed_in(review.store).get(source)) is not None:
        page, places = page_with_boxes(file, source, review.boxes[siblings])
        said = "Where it stood in the picture"
    elif len(siblings) > 1:
        images = review.store.pictures(siblings.tolist())
        page, places = page_of_digits(images, review.boxes[siblings])
        said = "The digits of its picture, put where they stood: the picture itself is not kept"
    else:
        return
    st.caption(said + ("; press another to see it." if len(siblings) > 1 else "."))
    press = partial(open_row, review)
    tiles.boxes("where", page, places, siblings.tolist(), review.flagged[siblings], row, press)


def _word(review: Review, row: int) -> str:
    if not review.judged[row]:
        return "refused"
    return "anomaly" if review.flagged[row] else "normal"


def _reads_as(review: Review, row: int) -> str | None:
    """The digits that the ink could be, beside a model of one digit to the model of all ten; None where none says."""
    second = review.second_opinion(row)
    if not review.judged[row] or (second is None and not review.digits.shape[1]):
        return None
    return either(review.prediction_set(row) if second is None else second.reads_as) or NO_DIGIT


def _fits(review: Review, row: int) -> str | None:
    """Whether the label is one of the digits that the ink could be; None without a label that the model knows."""
    if np.isnan(review.labels.p_value[row]):
        return None
    if not review.labels.disagreeing[row]:
        return "yes"
    return "no: probably mislabelled" if review.labels.mislabelled[row] else "no"


def _uri(image: NDArray[np.float32]) -> str:
    return inline(digit_png(image, 2))
