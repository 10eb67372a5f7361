"""Tensor files with a checksum: ``.safetensors`` written whole, and believed when they are what was written.

The SHA-256 of everything else in the file stands in its metadata, so a flipped bit is refused and never becomes another
p-value. Files are read, not mapped: what somebody cuts short meanwhile is an error, and no signal that ends the server.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, BinaryIO

from safetensors import SafetensorError

from core.files.atomic import write_whole

CHECKSUM = "sha256"
_LONGEST_HEADER = 8 << 20  # bytes; a model of a hundred digits has 1 MB
_METADATA = "__metadata__"
Header = dict[str, Any]


def write(path: Path, content: bytes, new: bool = False) -> None:
    """Write what safetensors' ``save`` gives, with its checksum, whole or not at all; arguments as for ``write_whole``.

    Raises:
        WriteError: the file cannot be written.
    """
    length = int.from_bytes(content[:8], "little")
    header, tensors = json.loads(content[8 : 8 + length]), memoryview(content)[8 + length :]
    header[_METADATA] = header.get(_METADATA, {}) | {CHECKSUM: _checksum(header, tensors)}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of eight bytes

    def fill(part: Path) -> None:
        with part.open("wb") as file:
            file.writelines((len(text).to_bytes(8, "little"), text, tensors))

    write_whole(path, fill, new)


def read(path: Path, checked: bool = False) -> tuple[dict[str, str], bytes]:
    """The metadata and the whole content of a file, for safetensors' ``load``.

    Args:
        path: the file.
        checked: refuse one without a checksum, as they were written before there was one.

    Raises:
        SafetensorError: it is damaged.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        header = _header(file)
        at = file.tell()
        file.seek(0)
        content = file.read()
    metadata: dict[str, str] = header.get(_METADATA, {})
    said = metadata.get(CHECKSUM)
    if said != _checksum(header, memoryview(content)[at:]) and (checked or said is not None):
        raise SafetensorError("its content is not what was written: the checksum differs")
    return metadata, content


def read_metadata(path: Path) -> dict[str, str]:
    """The text beside the tensors, without reading any of them.

    Raises:
        SafetensorError: it is no whole tensor file; whether the tensors are what was written is for ``read`` to say.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        metadata: dict[str, str] = _header(file).get(_METADATA, {})
    return metadata


def _header(file: BinaryIO) -> Header:
    """What a file says of itself, checked against its length; the file is left where the tensors begin."""
    try:
        length = int.from_bytes(file.read(8), "little")
        if length > _LONGEST_HEADER:
            raise ValueError("no header")
        header: Header = json.loads(file.read(length))
        begin = file.tell()
        end = max((tensor["data_offsets"][1] for name, tensor in header.items() if name != _METADATA), default=0)
        whole = begin == 8 + length and file.seek(0, 2) == begin + end
        file.seek(begin)
        if not all(isinstance(value, str) for value in header.get(_METADATA, {}).values()):
            raise ValueError("metadata")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise SafetensorError(f"its header cannot be read ({type(error).__name__})") from error
    if not whole:
        raise SafetensorError("it is shorter or longer than its header says")
    return header


def _checksum(header: Header, tensors: memoryview) -> str:
    """SHA-256 of all that a file says, in any order of its keys, but for the checksum itself."""
    metadata = {key: value for key, value in header.get(_METADATA, {}).items() if key != CHECKSUM}
    digest = hashlib.sha256(json.dumps(header | {_METADATA: metadata}, sort_keys=True).encode())
    digest.update(tensors)
    return digest.hexdigest()
