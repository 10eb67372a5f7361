"""The original picture with a box around each digit that was found in it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.figures.charts import BLUE, ORANGE
from core.ink.picture import open_picture


def boxed(
    data: bytes, name: str, boxes: NDArray[np.int64], flagged: Sequence[bool] | NDArray[np.bool_], chosen: int = -1
) -> NDArray[np.uint8]:
    """Draw boxes, orange around anomalies and blue around normal digits.

    Args:
        data: bytes of the picture file.
        name: what to call it in errors.
        boxes: left, top, right, bottom in the upright original, pixels, ``(n, 4)``.
        flagged: which are anomalies, ``(n,)``.
        chosen: which box to draw thick; none by default.

    Returns:
        uint8 ``(h, w, 3)``, its longest side at most 1,000 pixels.

    Raises:
        InkError: not a picture, or damaged.
    """
    picture = open_picture(data, name)
    grey = np.rint(np.clip(picture.pixels, 0, 1) * 255).astype(np.uint8)
    image = Image.fromarray(grey).convert("RGB")
    draw = ImageDraw.Draw(image)
    scale = np.array(picture.scale * 2)
    thin = max(1, max(image.size) // 300)
    for i, (box, odd) in enumerate(zip(boxes, flagged, strict=True)):
        left, top, right, bottom = (box / scale).tolist()
        frame = (left - thin, top - thin, right + thin, bottom + thin)
        draw.rectangle(frame, outline=ORANGE if odd else BLUE, width=3 * thin if i == chosen else thin)
    return np.asarray(image)
