"""Inputs of a detector: images and labels as people have them, checked once and brought to one form.

Every mistake that was seen in use gets an answer of its own; nothing is guessed.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core import arguments
from core.errors import OddDigitError, TrainingError

CHUNK = 256
PIXELS = 784
FLAT = ((PIXELS,), (1, 28, 28), (28, 28, 1))  # shapes of an image that are brought to (28, 28)
_REMEDY = f"numbers 0 .. 1 of shape (n, 28, 28) or (n, {PIXELS}); core.ink.read makes them of pictures"


def as_images(images: ArrayLike) -> NDArray[np.float32]:
    """Check ink images and bring them to float32 ``(n, 28, 28)``, contiguous and writable.

    Args:
        images: ``(n, 28, 28)`` or ``(n, 784)``, also with one channel first or last, 0 paper .. 1 ink; bytes (uint8)
            are 0 .. 255. Tensors may be on a device and have gradients.

    Raises:
        OddDigitError: sparse, not numbers, of another shape, NaN, infinite, or outside the range; the text says which.
    """
    given = arguments.array("images", images, _REMEDY)
    if given.dtype.kind == "c":
        raise OddDigitError("Complex data not supported: give images of 0 (paper) to 1 (ink).")
    if given.dtype.kind not in "fiub":
        raise OddDigitError(f"images are not all numbers: give {_REMEDY}.")
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused below
        array = np.ascontiguousarray(given, np.float32)
    if not array.flags.writeable:
        array = array.copy()
    if array.shape[1:] in FLAT:
        array = array.reshape(-1, 28, 28)
    if array.ndim != 3 or array.shape[1:] != (28, 28):
        raise OddDigitError(
            f"images have shape {array.shape}: give (n, 28, 28) or (n, {PIXELS}). Reshape your data; one image is "
            "image[None]."
        )
    return _in_range(array, given.dtype == np.uint8)


def _in_range(images: NDArray[np.float32], is_bytes: bool) -> NDArray[np.float32]:
    if not images.size:
        return images
    least, most = float(images.min()), float(images.max())
    if math.isnan(least):
        raise OddDigitError("images hold NaN: leave those images out, or fill the gaps with 0 (paper).")
    if math.isinf(least) or math.isinf(most):
        raise OddDigitError("images hold infinity (inf): give values between 0 (paper) and 1 (ink).")
    if is_bytes:
        if most == 1:
            raise OddDigitError("images are bytes of 0 and 1: give 255 * images, or images.astype(float).")
        return np.divide(images, 255, dtype=np.float32)
    if least < 0:
        raise OddDigitError(f"Negative values in data: images reach from {least:g}; paper is 0 and ink is 1.")
    if most > 1:
        raise OddDigitError(f"images reach {most:.9g}, and ink is 1: divide bytes by 255, or give them as uint8.")
    return images


def as_labels(name: str, labels: Iterable[Any] | None, n: int) -> NDArray[np.str_]:
    """Which digit each of n normal images is, as text, ``(n,)``; without labels all are of one kind.

    Args:
        name: of the argument, for the sentence.
        labels: text, bytes or numbers, one an image.
        n: how many images there are.

    Raises:
        TrainingError: outliers are marked as scikit-learn marks them, which a detector must not learn; or an image has
            no label, several, or only whether it is odd.
    """
    if labels is None:
        return np.array(["digit"] * n)
    given = arguments.array(name, labels, "one label an image")
    if given.size != n:
        raise TrainingError(f"{n} images came with {given.size} labels: give one label an image.")
    values = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in given.ravel().tolist()]
    if not all(isinstance(value, str | int | float | None) for value in values):
        raise TrainingError(f"{name} holds what is neither text nor number: give the digit of each image.")
    if any(value is None or value == "" or (isinstance(value, float) and math.isnan(value)) for value in values):
        raise TrainingError(
            f"{name} holds empty labels: leave those rows out, or give no {name} if all are of one kind."
        )
    if any(isinstance(value, bool) for value in values):
        raise TrainingError(
            f"{name} is true or false: leave the odd rows out, and give the digit of each image or none."
        )
    # Tables with gaps make floats of whole numbers: 5.0 is a 5.
    names = np.array([f"{v:.0f}" if isinstance(v, float) and v.is_integer() else str(v) for v in values])
    if set(names) & {"-1", "-1.0"}:
        raise TrainingError(
            f"{name} marks outliers with -1, and a detector learns normal digits only: leave those rows out, and give "
            "the digit of each image or none."
        )
    return names


def chunks(images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Few enough images at a time for memory to stay bounded; one empty chunk when there are none."""
    return [images[at : at + CHUNK] for at in range(0, max(len(images), 1), CHUNK)]
