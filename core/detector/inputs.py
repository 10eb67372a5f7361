"""Images as a detector takes them: checked once, float32 ``(n, 28, 28)``, a bounded number at a time."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import OddDigitError

CHUNK = 256


def as_images(images: ArrayLike) -> NDArray[np.float32]:
    """Check ink images and bring them to float32 ``(n, 28, 28)``.

    Raises:
        OddDigitError: not numbers, wrong shape, values outside 0 .. 1, or NaN.
    """
    try:
        given = np.asarray(images)
        if given.dtype.kind not in "fiub":
            raise TypeError(given.dtype)
        array = given.astype(np.float32, copy=False)
    except (TypeError, ValueError) as error:
        raise OddDigitError("images are not all numbers: give an array (n, 28, 28) or (n, 784) of 0 .. 1.") from error
    if array.ndim == 2 and array.shape[1] == 784:
        array = array.reshape(-1, 28, 28)
    if array.ndim != 3 or array.shape[1:] != (28, 28):
        raise OddDigitError(f"images have shape {array.shape}: give (n, 28, 28) or (n, 784).")
    # NaN fails this comparison too.
    if array.size and not (array.min() >= 0 and array.max() <= 1):
        raise OddDigitError("images must lie between 0 (paper) and 1 (ink): divide bytes by 255.")
    return array


def chunks(images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Few enough images at a time for memory to stay bounded; one empty chunk when there are none."""
    return [images[at : at + CHUNK] for at in range(0, max(len(images), 1), CHUNK)]
