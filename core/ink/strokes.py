"""Strokes: how wide they are, and how a shape of any size and pen becomes a 28x28 ink image in MNIST's geometry."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.ink.geometry import BOX, SIDE
from core.ink.masks import extent

# Shapes are worked on as masks this many times finer than the ink image, so that a stroke of any pen has a shape.
FINE = 6
THINNEST, THICKEST = 2.6, 2.8
SOFTNESS, FAINTEST = 0.4, 0.02  # MNIST's edges are soft
# How far an outline is smoothed along its length, in pixels of its picture: where edges are grey, and so tell where
# between two pixels they lie, and where they go in steps; at least and at most so many pixels of the mask.
GREY_EDGED, STEPPED, LEAST_SMOOTHED, MOST_SMOOTHED = 0.5, 1.5, 1.5, 12.0
# Pixels of grey a pixel of edge, with which edges go in steps and do not; what is paler counts as paper.
FEWEST_GREY, ENOUGH_GREY, PALEST = 0.3, 0.5, 0.1
# Beyond this share of the longest side there are no strokes to thin, and a thinned blob would pass for a 1.
BLOB = 0.33

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def is_blob(mask: Mask) -> bool:
    """Whether a shape has no strokes to speak of.

    >>> is_blob(np.ones((40, 40), bool)), is_blob(np.ones((40, 8), bool))
    (True, False)
    """
    longest = max(np.ptp(axis) + 1 for axis in np.nonzero(mask))
    # Quick for most: strokes this broad cover this much.
    return bool(mask.sum() > BLOB * longest**2 and _anatomy(mask)[0] > BLOB * longest)


def _anatomy(mask: Mask) -> tuple[float, Mask, Floats]:
    """Stroke width, twice the median distance from the skeleton to the edge; skeleton; distances to the edge."""
    from scipy.ndimage import distance_transform_edt
    from skimage.morphology import skeletonize

    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1].astype(np.float32)
    skeleton = skeletonize(mask)
    if not skeleton.any():
        return 0.0, skeleton, depth
    return float(2 * np.median(depth[skeleton])) - 0.5, skeleton, depth


def normalise(mask: Mask, thinnest: float = THINNEST, thickest: float = THICKEST) -> Mask:
    """Thicken or thin the strokes of a shape so that in its final box they are between two widths.

    Slant and shape stay; thinning never breaks a stroke, for its skeleton is kept. A blob stays as it is.

    Args:
        mask: the shape alone, its longest side about ``BOX * FINE`` pixels.
        thinnest: least width, in pixels of the final 20-pixel box.
        thickest: greatest width, likewise.

    Returns:
        a mask of about the same size.
    """
    from scipy.ndimage import distance_transform_edt

    longest = max(np.ptp(axis) + 1 for axis in np.nonzero(mask))
    width, skeleton, depth = _anatomy(mask)
    if width > BLOB * longest:
        return mask
    aim = float(np.clip(width * BOX / longest, thinnest, thickest))
    # Growing by d on every side makes the box grow too: (width + 2 d) / (longest + 2 d) = aim / BOX.
    grow = (aim * longest / BOX - width) / (2 * (1 - aim / BOX))
    if abs(grow) < 0.5:
        return mask
    if grow > 0:
        return distance_transform_edt(~np.pad(mask, int(grow) + 1)) <= grow
    spine = distance_transform_edt(~skeleton) <= max((width + 2 * grow) / 2, 1.0)
    return (depth > -grow) | (spine & mask)


def smooth(mask: Mask, step: float, grey: float) -> Mask:
    """Round off the steps that a drawing of few pixels has along its edges: they are the screen's, not the hand's.

    Each outline is smoothed along its own length (Mokhtarian & Mackworth 1986), so that no gap beside it closes.

    Args:
        mask: a shape, its strokes normalised.
        step: pixels of the mask a pixel of the picture.
        grey: pixels of grey a pixel of edge that the picture has.
    """
    reach = step * float(np.interp(grey, (FEWEST_GREY, ENOUGH_GREY), (STEPPED, GREY_EDGED)))
    if reach < LEAST_SMOOTHED:
        return mask
    from scipy.ndimage import gaussian_filter1d
    from skimage.measure import find_contours

    padded = np.pad(mask, 2)
    rounded = np.zeros(padded.shape, bool)
    for outline in find_contours(padded.astype(np.float32), 0.5):
        points = gaussian_filter1d(outline[:-1], min(reach, MOST_SMOOTHED, len(outline) / 8), axis=0, mode="wrap")
        within = Image.new("1", padded.shape[::-1])
        ImageDraw.Draw(within).polygon(points[:, ::-1].ravel().tolist(), fill=1)
        rounded ^= np.asarray(within)
    return rounded if rounded.any() else mask


def place(mask: Mask) -> Floats:
    """Scale a shape into the 20x20 box, anti-aliased, and put its centre of mass in the middle, as MNIST does.

    Edges come out about as soft as MNIST's, which were scanned, then scaled down.

    Args:
        mask: any size, at least one pixel set.

    Returns:
        float32 ``(28, 28)``, 0 paper .. 1 ink.
    """
    from scipy.ndimage import gaussian_filter

    box = mask[extent(mask)]
    height, width = box.shape
    ratio = BOX / max(height, width)
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    soft = gaussian_filter(box.astype(np.float32), SOFTNESS / ratio, mode="constant", truncate=2.5)
    ink = np.asarray(Image.fromarray(soft).resize(size, Image.Resampling.BOX))
    return _centre(np.clip(np.where(ink < FAINTEST, 0, ink), 0, 1))


def _centre(ink: Floats) -> Floats:
    """Put an image of at most 20x20 into 28x28, its centre of mass within half a pixel of (14, 14)."""
    image = np.zeros((SIDE, SIDE), np.float32)
    mass = ink.sum()
    corner = []
    for axis, length in ((1, ink.shape[0]), (0, ink.shape[1])):
        centre = float(ink.sum(axis=axis) @ np.arange(length)) / float(mass)
        corner.append(int(np.clip(round(SIDE / 2 - centre), 0, SIDE - length)))
    top, left = corner
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return image
