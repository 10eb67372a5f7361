"""Holes: paper that strokes enclose, in grey levels, cell by cell.

What tells a 4 from a 9 is topology, and directions of edges hardly see it. A hole is as deep as the ink on the lightest
way out of it is dark, so a loop that almost closes counts almost: ``filled(image) - image``, morphological hole filling
(Soille, "Morphological Image Analysis", 2nd ed. 2003, 6.3.7), the paper connected by four neighbours.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.gan.features import CELLS, cell_windows

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
    # Windows are in eighths, so that no sum is rounded, and an image has the same features in any batch.
    windows = cell_windows(CELLS, len(grey))  # (7, 28)
    down = (windows @ depth.flatten(1)).unflatten(1, depth.shape[1:])  # (7, 28, v * n)
    cells = windows @ down / (255 * windows.sum(dim=1)[:, None, None] * windows.sum(dim=1)[:, None])  # (7, 7, v * n)
    rooted = torch.sqrt(cells + _FLOOR) - _FLOOR**0.5
    return rooted.flatten(0, 1).unflatten(1, views.shape[:2]).permute(2, 1, 0).flatten(1)


def filled(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey images whose holes are filled up to the lowest way out.

    Args:
        grey: ``(rows, columns, n)``, 0 = paper. The images lie along the last axis, so that every step of a sweep
            takes all of them at once.

    Returns:
        The same shape, nowhere less.
    """
    whole = grey.copy()
    rows, columns = np.nonzero(grey.any(axis=2))
    if not len(rows):
        return whole
    inked = slice(rows[0], rows[-1] + 1), slice(columns.min(), columns.max() + 1)  # around it is the way out
    image = np.ascontiguousarray(grey[inked])
    level = image.copy()
    level[1:-1, 1:-1] = 255
    left = np.arange(grey.shape[2])  # images in which something may fall yet
    while len(left):
        level, image = _swept(level, image)
        lowest = np.minimum(level[:-2, 1:-1], level[2:, 1:-1])  # neighbour
        np.minimum(lowest, level[1:-1, :-2], out=lowest)
        np.minimum(lowest, level[1:-1, 2:], out=lowest)
        falls = (np.maximum(lowest, image[1:-1, 1:-1]) < level[1:-1, 1:-1]).any(axis=(0, 1))  # (n,)
        if not falls.all():
            whole[(*inked, left[~falls])] = level[:, :, ~falls]
            # ``compress`` keeps the layout by which a row is one piece of memory; an index by ``falls`` would not.
            left, level, image = left[falls], level.compress(falls, axis=2), image.compress(falls, axis=2)
    return whole


def _swept(level: NDArray[np.uint8], image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Levels that fell to a neighbour's, but not below the image: down and up, then, turned, right and left."""
    pair = [level, image]
    for _ in range(2):
        for flip in (slice(None), slice(None, None, -1)):
            part, ink = (given[flip] for given in pair)
            for above, here, least in zip(part[:-2], part[1:-1], ink[1:-1], strict=True):
                np.minimum(here, above, out=here)
                np.maximum(here, least, out=here)
        # A row that is one piece of memory costs a quarter of one that is not.
        pair = [np.ascontiguousarray(given.swapaxes(0, 1)) for given in pair]
    return pair
