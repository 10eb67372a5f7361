import errno
import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

from core.errors import OddDigitError, WriteError
from core.files import tensors
from core.files.atomic import write_whole, writing
from core.files.npy import write_array


def test_a_file_is_written_with_its_folder_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.txt"

    write_whole(target, lambda part: part.write_text("all of it"))

    assert target.read_text() == "all of it"
    assert list(target.parent.iterdir()) == [target]


def test_a_write_that_fails_half_way_leaves_the_older_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("older")

    def fail(part: Path) -> None:
        part.write_text("half of")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WriteError, match=r"file\.txt cannot be written: the disk is full"):
        write_whole(target, fail)
    assert target.read_text() == "older"
    assert list(tmp_path.iterdir()) == [target]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("older")
    seen = []

    def write(part: Path) -> None:
        part.write_text("new, ")
        seen.append(target.read_text())
        part.write_text("new, all of it")

    write_whole(target, write)

    assert seen == ["older"]
    assert target.read_text() == "new, all of it"


def test_a_written_file_has_the_rights_that_the_person_asked_for_by_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "file.txt", lambda part: part.write_text("x"))
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(OSError(errno.ENOSPC, "x"), "the disk is full. Make room there", id="full"),
        pytest.param(OSError(errno.EROFS, "x"), "the disk is read-only. Make it writable", id="read-only"),
        pytest.param(PermissionError(errno.EACCES, "x"), "the system does not let you write there", id="not allowed"),
        pytest.param(FileExistsError(errno.EEXIST, "x"), "a file lies where a folder should be", id="a file"),
        pytest.param(OSError(errno.EIO, "Input/output error"), "Input/output error", id="anything else"),
    ],
)
def test_what_the_system_raises_becomes_a_sentence_with_a_remedy(
    error: Exception, said: str, tmp_path: Path, state_dir: Path
) -> None:
    for place, remedy in (
        (tmp_path / "table.csv", "or choose another place."),
        (state_dir / "models" / "x.safetensors", "or set ODD_DIGIT_STATE to another folder."),
    ):
        with pytest.raises(OddDigitError) as caught, writing(place):
            raise error

        assert isinstance(caught.value, OSError)
        assert str(caught.value).startswith(f"{place} cannot be written: ")
        assert said in str(caught.value)
        assert str(caught.value).endswith(remedy)


def test_a_file_where_a_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")

    with pytest.raises(WriteError, match="a file lies where a folder should be"):
        write_whole(tmp_path / "state" / "file.txt", lambda part: part.write_text("x"))


@pytest.mark.parametrize(
    ("write", "room"),
    [
        pytest.param(lambda path, n: tensors.write(path, to_bytes({"a": np.zeros(n)})), 4096, id="tensors"),
        # So few that C would keep all of them in its buffer, and say nothing when that cannot be written.
        pytest.param(lambda path, n: write_array(path, np.zeros(n)), 100, id="an array"),
    ],
)
def test_a_disk_that_fills_up_while_numbers_are_written_is_said_and_leaves_the_older_file(
    write: Callable[[Path, int], None], room: int, tmp_path: Path
) -> None:
    target = tmp_path / "numbers"
    write(target, 0)
    older = target.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(WriteError, match="cannot be written: the system lets no file here grow so large"):
            write(target, room)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert target.read_bytes() == older
    assert list(tmp_path.iterdir()) == [target]
