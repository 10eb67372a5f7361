"""Parts of digits by the names that people have for them: bar, upright, stem, belly, loop."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# Over the box of a digit, rows from the top to the bottom of equal height, columns likewise.
_PARTS = {
    "1": (("upright",),),
    "2": (("arch",), ("arch",), ("slant",), ("foot",)),
    "3": (("upper curve",), ("lower curve",)),
    "4": (
        *(("left arm", "left arm", "upright"),) * 2,
        ("bar", "bar", "bar", "upright"),
        *(("upright",),) * 2,
    ),
    "5": (("bar",), *(("upright", "belly", "belly"),) * 2, ("belly",), ("belly",)),
    "6": (("stem",), ("loop",)),
    "7": (("bar",), *(("stem",),) * 3),
    "8": (("upper loop",), ("lower loop",)),
    "9": (("loop",), ("stem",)),
}
_LYING, _STANDING = {"bar", "foot"}, {"upright", "stem", "left arm"}


def name_part(digit: str, inside: NDArray[np.bool_], normal: NDArray[np.float64], shape: str) -> str:
    """Which part of a normal digit a region of it is: ``"the bar"``, ``"part of the bar"``; empty where none is meant.

    Args:
        digit: which one it is; one that is none of the ten has no parts.
        inside: the region ``(28, 28)``.
        normal: the digit ``(28, 28)``, 0 paper .. 1 ink.
        shape: the region's, ``"bar"`` lying and ``"upright"`` standing among them.
    """
    grid = _PARTS.get(digit)
    strokes = normal > 0.4
    if grid is None or not strokes.any():
        return ""
    (box,) = ndimage.find_objects(strokes.astype(np.int8))
    height, width = (side.stop - side.start for side in box)
    sizes: dict[str, list[float]] = {}
    for row, column in np.argwhere(inside | strokes):
        cells = grid[int(np.clip((row - box[0].start) / height * len(grid), 0, len(grid) - 1))]
        part = cells[int(np.clip((column - box[1].start) / width * len(cells), 0, len(cells) - 1))]
        size = sizes.setdefault(part, [0.0, 0.0])
        size[0] += inside[row, column] * normal[row, column]
        size[1] += normal[row, column]
    part = max(sizes, key=lambda name: sizes[name][0])
    ink, all_of_it = sizes[part]
    if part in {"upright": _LYING, "bar": _STANDING}.get(shape, ()) or ink < 0.6 * sum(
        size[0] for size in sizes.values()
    ):
        return ""
    return f"the {part}" if ink > 0.6 * all_of_it else f"part of the {part}"
