"""The one way a page shows a picture, sent along with the page, never as a file of the server; and a chart."""

from typing import Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from core.figures import images


def show(
    picture: bytes | NDArray[np.uint8],
    alt: str,
    *,
    caption: str | None = None,
    width: int | Literal["stretch", "content"] = "content",
    place: DeltaGenerator | None = None,
) -> None:
    """Show a picture that no redrawing of the page can take away.

    Streamlit keeps a picture as a file and drops it when the page is drawn again without it; a browser that asks for
    it a moment later gets a hole. A picture inside the page's own message is there as long as its element is.

    Args:
        picture: a PNG, or pixels ``(h, w)`` or ``(h, w, 3)``.
        alt: what it shows, for those who cannot see it.
        caption: what stands under it, Markdown.
        width: pixels, or how it fills its place.
        place: where; the page itself by default.
    """
    (place or st).image(images.inline(picture), caption=caption, width=width, alt=alt)


def chart(figure: Any, key: str, alt: str, place: DeltaGenerator | None = None) -> None:
    """Show a Plotly figure without Plotly's own buttons."""
    (place or st).plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=alt)
