"""Holes: paper that strokes enclose, in grey levels, cell by cell.

What tells a 4 from a 9 is topology, and directions of edges hardly see it. A hole is as deep as the ink on the lightest
way out of it is dark, so a loop that almost closes counts almost: ``filled(image) - image``, morphological hole filling
(Soille, "Morphological Image Analysis", 2nd ed. 2003, 6.3.7), the paper connected by four neighbours.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.gan.features import CELLS, normalise_moments, pooled

HOLE_FEATURES = 2 * CELLS * CELLS
# Square roots let shallow holes count; this much keeps them from counting without end.
_FLOOR = 1e-4


def hole_features(images: Tensor) -> Tensor:
    """Rooted mean depth of holes in 7x7 overlapping cells, of images and of them without slant and proportions.

    Args:
        images: ``(n, 28, 28)`` floats, 0 = paper, 1 = ink.

    Returns:
        ``(n, HOLE_FEATURES)`` float32, 0..1.
    """
    views = torch.cat((images, normalise_moments(images))).clamp(0, 1)  # (2n, 28, 28)
    grey = torch.round(255 * views).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()  # (28, 28, 2n)
    depth = torch.from_numpy(filled(grey) - grey).permute(2, 0, 1).float() / 255
    cells = pooled(depth.unsqueeze(1), CELLS).flatten(1)  # (2n, 49)
    return torch.cat((torch.sqrt(cells + _FLOOR) - _FLOOR**0.5).chunk(2), dim=1)


def filled(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey images whose holes are filled up to the lowest way out.

    Args:
        grey: ``(rows, columns, n)``, 0 = paper. The images lie along the last axis, so that every step of a sweep
            takes all of them at once.

    Returns:
        The same shape, nowhere less.
    """
    whole = grey.copy()
    rows, columns = np.flatnonzero(grey.any(axis=(1, 2))), np.flatnonzero(grey.any(axis=(0, 2)))
    if not grey.any():
        return whole
    inked = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)  # around it is the way out
    image, level = grey[inked], whole[inked]
    level[1:-1, 1:-1] = 255
    # A level falls to that of a neighbour, but not below the image: down, up, right and left, until nothing falls.
    sweeps = [(level, image), (level[::-1], image[::-1])]
    sweeps += [
        (part.swapaxes(0, 1), ink.swapaxes(0, 1)) for part, ink in ((level, image), (level[:, ::-1], image[:, ::-1]))
    ]
    while True:
        before = level.copy()
        for part, ink in sweeps:
            for i in range(1, len(part) - 1):
                np.minimum(part[i], part[i - 1], out=part[i])
                np.maximum(part[i], ink[i], out=part[i])
        if np.array_equal(level, before):
            return whole
