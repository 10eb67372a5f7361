"""A reading as a person sees it: the verdict, the three pictures, where it stands, and what is behind it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.detector import registry
from core.detector.model_card import Card
from core.detector.readings import Readings
from core.errors import ModelError, OddDigitError
from core.figures import charts, images
from core.ink import Ink
from core.operating_point import EVIDENCES, OperatingPoint
from core.views.differences import in_words
from core.views.second_opinion import SecondOpinion, wanted
from core.views.verdict_words import Wording, describe
from core.words import name_normals, say_p_value, say_share
from pages.ui import chrome, opinion, picker, picture, presses
from pages.ui.text import plain
from pages.ui.visitor import visitor

SIGN = {False: ":material/check_circle:", True: ":material/warning:"}
COLOUR = {False: "blue", True: "orange"}
_ASKING = "The network that knows all ten digits is waking, to say how it reads this."
_FOREIGN = (
    " Other pens and hands look odder to it than they are: at the foot of the Threshold page your own digits become "
    "the yardstick."
)


def show(
    readings: Readings,
    row: int,
    point: OperatingPoint,
    card: Card,
    foreign_ink: bool = False,
    key: str = "",
    under: Callable[[], object] | None = None,
    whose: str = "yours",
    second: SecondOpinion | None = None,
) -> SecondOpinion | None:
    """Everything about one reading, the answer first; returns the second opinion, where one is wanted.

    Where the model that gives it sleeps, it is waited for after all else is shown, and the answer says so.

    Args:
        readings: the readings.
        row: which of them.
        point: model, evidence and threshold.
        card: the detector's card.
        foreign_ink: whether the picture is a photograph or an upload, so that its writer and pen differ.
        key: tells apart two verdicts on one page.
        under: draws what belongs right under the answer.
        whose: what the digit is called on the chart.
        second: the second opinion, where it was asked before.
    """
    answer = st.empty()
    second = second or opinion.at_once(readings[row], point)[0]
    asking = second is None and wanted(readings.normal)
    with answer.container():
        headline(readings, row, point, card, foreign_ink, key, second, _ASKING if asking else "")
    if under is not None:
        under()
    details(readings, row, point, key, whose)
    if asking:
        note = ""
        try:
            second = opinion.wait_for(readings[row], point)
        except OddDigitError as error:
            note = f"No second opinion: {error}"
        with answer.container():
            headline(readings, row, point, card, foreign_ink, key, second, note)
    return second


def headline(
    readings: Readings,
    row: int,
    point: OperatingPoint,
    card: Card,
    foreign_ink: bool = False,
    key: str = "",
    second: SecondOpinion | None = None,
    note: str = "",
) -> None:
    """The answer alone; arguments as of :func:`show`, and what is to be said of a second opinion that is not there."""
    words = describe(readings, row, point, card.calibrated_on, second)
    kind = f"{'anomaly' if words.anomaly else 'normal'}{'-asking' if note == _ASKING else ''}"
    with st.container(key=f"verdict-{kind}-{row}-{key}", gap="xsmall"):
        st.markdown(f"### {signed(words.anomaly, words.verdict)}")
        # One element with or without a second opinion: what is drawn anew leaves none of the former ones behind.
        second_line = f":material/group: {plain(said)}\n\n" if (said := words.second_opinion or note) else ""
        st.markdown(f"{second_line}**{plain(words.meaning)}** {plain(words.extrapolation)}")
        st.caption(plain(words.calibration_set) + (_FOREIGN if foreign_ink and not card.recalibrated else ""))


def signed(anomaly: bool, said: str) -> str:
    """A verdict with its sign, in its colour."""
    return f":{COLOUR[anomaly]}[{SIGN[anomaly]} {plain(said)}]"


def details(readings: Readings, row: int, point: OperatingPoint, key: str = "", whose: str = "yours") -> None:
    """What the answer rests on: pictures, where the score stands, the discriminator's response, each evidence.

    Arguments as of :func:`show`.
    """
    pictures(readings, row, key)
    if said := in_words(readings, row, point):
        st.caption(said)
    _standing(readings, row, point, key, whose)
    st.markdown(
        f"The discriminator's response: **{readings.probability[row]:.2f}** to this digit, "
        f"**{readings.reconstruction_probability[row]:.2f}** to its reconstruction "
        f":gray[(1 = looks like a real normal digit, 0 = does not)]"
    )
    st.button(
        "Walk around this reconstruction",
        icon=":material/explore:",
        type="tertiary",
        key=f"walk-{row}-{key}",
        on_click=presses.attempt,
        args=(f"walk-{row}-{key}", _walk, readings, row),
    )
    chrome.failed(f"walk-{row}-{key}")
    with st.expander("Each evidence on its own"):
        _evidences(readings, row, point)


def in_a_line(words: Wording, about: str = "", short: bool = False) -> None:
    """The verdict and what it means, in a line.

    Args:
        words: the verdict.
        about: says first what was judged, where one could not tell.
        short: a second opinion is said in place of the first one's meaning.
    """
    more = words.second_opinion if short and words.second_opinion else f"{words.meaning} {words.second_opinion}"
    st.markdown(f"{about}**{signed(words.anomaly, words.verdict)}** · {plain(more)}")


def as_recorded(words: Wording, image: NDArray[np.float32]) -> None:
    """What was kept of a verdict, where its model cannot judge the digit ``(28, 28)`` again, or not as it did."""
    in_a_line(words, "As recorded: ")
    picture.show(images.digit_png(image), "the digit as the model saw it", width=224)


def without(model: str, error: ModelError) -> None:
    """Say that a model is not here any more, or why it cannot be used."""
    if model in {one.name for one in registry.models(visitor())}:
        chrome.refuse(error)
    else:
        st.info(f"{plain(model)} is no longer here: this is what it said.", icon=":material/history:")


def how_it_was_read(ink: Ink) -> None:
    """The steps from the picture to the ink image, folded away."""
    with st.expander("How the model sees your picture"):
        columns = st.columns(min(4, max(1, len(ink.steps))))
        for i, step in enumerate(ink.steps):
            caption = f"{i + 1}. {plain(step.name)}. {plain(step.note)}"
            picture.show(step.image, step.name, caption=caption, width="stretch", place=columns[i % len(columns)])


def _walk(readings: Readings, row: int) -> None:
    """Open the generator page where the reconstruction lies."""
    from core.views import latent_walk  # with torch, which the first page does not wait for

    digit, latent = latent_walk.locate(picker.detector(readings.model), readings.images[row])
    presses.go("pages/5_Generator.py", model=readings.model, digit=digit, latent=latent_walk.to_text(latent))


def pictures(readings: Readings, row: int, key: str = "") -> None:
    """The digit, the normal digit nearest to it, and where they differ."""
    nearest = "nearest normal digit" if len(readings.normal) > 1 else f"nearest normal {plain(readings.normal[0])}"
    image, reconstruction = readings.images[row], readings.reconstruction[row]
    pictures = (
        (images.digit_png(image), "as the model sees it", "The digit as the model sees it, 28 by 28 pixels"),
        (images.digit_png(reconstruction), nearest, "The generator's reconstruction of it"),
        (
            images.residual_png(image, readings.residual[row]),
            "where they differ: :orange[too much ink], :blue[missing ink]",
            "Heat map of the difference",
        ),
    )
    with st.container(key=f"pictures-{row}-{key}"):
        for column, (png, caption, alt) in zip(st.columns(3, wrap=False), pictures, strict=True):
            picture.show(png, alt, caption=caption, width="stretch", place=column)


def _standing(readings: Readings, row: int, point: OperatingPoint, key: str, whose: str) -> None:
    scores = readings.calibrations[point.evidence].scores
    score = float(readings.scores[point.evidence][row])
    figure = charts.standing(scores, readings.threshold(point), score, whose, name_normals(readings.normal))
    said = "Histogram of the scores of normal digits, with the line and this digit's score"
    picture.chart(figure, f"standing-{key}", said)


def _evidences(readings: Readings, row: int, point: OperatingPoint) -> None:
    table = pd.DataFrame(
        {
            "evidence": EVIDENCES,
            "score": [readings.scores[e][row] for e in EVIDENCES],
            "p-value": [say_p_value(readings.p_values[e][row]) for e in EVIDENCES],
            "odder than": [say_share(1 - readings.p_values[e][row]) for e in EVIDENCES],
        }
    )
    columns = {
        "score": st.column_config.NumberColumn(format="%.4g"),
        "p-value": st.column_config.TextColumn(help="share of normal digits at least this odd"),
        "odder than": st.column_config.TextColumn(help="share of normal digits less odd"),
    }
    st.dataframe(table, hide_index=True, column_config=columns)
    if digits := readings.digits_by(point.evidence):
        st.caption(
            "How plausible each digit is: its p-value among normal digits of that kind. "
            "Another digit that is nearer counts against it."
        )
        ordered = {name: say_p_value(p[row]) for name, p in digits.items()}
        st.dataframe(pd.DataFrame([ordered]), hide_index=True)
