"""Reading apart: whatever a file does to the process that reads it, one refusal comes of it."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from core.errors import DatasetError, InkError
from core.ink import apart
from core.ink.pages import read_pages


@pytest.mark.parametrize(
    ("work", "given"),
    [(os._exit, 0), (os.abort, None), (bytes, 3 << 30), (exec, "while True: pass")],
    ids=["ends", "crashes", "eats memory", "never ends"],
)
def test_what_ends_or_holds_up_its_reader_is_refused_in_a_sentence(work: Callable[..., Any], given: object) -> None:
    with pytest.raises(InkError, match=r"^a.png cannot be read within 1 GB of memory and 0.1 seconds of work: save it"):
        apart.call("a.png", work, *([] if given is None else [given]), seconds=0.1)

    assert apart.call("b.png", os.path.basename, "7/b.png") == "b.png"


def test_errors_for_people_come_through_as_they_are_and_others_as_a_sentence() -> None:
    with pytest.raises(InkError, match=r"^a\.png is empty \(0 bytes\): save or upload it again\.$"):
        apart.call("a.png", partial(_first_page, name="a.png"), b"")
    with pytest.raises(DatasetError, match="no such folder"):
        apart.call("a.png", _no_folder)
    with pytest.raises(InkError, match=r"^a\.png cannot be read \(ZeroDivisionError: .*\): save it again\.$"):
        apart.call("a.png", divmod, 1, 0)


def test_modules_are_not_taken_from_where_a_person_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "colorsys.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)

    assert not apart.call("a.png", _file_of, "colorsys").startswith(str(tmp_path))


def _first_page(data: bytes, name: str) -> object:
    ((_, page),) = read_pages(data, name)
    raise page if isinstance(page, InkError) else AssertionError


def _no_folder() -> None:
    raise DatasetError("no such folder")


def _file_of(module: str) -> str:
    return str(__import__(module).__file__)
