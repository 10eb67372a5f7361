"""A digit at the line as one picture: the digit, its reconstruction and where they differ, on top of one another."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.figures import charts

SCALE = 3


def strip_png(
    image: NDArray[np.float32], reconstruction: NDArray[np.float32], heat_map: NDArray[np.float32], scale: int = SCALE
) -> bytes:
    """Three pictures of a digit in one column, each ``28 * scale`` pixels a side.

    Args:
        image: ``(28, 28)``, 0 paper .. 1 ink.
        reconstruction: ``(28, 28)``.
        heat_map: ``(28, 28)``, image minus reconstruction, -1 .. 1.
        scale: side of a pixel's square.
    """
    parts = (
        charts.digit_png(image, scale),
        charts.digit_png(reconstruction, scale),
        charts.heat_png(image, heat_map, scale),
    )
    side = 28 * scale
    strip = Image.new("RGB", (side, 3 * side))
    for i, part in enumerate(parts):
        strip.paste(Image.open(io.BytesIO(part)), (0, side * i))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG")
    return buffer.getvalue()
