"""The drawing canvas: what is on it as a picture, and examples that can be put on it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit_drawable_canvas import st_canvas

from core.datasets.examples import PEN, SIDE, Example, for_normal

PENS = {"thin": 8, "medium": PEN, "thick": 28}
# The canvas shows undo, redo and clear only under a mouse: on a touch screen nobody would find them. Moving strokes
# about and sending the drawing by hand are left out: every stroke is sent, and a pencil that does not draw misleads.
# Its own clearing goes back to what was put on it; where anything may be, ours empties it.
_show_tools = st.components.v2.component(
    "canvas_tools",
    js="""
    const style = '.dc-toolbar, .dc-toolbar:hover, .dc-toolbar:focus-within { opacity: 1; top: -2.65rem; }' +
      '@media (max-width: 640px) { .dc-toolbar, .dc-toolbar:hover, .dc-toolbar:focus-within { top: -3.3rem; } }' +
      '.dc-toolbar [title^=Update], .dc-toolbar [title=Edit], .dc-toolbar-separator { display: none; }';
    let clear = null;
    function press(event) {
      if (!clear || !event.target.closest('[title^=Reset]')) return;
      event.stopImmediatePropagation();
      clear();
    }
    function pin() {
      for (const host of document.querySelectorAll('.st-key-canvas-area *')) {
        const root = host.shadowRoot;
        if (root && !root.querySelector('style[data-pin]')) {
          const sheet = document.createElement('style');
          sheet.dataset.pin = '';
          sheet.textContent = style;
          root.append(sheet);
          root.addEventListener('click', press, true);
        }
      }
    }
    export default function ({ data, setTriggerValue }) {
      clear = data ? () => setTriggerValue('clear', true) : null;
      pin();
      const again = setInterval(pin, 400);
      return () => clearInterval(again);
    }
    """,
)
_START, _SEEN, _EXAMPLE, _DRAWING = "canvas_start", "canvas_seen", "canvas_example", "canvas_drawing"
_CANVAS, _LEFT, _PUT = "canvas", "canvas_left", "canvas_put"
_NOTHING: tuple[list[dict[str, Any]], str] = ([], "nothing")  # strokes, and what is judged: an example meanwhile


@dataclass(frozen=True)
class Drawing:
    """What is to be judged.

    Attributes:
        picture: RGBA ``(280, 280, 4)`` or grey ``(280, 280)``, uint8; or an ink image, float32 ``(28, 28)``, that is
            judged as it is.
        id: of this drawing; a new one after clearing.
        example: name of the example shown, or empty for a person's own drawing.
    """

    picture: np.ndarray
    id: str
    example: str


@dataclass(frozen=True)
class _Digit:
    """An ink image ``(28, 28)`` on the canvas, and what it is called."""

    name: str
    image: NDArray[np.float32]

    def picture(self) -> NDArray[np.float32]:
        return self.image


def draw(normal: tuple[str, ...]) -> Drawing:
    """The canvas, as it was left if another page or way in was shown; returns what is on it, or the first example."""
    if _CANVAS not in st.session_state:
        _begin_with(*st.session_state.get(_LEFT, _NOTHING))
    canvas = _canvas("Draw a digit here", _CANVAS, st.session_state[_START], clear)
    return _what_is_there(canvas, for_normal(normal)[0])


def blank(title: str, key: str) -> NDArray[np.uint8] | None:
    """Another canvas, empty under every new key; returns what is on it, as a ``Drawing``'s picture, once it is."""
    canvas = _canvas(title, key)
    drawn: NDArray[np.uint8] | None = canvas.image_data if (canvas.json_data or {}).get("objects") else None
    return drawn


def tools(normal: tuple[str, ...]) -> None:
    """Pens, and examples that can be put on the canvas."""
    st.segmented_control("Pen", list(PENS), default="medium", key="pen", required=True, width="stretch")
    st.markdown("Try one, then draw on:")
    with st.container(horizontal=True, gap="xsmall"):
        for example in for_normal(normal):
            st.button(example.name, on_click=_put, args=(example,), key=f"example-{example.name}")


def clear() -> None:
    """Empty the canvas, whatever is on it or was put there."""
    _begin_with(*_NOTHING)


