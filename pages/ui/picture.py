"""The one way a page shows a picture: sent along with the page, never as a file of the server."""

import io
from typing import Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from core import figures

_SMALL = 64  # pixels: what is no larger is shown pixel for pixel


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
        picture: a PNG, or pixels ``(h, w)`` or ``(h, w, 3)``; large ones are sent as JPEG.
        alt: what it shows, for those who cannot see it.
        caption: what stands under it, Markdown.
        width: pixels, or how it fills its place.
        place: where; the page itself by default.
    """
    (place or st).image(_address(picture), caption=caption, width=width, alt=alt)


def _address(picture: bytes | NDArray[np.uint8]) -> str:
    if isinstance(picture, bytes):
        return figures.inline(picture)
    buffer = io.BytesIO()
    if max(picture.shape[:2]) <= _SMALL:
        Image.fromarray(picture).save(buffer, "PNG")
        return figures.inline(buffer.getvalue())
    Image.fromarray(picture).save(buffer, "JPEG", quality=90)
    return figures.inline(buffer.getvalue(), "jpeg")
