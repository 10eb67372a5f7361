"""Arguments of the Python API: each is checked at this one door, in a sentence that names it and says what to give."""

from collections.abc import Sized
from numbers import Integral, Number
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import OddDigitError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_SEED = 2**32 - 1  # as of NumPy's and scikit-learn's random states
T = TypeVar("T")


def whole(name: str, value: object, least: int, most: int) -> int:
    """A whole number within its bounds, NumPy's own too; True is none.

    Raises:
        OddDigitError: it is anything else.

    >>> whole("epochs", 3, 1, 10)
    3
    """
    if isinstance(value, Integral) and not isinstance(value, bool) and least <= int(value) <= most:
        return int(value)
    raise OddDigitError(f"{name} is {_shown(value)}: give a whole number from {least:,} to {most:,}.")


def text(name: str, value: object, such_as: str) -> str:
    """Text that says something, on one line.

    Raises:
        OddDigitError: it is no text, empty, or moves a terminal's cursor.
    """
    if isinstance(value, str) and value.strip() and value.isprintable():
        return value
    raise OddDigitError(f"{name} is {_shown(value)}: give text, such as {such_as}.")


def of_type(name: str, value: object, kind: type[T], remedy: str) -> T:
    """A value of the type that it has to be of.

    Raises:
        OddDigitError: it is of another.
    """
    if isinstance(value, kind):
        return value
    raise OddDigitError(f"{name} is {_shown(value)}: give {remedy}.")


def path(name: str, value: object) -> Path:
    """A path as a person writes it: text or ``Path``, where ``~`` is their own folder.

    Raises:
        OddDigitError: it is no path, or ``~`` names nobody.
    """
    if isinstance(value, str | PathLike) and isinstance(written := fspath(value), str):
        try:
            return Path(written).expanduser()
        except RuntimeError as error:
            raise OddDigitError(f"{name} is {written!r}, and there is no such user: write it out.") from error
    raise OddDigitError(f"{name} is {_shown(value)}: give a path, as text or as a Path.")


def array(name: str, value: Any, remedy: str) -> "NDArray[Any]":
    """Numbers or text as other libraries hold them: arrays, tables, lists, tensors wherever they are.

    Raises:
        OddDigitError: it is sparse, has masked entries or is of no such form; the text says which.
    """
    import numpy as np

    # Of PyTorch's tensors and SciPy's matrices no library need be loaded to know them.
    if hasattr(value, "toarray") or getattr(value, "is_sparse", False):
        raise OddDigitError(f"{name}: sparse input is not supported: give a dense array, its toarray().")
    if np.ma.is_masked(value) or (isinstance(value, list | tuple) and any(map(np.ma.is_masked, value))):
        raise OddDigitError(f"there are masked entries in {name}: leave those out, or fill them with its filled(0).")
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            value = value.float() if value.is_floating_point() else value  # NumPy knows no bfloat16
        elif isinstance(value, str | bytes | bytearray | dict | set) or not (
            isinstance(value, Sized) or hasattr(value, "__array__") or hasattr(value, "__array_interface__")
        ):
            raise TypeError
        given = np.asarray(value)
        # Numbers that a table or a list holds one by one are an array of what they are.
        return np.asarray(given.tolist()) if given.dtype.hasobject else given
    except (TypeError, ValueError, RuntimeError) as error:
        raise OddDigitError(f"{name} cannot be read from {_shown(value)}: give {remedy}.") from error


def _shown(value: object) -> str:
    """What was given, short: a plain value as it stands, of all else its type."""
    if value is None or isinstance(value, str | bytes | Number):
        shown = repr(value)
        return shown if len(shown) <= 60 else f"{shown[:57]}..."
    return f"a value of type {type(value).__name__}"
