"""Headers of NumPy's ``.npy`` format from people: shape and type of an array before any of it is read."""

import lzma
import math
import tokenize
import zipfile
import zlib
from typing import BinaryIO, NamedTuple

import numpy as np

from core.errors import OddDigitError

# Whatever reading or unpacking a damaged file raises.
DAMAGE = (OSError, ValueError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


class Header(NamedTuple):
    """What an array says of itself before it is read; ``columnwise`` where it lies column by column."""

    shape: tuple[int, ...]
    dtype: np.dtype
    columnwise: bool = False

    def size(self, item: int = 0) -> int:
        """Bytes it takes at ``item`` bytes a value, or at its own if those are more; exact, never overflowing."""
        return math.prod(self.shape) * max(item, self.dtype.itemsize)


def read_header(file: BinaryIO) -> Header:
    """The header at the start of an array; the file is left where its values begin.

    Raises:
        OddDigitError: it is no plain array of plain values; the text goes on after its name.
    """
    try:
        # Plain arrays are saved in format 1.0, and only there is the length of the header bounded.
        if np.lib.format.read_magic(file) != (1, 0):
            raise OddDigitError("is not a plain array.")
        shape, columnwise, dtype = np.lib.format.read_array_header_1_0(file)
    except OddDigitError:
        raise
    except (*DAMAGE, SyntaxError, TypeError, tokenize.TokenError) as error:
        # numpy reads a header by evaluating it as a literal, and every way for that to fail comes through.
        raise OddDigitError(f"is not an array of numbers ({error or type(error).__name__}). Make it again.") from error
    if dtype.hasobject:
        raise OddDigitError("holds Python objects, which are never read.")
    if any(side < 0 for side in shape):
        raise OddDigitError("claims a size below zero. Make it again.")
    return Header(shape, dtype, columnwise and len(shape) > 1)
