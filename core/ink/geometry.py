"""Geometry of MNIST: which images have it already; small ones brought into it, or varied where few are to train on."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIDE = 28  # pixels of an ink image
BOX = 20  # MNIST's digits are scaled so that their longer side fills this many pixels
CENTRE = 14.0  # pixel index at which MNIST puts the centre of mass, both ways
FAINT = 0.1  # darker than this share of the strongest ink counts as paper when a digit's extent is measured
# Ink per length of an ink image: the extremes of MNIST's 70,000, beyond which strokes are no longer a pen's.
THINNEST_OWN, THICKEST_OWN = 0.99, 15.6


def is_ink_image(image: ArrayLike) -> bool:
    """Whether an array is an ink image already: 28x28, light on dark, MNIST's box and centre of mass.

    Args:
        image: ``(28, 28)`` or three equal channels; uint8, or floats in 0 .. 1.
    """
    ink = np.asarray(image)
    if ink.shape == (SIDE, SIDE, 3) and (ink == ink[:, :, :1]).all():
        ink = ink[:, :, 0]
    return ink.shape == (SIDE, SIDE) and bool(are_ink_images(ink[None])[0])


def are_ink_images(images: NDArray[Any]) -> NDArray[np.bool_]:
    """Which images of a stack are ink images already, ``(n,)``; what ``is_ink_image`` says of each, many times faster.

    Args:
        images: ``(n, 28, 28)``; uint8, or floats in 0 .. 1.
    """
    if images.shape[1:] != (SIDE, SIDE) or images.dtype == np.bool_ or not len(images):
        return np.zeros(len(images), bool)
    ink = images.astype(np.float64) / (255.0 if images.dtype == np.uint8 else 1.0)
    low, high = ink.min(axis=(1, 2)), ink.max(axis=(1, 2))
    lit = (low == 0) & (high > 0.9) & (high <= 1)
    by_row, by_column = ink.sum(axis=2), ink.sum(axis=1)
    longest = np.maximum(_extent(by_row > 0), _extent(by_column > 0))
    mass, axis = np.where(lit, by_row.sum(axis=1), 1.0), np.arange(SIDE)
    off_centre = np.maximum(np.abs(by_row @ axis / mass - 14), np.abs(by_column @ axis / mass - 14))
    # MNIST's own: a box of 20 (16 images of 70,000 have 19), the centre of mass within half a pixel of (14, 14).
    boxed = np.isin(longest, (19, 20)) & (off_centre <= 0.54)
    thickness = mass / np.maximum(longest, 1)
    return lit & boxed & (thickness >= THINNEST_OWN) & (thickness <= THICKEST_OWN)


def negative(images: NDArray[Any]) -> NDArray[Any]:
    """Images with dark and light exchanged, uint8 or floats 0 .. 1; floats that are steps of 255 stay so to the bit.

    >>> share = np.float32(3) / np.float32(255)
    >>> bool(negative(np.array([share]))[0] == np.float32(252) / np.float32(255))
    True
    """
    if images.dtype == np.uint8:
        return np.asarray(255 - images)
    steps = np.rint(images * 255)
    whole = (steps / np.float32(255)).astype(images.dtype) == images
    return np.where(whole, (255 - steps) / np.float32(255), 1 - images).astype(images.dtype)


def _extent(lit: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first lit place of each row to its last, both counted: ``(n, 28)`` to ``(n,)``; 28 where none is lit."""
    return SIDE - lit.argmax(axis=1) - lit[:, ::-1].argmax(axis=1)


