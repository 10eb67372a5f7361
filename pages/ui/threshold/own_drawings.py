"""Drawing one's own digits right there, one after another: kept for the visit, each to be taken out and put back."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import ink
from core.calibration.own_ink import ASKED
from core.datasets.pictures import Pictures
from core.errors import OddDigitError
from core.words import one_of
from pages.ui import chrome, tiles
from pages.ui.draw import canvas
from pages.ui.text import plain

_KEPT = "own_drawings"


class Drawn(NamedTuple):
    """A digit as it was drawn: which one, what it is called, and its ink image ``(28, 28)``."""

    label: str
    name: str
    image: NDArray[np.float32]


@dataclass
class _Kept:
    """The digits of this visit, and the last one taken out with its place; ``changes`` tells one state from another."""

    digits: list[Drawn] = field(default_factory=list)
    gone: tuple[int, Drawn] | None = None
    drawn: int = 0
    changes: int = 0


def collect(normal: tuple[str, ...]) -> Pictures | None:
    """The canvas, a button that keeps what is on it, and all that was kept; returns those of the model's digits."""
    kept: _Kept = st.session_state.setdefault(_KEPT, _Kept())
    counts = {label: sum(digit.label == label for digit in kept.digits) for label in normal}
    count = sum(counts.values())
    label = min(normal, key=lambda name: counts[name])  # they take turns
    left, right = st.columns([2, 3], gap="large")
    with left:
        drawing = canvas.blank(f"Draw {plain(one_of(label))}, as you write it", f"own-canvas-{kept.drawn}")
        _offer(kept, drawing, label)
    rows = {row: digit for row, digit in enumerate(kept.digits) if digit.label in normal}
    with right:
        st.progress(
            min(count / ASKED, 1.0),
            f"**{count}** drawn, more help" if count >= ASKED else f"**{count} of {ASKED}** drawn",
        )
        _thumbnails(kept, rows)
    if not rows:
        return None
    labels, names, images = zip(*rows.values(), strict=True)
    return Pictures(np.stack(images), list(labels) if len(normal) > 1 else None, names, ())


def _offer(kept: _Kept, drawing: NDArray[np.uint8] | None, label: str) -> None:
    image = None
    if drawing is not None:
        try:
            image = ink.read(drawing, name="the drawing", split=False).images[0]
        except OddDigitError as error:
            chrome.refuse(error)
    st.button(
        f"Keep this {plain(label)}, next",
        type="primary",
        key="own_keep",
        icon=":material/add:",
        on_click=_keep,
        args=(kept, label, image),
        disabled=image is None,
        width="stretch",
    )


def _thumbnails(kept: _Kept, rows: dict[int, Drawn]) -> None:
    if rows:
        st.caption("Press one to take it out.")
        pictures = [
            tiles.Tile(row, tiles.picture_of(digit.image), (), f"{digit.name}, to take out")
            for row, digit in rows.items()
        ]
        of = f"own drawings {kept.changes}"
        tiles.show("own-drawn", of, pictures, "Your digits so far", press=lambda row: _take_out(kept, row))
    if kept.gone is not None:
        name = plain(kept.gone[1].name)
        st.button(f"Put {name} back", key="own_back", icon=":material/undo:", on_click=_put_back, args=(kept,))


def _keep(kept: _Kept, label: str, image: NDArray[np.float32]) -> None:
    kept.drawn += 1  # the next canvas is another one, and empty
    kept.changes += 1
    kept.digits.append(Drawn(label, f"drawn {label}, number {kept.drawn}", image))


def _take_out(kept: _Kept, row: int) -> None:
    kept.changes += 1
    kept.gone = (row, kept.digits.pop(row))


def _put_back(kept: _Kept) -> None:
    if kept.gone is not None:  # pressed twice, it is back already
        kept.changes += 1
        kept.digits.insert(*kept.gone)
        kept.gone = None
