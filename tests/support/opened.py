"""Opening a page as Streamlit runs it, and reading what stands on it."""

import base64
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from core import paths
from pages.ui import tiles
from tests.support.piles import png


def open_page(file: str, **query: str | list[str]) -> AppTest:
    """Run a page, such as ``pages/3_Batch.py``, with a link's query; it must not raise."""
    page = AppTest.from_file(str(paths.ROOT / file), default_timeout=180)
    for key, value in query.items():
        page.query_params[key] = value
    return checked(page.run())


def checked(page: AppTest) -> AppTest:
    """The page, which must not have raised."""
    assert [error.message for error in page.exception] == []
    return page


def button(page: AppTest, words: str) -> Button:
    """The first button with these words."""
    return next(one for one in page.button if words in one.label)


def put_on_canvas(
    page: AppTest, picture: Image.Image, objects: Sequence[Any] = ({"type": "Path"},), key: str = "canvas"
) -> AppTest:
    """Run the page with a picture of some strokes on a canvas, as the canvas's component sends it."""
    data = "data:image/png;base64," + base64.b64encode(png(picture.convert("RGBA"))).decode()
    page.session_state[key] = {"drawing": {"raw": {"objects": [*objects]}, "data": data}, "backgroundFit": None}
    return page.run()


def press(
    monkeypatch: pytest.MonkeyPatch, key: str, tile: int | None = None, labels: dict[int, str | None] | None = None
) -> None:
    """From the next run on a tile is pressed, and labels are typed, as a browser does with ``pages.ui.tiles``."""
    shown = tiles.show

    def show(name: str, of: str, *args: Any, **kwargs: Any) -> None:
        shown(name, of, *args, **kwargs)
        if name == key and labels:
            kwargs["correct"](labels)
        if name == key and tile is not None:
            kwargs["press"](tile)

    monkeypatch.setattr(tiles, "show", show)


def components(page: AppTest, name: str) -> list[dict[str, Any]]:
    """What the app's own components of a kind are given to show, in the order of the page."""
    parts = page.get("bidi_component")
    return [dict(json.loads(one.proto.json)) for one in parts if one.proto.component_name.endswith(f"_{name}")]


def text(page: AppTest) -> str:
    """All that is said on the page, a line each, as a reader sees it: without escapes of Markdown."""
    kinds = (page.markdown, page.caption, page.info, page.warning, page.error, page.success)
    return as_read("\n".join(str(element.value) for kind in kinds for element in kind))


def as_read(markdown: str) -> str:
    """Markdown without its escapes, as a reader sees it."""
    return re.sub(r"\\([^\w\s])", r"\1", markdown)