def _canvas(title: str, key: str, start: dict[str, Any] | None = None, clears: Callable[[], None] | None = None) -> Any:
    _show_tools(key="tools", data=clears is not None, on_clear_change=clears or (lambda: None))
    with st.container(key="canvas-area"):
        st.markdown(title)
        return st_canvas(
            stroke_width=PENS[st.session_state.get("pen") or "medium"],
            stroke_color="#181c24",
            background_color="#ffffff",
            width=SIDE,
            height=SIDE,
            initial_drawing=start,
            return_image_data=True,
            key=key,
        )


def _what_is_there(canvas: Any, first: Example) -> Drawing:
    data = canvas.image_bytes
    strokes = (canvas.json_data or {}).get("objects", [])
    if data is not None and data != st.session_state.get(_SEEN):
        st.session_state[_SEEN] = data
        if strokes and _shapes(strokes) == _shapes(st.session_state[_START]["objects"]):
            _judge(strokes, st.session_state[_PUT])  # it tells of what was put there, or all that was added is undone
        else:
            _judge([], None)
            if not strokes:
                st.session_state[_DRAWING] = uuid.uuid4().hex
    shown = st.session_state[_EXAMPLE]
    if shown is None and data is not None and strokes:
        shown = Drawing(canvas.image_data, st.session_state.setdefault(_DRAWING, uuid.uuid4().hex), "")
        st.session_state[_LEFT] = (strokes, shown)
    if isinstance(shown, Drawing):
        return shown
    example = first if shown is None or shown == _NOTHING[1] else shown
    return Drawing(np.asarray(example.picture()), "", example.name)


def _judge(strokes: list[dict[str, Any]], shown: Any) -> None:
    """Have something judged other than the canvas's own picture, where not None; strokes bring it back later."""
    st.session_state[_EXAMPLE], st.session_state[_LEFT] = shown, (strokes, shown)


def _shapes(strokes: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What strokes have in common with what the canvas makes of them."""
    return [(stroke["path"],) if "path" in stroke else (stroke.get("left"), stroke.get("top")) for stroke in strokes]


def _put(example: Example) -> None:
    """Put an example on the canvas; until it is drawn on, it is judged as it is."""
    _begin_with([_path(stroke) for stroke in example.strokes], example)


def put_picture(image: NDArray[np.float32], name: str) -> None:
    """Put an ink image ``(28, 28)`` on the canvas, a square a pixel; until it is drawn on, it is judged as it is."""
    _begin_with(_squares(np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)), _Digit(name, image))


def _begin_with(strokes: list[dict[str, Any]], shown: Any) -> None:
    """Have the canvas show these strokes, also where it began with the same ones; what it showed before goes."""
    st.session_state[_START] = {"objects": strokes, "put": uuid.uuid4().hex}
    st.session_state[_PUT] = shown
    _judge(strokes, shown)
    if not isinstance(shown, Drawing):
        st.session_state[_DRAWING] = uuid.uuid4().hex


def _squares(pixels: NDArray[np.uint8]) -> list[dict[str, Any]]:
    side = SIDE // len(pixels)
    return [
        {
            "type": "Rect",
            "left": side * int(x),
            "top": side * int(y),
            "width": side,
            "height": side,
            "fill": "#" + 3 * f"{255 - int(pixels[y, x]):02x}",
            "strokeWidth": 0,
            "originX": "left",
            "originY": "top",
        }
        for y, x in np.argwhere(pixels > 0)
    ]


def _path(stroke: list[tuple[float, float]]) -> dict[str, Any]:
    """A stroke as the canvas's library (Fabric.js) writes paths."""
    return {
        "type": "Path",
        "path": [["M" if i == 0 else "L", x, y] for i, (x, y) in enumerate(stroke)],
        "fill": None,
        "stroke": "#181c24",
        "strokeWidth": PEN,
        "strokeLineCap": "round",
        "strokeLineJoin": "round",
        "left": min(x for x, _ in stroke) - PEN / 2,
        "top": min(y for _, y in stroke) - PEN / 2,
        "originX": "left",
        "originY": "top",
    }
