"""Decompression of single files: gzip, bzip2 and xz streams are read through, and never further than anyone packs."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

from core.errors import BatchError
from core.files.npy import DAMAGE
from core.readers.items import Place

BOMB_BYTES, BOMB_RATIO = 256 << 20, 200  # refused is what unpacks to more than this and this many times its size
# Everything that a damaged or hostile file makes decoders raise.
_PIECE = 1 << 12  # bytes read at a time: no more are lost where a stream is damaged
_PACKED: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}


class Unpacked(io.RawIOBase):
    """A decompressed stream that ends with an error once it has given more than its packed size can explain.

    Args:
        name: what to call the file in errors.
        stream: what decompresses.
        file: the packed file that it decompresses.
        size: bytes of that.
    """

    def __init__(self, name: str, stream: Any, file: BinaryIO, size: int) -> None:
        self._name, self._stream, self.file = name, stream, file
        self._limit = max(BOMB_BYTES, BOMB_RATIO * size)
        self._given = 0

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the stream.

        Raises:
            BatchError: more came out than anyone packs.
        """
        data = self._stream.read1(len(buffer))
        self._given += len(data)
        if self._given > self._limit:
            raise BatchError(f"{self._name}: unpacks to more than {self._limit >> 20:,} MB: refused.")
        buffer[: len(data)] = data
        return len(data)


def opened(place: Place, stack: ExitStack) -> BinaryIO:
    """A place open for reading from the front, decompressed where it is packed.

    Raises:
        BatchError: it cannot be opened.
    """
    try:
        file = stack.enter_context(place.open())
        head = file.read(8)
        file.seek(0)
        for magic, unpack in _PACKED.items():
            if head.startswith(magic):
                return cast(BinaryIO, io.BufferedReader(Unpacked(place.name, unpack(file), file, place.size)))
    except OSError as error:
        raise BatchError(f"{place.name}: cannot be read ({error.strerror or error}).") from error
    return file


def is_unpacked(file: BinaryIO) -> bool:
    """Whether ``opened`` found the file compressed."""
    return isinstance(getattr(file, "raw", None), Unpacked)


def packed_position(file: BinaryIO) -> int:
    """How many bytes of the file itself, packed or not, have been read."""
    return cast(Any, file).raw.file.tell() if is_unpacked(file) else file.tell()


def read_up_to(file: BinaryIO, size: int) -> tuple[bytes, Exception | None]:
    """At most ``size`` bytes, and what ended the reading early; what came before the damage is kept."""
    data = bytearray()
    read = getattr(file, "read1", file.read)
    try:
        while len(data) < size:
            piece = read(min(_PIECE, size - len(data)))
            if not piece:
                break
            data += piece
    except (BatchError, *DAMAGE) as error:
        return bytes(data), error
    return bytes(data), None
