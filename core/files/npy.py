"""NumPy's ``.npy`` format: the header of a file from people, before any of it is read, and whole files of our own."""

import io
import lzma
import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import OddDigitError
from core.files.atomic import write_whole

LONGEST_HEADER = 10_000  # bytes; numpy itself trusts no longer ones
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
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, columnwise, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            # Format 3.0 differs from 2.0 in the names of fields alone, and numpy reads a header before it bounds it.
            size = file.read(4)
            length = int.from_bytes(size, "little")
            if version not in ((2, 0), (3, 0)) or length > LONGEST_HEADER:
                raise OddDigitError("is not a plain array: save it again with numpy.save, as numbers without fields.")
            shape, columnwise, dtype = np.lib.format.read_array_header_2_0(io.BytesIO(size + file.read(length)))
    except OddDigitError:
        raise
    except (*DAMAGE, SyntaxError, TypeError, tokenize.TokenError) as error:
        # numpy reads a header by evaluating it as a literal, and every way for that to fail comes through.
        raise OddDigitError(f"is not an array of numbers ({error or type(error).__name__}). Make it again.") from error
    if dtype.hasobject:
        raise OddDigitError("holds Python objects, which are never read: save plain numbers or text.")
    if any(side < 0 for side in shape):
        raise OddDigitError("claims a size below zero. Make it again.")
    return Header(shape, dtype, columnwise and len(shape) > 1)


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array as ``.npy`` file, whole or not at all.

    By way of its bytes: NumPy hands an array to C's buffered output, which forgets that the disk refused the end of it.

    Raises:
        WriteError: as :func:`core.files.atomic.write_whole`.
    """
    with io.BytesIO() as whole:
        np.save(whole, array, allow_pickle=False)
        data = whole.getvalue()
    write_whole(path, lambda part: part.write_bytes(data))
