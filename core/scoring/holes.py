"""Holes: paper that strokes enclose, in grey levels, cell by cell.

What tells a 4 from a 9 is topology, and directions of edges hardly see it. A hole is as deep as the ink on the lightest
way out of it is dark, so a loop that almost closes counts almost: ``filled(image) - image``, morphological hole filling
(Soille, "Morphological Image Analysis", 2nd ed. 2003, 6.3.7), the paper connected by four neighbours.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.gan.features import CELLS, cell_windows, constant

HOLE_FEATURES = 2 * CELLS * CELLS
# Square roots let shallow holes count; this much keeps them from counting without end.
_FLOOR = 1e-4


def hole_features(views: Tensor) -> Tensor:
    """Rooted mean depth of holes in 7x7 overlapping cells of each of several views of images.

    Args:
        views: ``(v, n, 28, 28)`` floats, 0 = paper, 1 = ink: the images, and them without slant and proportions.

    Returns:
        ``(n, v * 49)`` float32, 0..1.
    """
    levels = torch.round(255 * views.clamp(0, 1)).to(torch.uint8).flatten(0, 1)  # (v * n, 28, 28)
    grey = levels.permute(1, 2, 0).contiguous().numpy()
    depth = torch.from_numpy(filled(grey) - grey).float()  # (28, 28, v * n), whole numbers
    windows, most = _cells(len(grey))  # (7, 28), (7, 7, 1)
    down = (windows @ depth.flatten(1)).unflatten(1, depth.shape[1:])  # (7, 28, v * n)
    cells = windows @ down / most  # (7, 7, v * n)
    rooted = torch.sqrt(cells + _FLOOR) - _FLOOR**0.5
    return rooted.flatten(0, 1).unflatten(1, views.shape[:2]).permute(2, 1, 0).flatten(1)


@constant
def _cells(side: int) -> tuple[Tensor, Tensor]:
    """Windows of cells ``(7, side)``, and what the deepest holes sum to in each cell ``(7, 7, 1)``.

    They are in eighths, so that no sum is rounded, and an image has the same features in any batch.
    """
    windows = cell_windows(CELLS, side)
    return windows, 255 * windows.sum(dim=1)[:, None, None] * windows.sum(dim=1)[:, None]


def filled(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey images whose holes are filled up to the lowest way out.

    Args:
        grey: ``(rows, columns, n)``, 0 = paper. The images lie along the last axis, so that every step of a sweep
            takes all of them at once.

    Returns:
        The same shape, nowhere less.
    """
    left = whole = grey.copy()
    box = _extent(grey)  # around it is the way out
    level, image = grey[box].copy(), np.ascontiguousarray(grey[box])
    level[1:-1, 1:-1] = 255
    while True:
        for _ in range(2):  # down and up, then, turned, right and left
            _sweep(level, image)
            # A row that is one piece of memory costs a quarter of one that is not.
            level, image = np.ascontiguousarray(level.swapaxes(0, 1)), np.ascontiguousarray(image.swapaxes(0, 1))
        left = left[box]
        left[:] = level
        inner, ink = level[1:-1, 1:-1], image[1:-1, 1:-1]
        lowest = np.minimum(level[:-2, 1:-1], level[2:, 1:-1])  # neighbour above or below; the others were last
        if not (np.maximum(lowest, ink) < inner).any():
            return whole
        rows, columns = _extent(inner > ink)  # where something may fall yet
        box = slice(rows.start, rows.stop + 2), slice(columns.start, columns.stop + 2)
        level, image = np.ascontiguousarray(level[box]), np.ascontiguousarray(image[box])


def _extent(marked: NDArray[np.uint8] | NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns that hold all that is marked in any image, ``(rows, columns, n)``."""
    some = np.bitwise_or.reduce  # ``any``, which takes twice as long to call
    rows = some(marked.reshape(len(marked), -1), axis=1).nonzero()[0]
    columns = some(some(marked, axis=0), axis=1).nonzero()[0]
    return (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if len(rows) else (slice(0), slice(0))


def _sweep(level: NDArray[np.uint8], image: NDArray[np.uint8]) -> None:
    """Levels fall, in place, to that of the row before, down and up, but not below the image."""
    for flip in (slice(None), slice(None, None, -1)):
        part, ink = level[flip], image[flip]
        for above, here, least in zip(part[:-2], part[1:-1], ink[1:-1], strict=True):
            np.minimum(here, above, out=here)
            np.maximum(here, least, out=here)
