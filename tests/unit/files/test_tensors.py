import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load, save

from core.files import tensors

NUMBERS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(0, np.int64)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.safetensors"
    tensors.write(path, save(NUMBERS, {"what": "numbers"}))
    return path


def test_what_is_written_comes_back_with_its_text(file: Path) -> None:
    metadata, content = tensors.read(file, checked=True)

    assert metadata["what"] == tensors.read_metadata(file)["what"] == "numbers"
    np.testing.assert_equal(load(content), NUMBERS)


def test_the_order_of_what_is_said_does_not_matter_to_the_checksum(file: Path) -> None:
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = dict(reversed(json.loads(content[8 : 8 + length]).items()))
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])

    assert tensors.read(file, checked=True)[0]["what"] == "numbers"


@pytest.mark.parametrize("changed", ["numbers", '"a"', "F32", "I64", "[2,3]"])
def test_a_change_in_what_is_said_of_the_tensors_is_refused(file: Path, changed: str) -> None:
    content = file.read_bytes()
    assert changed.encode() in content
    file.write_bytes(content.replace(changed.encode(), changed.replace("3", "4").swapcase().encode(), 1))

    with pytest.raises(SafetensorError):
        load(tensors.read(file)[1])


def test_a_file_without_a_checksum_is_read_unless_one_is_asked_for(tmp_path: Path) -> None:
    older = tmp_path / "older.safetensors"
    older.write_bytes(save(NUMBERS))

    np.testing.assert_equal(load(tensors.read(older)[1]), NUMBERS)
    with pytest.raises(SafetensorError, match="checksum"):
        tensors.read(older, checked=True)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 100, b"\2\0\0\0\0\0\0\0[]", b"\2\0\0\0\0\0\0\0{}more"])
def test_what_is_no_tensor_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "no.safetensors"
    path.write_bytes(content)

    for read in (tensors.read, tensors.read_metadata):
        with pytest.raises(SafetensorError):
            read(path)
