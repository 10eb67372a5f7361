"""Pictures that are pressed: digits as tiles, and a picture with a box around each digit in it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.figures.images import digit_png, inline
from core.words import NO_DIGIT, say_verdict
from pages.ui import component

_tiles, _boxes = component.declare("tiles"), component.declare("boxes")


@dataclass(frozen=True)
class Tile:
    """One digit.

    Attributes:
        id: what is handed back when it is pressed.
        picture: ``data:`` address.
        lines: what stands under it, at most three short ones; as plain text, so that nothing in it is Markdown.
        alt: what it shows, for those who cannot see it.
        kind: "anomaly", "normal", "yours" or empty for a frame of none of their colours.
        label: the label it came with; None without one.
        corrected: the label a person has given it; None where nobody has.
    """

    id: int
    picture: str
    lines: tuple[str, ...] = ()
    alt: str = "a digit"
    kind: str = ""
    label: str | None = None
    corrected: str | None = None


def picture_of(image: NDArray[np.float32]) -> str:
    """An ink image ``(28, 28)`` for a tile, pixel for pixel: the browser enlarges it."""
    return inline(digit_png(image, 1))


def show(
    key: str,
    of: str,
    tiles: Sequence[Tile],
    title: str,
    *,
    columns: int | None = None,
    chosen: int | None = None,
    press: Callable[[int], None],
    correct: Callable[[dict[int, str | None]], None] | None = None,
) -> None:
    """Show tiles.

    Args:
        key: of the element.
        of: tells what the tiles are of, so that no answer is taken for one on other tiles.
        tiles: what to show.
        title: what they are, for those who cannot see them.
        columns: so many in a row; as many as there is room for by default.
        chosen: which of them is marked.
        press: called with the tile that was pressed.
        correct: called with labels that were typed, by tile; None takes one back. Without it nothing can be typed.
    """
    data = {
        "of": of,
        "title": title,
        "columns": columns,
        "chosen": chosen,
        "editable": correct is not None,
        "no_digit": NO_DIGIT,
        "tiles": [asdict(tile) for tile in tiles],
    }

    def take() -> None:
        typed = st.session_state[key].get("labels") or {}
        if correct is not None and typed.get("of") == of:
            correct({int(tile): label for tile, label in typed["labels"].items()})

    pressed = _pressing(key, [tile.id for tile in tiles], press)
    _tiles(key=key, data=data, on_press_change=pressed, on_labels_change=take)


def boxes(
    key: str,
    page: NDArray[np.uint8],
    places: NDArray[np.float64],
    ids: Sequence[int],
    flagged: Sequence[bool] | NDArray[np.bool_],
    chosen: int,
    press: Callable[[int], None],
) -> None:
    """Show a picture with a box around each digit in it; pressing one calls ``press``.

    Args:
        key: of the element.
        page: the picture, ``(h, w)`` or ``(h, w, 3)``.
        places: left, top, right, bottom as shares of the picture, ``(n, 4)``.
        ids: what ``press`` is called with, a number for each box.
        flagged: which are anomalies, ``(n,)``.
        chosen: the box that is marked, one of ``ids``.
        press: called with the box that was pressed.
    """
    result = [
        {
            "id": int(id),
            "place": place,
            "anomaly": bool(odd),
            "say": f"{say_verdict(bool(odd))}, shape {number} of {len(ids)}",
        }
        for number, (id, place, odd) in enumerate(zip(ids, places.round(4).tolist(), flagged, strict=True), start=1)
    ]
    data = {"picture": inline(page), "alt": "the picture, with a box around each digit", "boxes": result}
    _boxes(key=key, data=data | {"chosen": int(chosen)}, on_press_change=_pressing(key, ids, press))


def _pressing(key: str, ids: Sequence[int], press: Callable[[int], None]) -> Callable[[], None]:
    def pressed() -> None:
        id = st.session_state[key].get("press")
        if isinstance(id, int) and id in ids:  # what a browser says may be anything
            press(id)

    return pressed
