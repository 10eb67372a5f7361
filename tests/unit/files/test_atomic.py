import os
import stat
from pathlib import Path

import pytest

from core.files.atomic import write_whole


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
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
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
