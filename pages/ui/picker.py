"""Choosing what is normal and where the threshold stands; the same widgets on every page that judges."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.detector import registry
from core.detector.loading import Arriving
from core.errors import ModelError, OddDigitError
from core.figures import images
from core.operating_point import EVIDENCES, OperatingPoint
from core.words import say_share
from pages.ui import picture, presses, state
from pages.ui.visitor import visitor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.detector import Detector
    from core.detector.state import Measured
    from core.history import Verdict

_SOON = 0.25  # seconds, in which nobody misses anything
ALPHAS = (0.01, 0.02, 0.05, 0.1, 0.2)
EVIDENCE_WORDS = {
    "fused": "fused: distance to normal digits, on an even scale",
    "manifold": "manifold: distance to what the generator can draw",
    "discriminator": "discriminator: does it look real?",
    "gradient": "gradient: edge directions against the reconstruction's",
    "pixel": "pixel: reconstruction error",
}
_DIGITS = {"any": "mnist-any"} | {str(d): f"mnist-{d}" for d in range(10)}


def model_and_threshold() -> OperatingPoint:
    """Which digit is normal and where the threshold stands; returns the operating point."""
    point = state.operating_point()
    state.said()
    with st.container(horizontal=True, vertical_alignment="bottom", key="choices"):
        pick_model(point)
        with st.popover(say_threshold(point)):
            _pick_threshold(point)
    return state.operating_point()


def model(point: OperatingPoint, evidence: bool = False) -> None:
    """Which digit is normal, and on demand which score the threshold is on."""
    state.said()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="choices"):
        pick_model(point)
        if evidence:
            pick_evidence(point)


def pick_model(point: OperatingPoint) -> None:
    """Which digit is normal: any, 0 to 9, or one of one's own models.

    Raises:
        ModelError: there is none at all.
    """
    shelf = registry.models(visitor())
    if not shelf:
        raise ModelError("There is no model here: put the files of checkpoints/ back, or train one under Training.")
    names = {model.name for model in shelf}
    digits = [word for word, name in _DIGITS.items() if name in names]
    others = [model.name for model in shelf if model.name not in _DIGITS.values()]
    chosen = next((word for word, name in _DIGITS.items() if name == point.model), None)
    if digits:
        how = _moved_by("digit_choice", chosen, "model", _DIGITS)
        st.segmented_control("Normal is", digits, width="content", **how)
    if others:
        how = _moved_by("own_choice", point.model if point.model in others else None, "model", options=others)
        st.selectbox("or one of yours", others, placeholder="your models", width=130, **how)


def pick_evidence(point: OperatingPoint) -> None:
    """Which score the threshold is on."""
    st.segmented_control(
        "Evidence",
        EVIDENCES[::-1],
        required=True,
        width="content",
        help="; ".join(EVIDENCE_WORDS.values()).capitalize() + ".",
        **_moved_by("evidence_choice", point.evidence, "evidence"),
    )


def detector(
    name: str,
    image: "NDArray[np.float32] | None" = None,
    so_far: "Callable[[Detector], None] | None" = None,
) -> "Detector":
    """The detector of that name, loaded once for all visitors; while it loads, the page shows how far it is.

    Args:
        name: of the model.
        image: an ink image ``(28, 28)`` that waits for it: the digits it is likeliest to be wake first.
        so_far: shows what the digits that are awake say of it.

    Raises:
        ModelError: there is none, or its file cannot be used.
    """
    file = _file(name)
    arriving = _arriving(*file)
    if image is not None:
        arriving.expect(image)
    if not arriving.wait(_SOON):
        _show(arriving, so_far)
    return _taken(arriving, file)


def if_awake(name: str) -> "Detector | None":
    """The detector of that name if it is there, else None.

    Raises:
        ModelError: as for ``detector``.
    """
    file = _file(name)
    arriving = _arriving(*file)
    return _taken(arriving, file) if arriving.awake else None


def measured(path: Path) -> "Measured":
    """A model's card, what its p-values are measured against, and its evaluation: read once, with no network.

    Raises:
        ModelError: it is no model.
        OSError: it is not there.
    """
    return _measured(str(path), path.stat().st_mtime_ns)


@st.cache_resource(max_entries=100, show_spinner=False)
def _measured(path: str, stamp: int) -> "Measured":  # noqa: ARG001 - the stamp makes a rewritten file be read anew
    from core.detector.file import read_measured  # with torch, which the first page does not wait for

    return read_measured(Path(path))


def say_threshold(point: OperatingPoint) -> str:
    """Where the threshold is, in a few words."""
    return f"line at {where(point)}"


def where(of: "OperatingPoint | Verdict") -> str:
    """As ``say_threshold``, after whatever stands before it."""
    said = f"score {of.threshold:g}" if of.alpha is None else f"{say_share(of.alpha)} false alarms"
    return said + ("" if of.evidence == "fused" else f", {of.evidence}")


def _file(name: str) -> tuple[str, int]:
    try:
        path = registry.find(name, visitor()).path
    except ModelError:
        if state.lost(name):
            st.rerun()
        raise
    return str(path), path.stat().st_mtime_ns


def _taken(arriving: Arriving, file: tuple[str, int]) -> "Detector":
    try:
        return arriving.detector()
    except OddDigitError:
        _arriving.clear(*file)  # whoever asks again, perhaps with memory or disk to spare now, tries again
        raise


@st.cache_resource(max_entries=24, show_spinner=False)
def _arriving(path: str, stamp: int) -> Arriving:  # noqa: ARG001 - the stamp makes a rewritten file load anew
    return Arriving(Path(path))


def _show(arriving: Arriving, so_far: "Callable[[Detector], None] | None") -> None:
    """How far a model is that takes a while: on a fresh machine it draws its memory anew, and one sees it do so."""
    place, said, digits, awake_before = st.empty(), st.empty(), len(arriving.normal), 0
    while not arriving.wait(_SOON):
        shown, awake = arriving.digits_ready, arriving.so_far()
        with place.container():  # drawn anew every time: a stroke can only interrupt what draws
            st.progress(
                shown / digits, f"**Waking the model**: {shown} of {digits} generator{'s' * (digits > 1)} ready"
            )
            sheet = images.sheet_png(arriving.sheet(), min(digits, 10), 2)
            picture.show(sheet, f"{shown} digits drawn by the generators that are ready")
            st.caption(
                "The first time on this machine it draws again all it remembers. Afterwards it is there at once."
            )
        if so_far is not None and awake is not None and len(awake.card_.normal) > awake_before:
            awake_before = len(awake.card_.normal)
            with said.container():
                so_far(awake)
    place.empty()
    said.empty()


def _pick_threshold(point: OperatingPoint) -> None:
    st.segmented_control(
        "False alarms you are willing to pay",
        ALPHAS,
        format_func=say_share,
        help="Of 100 normal digits, this many are flagged. Fewer false alarms let more anomalies slip through.",
        **_moved_by("alpha_choice", point.alpha if point.alpha in ALPHAS else None, "alpha"),
    )
    how = _moved_by("evidence_choice", point.evidence, "evidence", options=EVIDENCES[::-1])
    st.radio("Evidence", EVIDENCES[::-1], format_func=EVIDENCE_WORDS.get, **how)
    st.caption("The Threshold page lets you set the line anywhere and see what it costs.")


def _moved_by(
    name: str, value: Any, part: str, words: dict[Any, Any] | None = None, options: Sequence[Any] | None = None
) -> dict[str, Any]:
    """What makes a widget show a part of the operating point, and move it.

    Its key is the page's own: a choice that arrives when its page is being left already is read as that page's, not as
    what the widget of the same name shows on the next.
    """
    key = f"{name} {st.session_state[presses.PAGE]}"

    def take() -> None:
        if (choice := st.session_state[key]) is not None:
            moved: dict[str, Any] = {part: words[choice] if words else choice}
            state.move(**moved)

    return {"on_change": take, **presses.steered(key, value, options)}