def to_ink_images(images: np.ndarray) -> np.ndarray:
    """Scale images of any one size into ink images: longer side 20 pixels, centre of mass in the middle.

    Images that are 28x28 already pass unchanged, uncopied where they are float32. This is for clean stacks of small
    digits (USPS, scikit-learn's 8x8); pictures of unknown making go through `core.ink`.

    Args:
        images: float ``(n, height, width)``, 0 = paper, 1 = ink.

    Returns:
        float32 ``(n, 28, 28)``, 0..1; an image without ink stays empty.

    >>> bar = np.zeros((1, 8, 8)); bar[0, 1:7, 3] = 1
    >>> ink = to_ink_images(bar)
    >>> ink.shape, int((ink[0] > 0.5).any(axis=1).sum())
    ((1, 28, 28), 20)
    """
    if images.shape[1:] == (SIDE, SIDE):
        return images.astype(np.float32, copy=False)
    return np.stack([_fit(image) for image in images]) if len(images) else np.zeros((0, SIDE, SIDE), np.float32)


def _fit(image: np.ndarray) -> np.ndarray:
    """One image of ``(height, width)`` to one ink image: crop to the ink, scale, centre."""
    from scipy import ndimage
    from skimage.transform import resize

    strongest = image.max(initial=0.0)
    if strongest <= 0:
        return np.zeros((SIDE, SIDE), np.float32)
    rows, columns = np.nonzero(image > FAINT * strongest)
    crop = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] / strongest
    scale = BOX / max(crop.shape)
    shape = tuple(max(1, round(side * scale)) for side in crop.shape)
    # Paper all around: without it, interpolation smears the ink of the border rows outwards.
    small = resize(crop, shape, order=1 if scale < 1 else 3, mode="constant", anti_aliasing=scale < 1)
    if scale > 1:
        # Enlarging widens every edge by the same factor; raising the contrast by it makes edges one pixel wide again.
        small = 0.5 + (small - 0.5) * scale
    canvas = np.zeros((SIDE, SIDE))
    top, left = ((SIDE - side) // 2 for side in shape)
    canvas[top : top + shape[0], left : left + shape[1]] = np.clip(small, 0, 1)
    centre = ndimage.center_of_mass(canvas)
    # Whole pixels, as MNIST itself was centred: strokes stay as sharp as they are, and all ink stays on the canvas.
    down, right = (
        int(np.clip(round(CENTRE - at), -before, SIDE - before - side))
        for at, before, side in zip(centre, (top, left), shape, strict=True)
    )
    return np.roll(canvas, (down, right), axis=(0, 1)).astype(np.float32)


def augment(
    images: np.ndarray,
    rng: np.random.Generator,
    *,
    degrees: float = 8.0,
    scale: float = 0.08,
    shear: float = 0.15,
    shift: float = 0.75,
) -> np.ndarray:
    """Vary ink images as another go of the same hand would: each one turned, scaled, slanted and moved a little.

    Args:
        images: float32 ``(n, 28, 28)``, 0..1.
        rng: source of the variations; the same state gives the same images.
        degrees: largest turn either way.
        scale: largest change of size, as a share, each axis on its own.
        shear: largest slant, pixels sideways per pixel upwards.
        shift: largest move in pixels, each axis; small, because ink images are centred before they are judged.

    Returns:
        float32 ``(n, 28, 28)``, 0..1, a new array.
    """
    import torch
    from torch.nn import functional as F

    n = len(images)
    turn = np.deg2rad(rng.uniform(-degrees, degrees, n))
    slant = rng.uniform(-shear, shear, n)
    across, along = 1 + rng.uniform(-scale, scale, (2, n))
    move = rng.uniform(-shift, shift, (2, n)) / (SIDE / 2)  # the sampling grid runs from -1 to 1
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.empty((n, 2, 3), np.float32)  # output position -> input position
    matrix[:, 0] = np.stack([cos * across, (slant * cos - sin) * along, move[0]], axis=1)
    matrix[:, 1] = np.stack([sin * across, (slant * sin + cos) * along, move[1]], axis=1)
    stack = torch.from_numpy(np.array(images, dtype=np.float32)).unsqueeze(1)  # (n, 1, 28, 28)
    grid = F.affine_grid(torch.from_numpy(matrix), [n, 1, SIDE, SIDE], align_corners=False)  # (n, 28, 28, 2)
    return F.grid_sample(stack, grid, mode="bicubic", align_corners=False).squeeze(1).clamp_(0, 1).numpy()
