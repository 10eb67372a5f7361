"""Reading apart: whatever a file does to the process that reads it, one refusal comes of it."""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
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


def test_what_ends_its_reader_keeps_what_came_before_and_costs_no_other_its_reading() -> None:
    numbers = [(i,) for i in range(20)]

    read = list(apart.over(_twice_unless_seven, numbers, 2, lambda _: 1))

    assert [thing for thing, _, _ in read] == numbers
    assert [results for _, results, _ in read] == [[i] if i == 7 else [i, i] for i in range(20)]
    assert [i for i, (_, _, why) in enumerate(read) if why] == [7]


def test_what_costs_nothing_is_done_here_in_its_order() -> None:
    read = apart.over(_process, [(i,) for i in range(200)], 2, lambda i: i // 100)

    ours = [results == [os.getpid()] for _, results, _ in read]

    assert ours == [i < 64 for i in range(200)]  # in portions: what lies among what is handed over goes along


def test_things_are_taken_no_further_ahead_than_there_is_work_for() -> None:
    taken = count()
    read = apart.over(_process, zip(taken), 1, lambda _: 1)

    next(read)
    read.close()

    assert next(taken) <= (apart.AHEAD + 2) * apart.PORTION


def test_who_stops_asking_ends_the_readers_at_once(tmp_path: Path) -> None:
    at_work = tmp_path / "at work"
    read = apart.over(_process_then_endless_work, [(i, at_work) for i in range(100)], 1, lambda *_: 1)
    (pid,) = next(read).results
    _wait_for(at_work.exists)

    read.close()

    _wait_for(lambda: not Path(f"/proc/{pid}").exists())


def test_modules_are_not_taken_from_where_a_person_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "colorsys.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)

    assert not apart.call("a.png", _file_of, "colorsys").startswith(str(tmp_path))


def _first_page(data: bytes, name: str) -> object:
    ((_, page),) = read_pages(data, name)
    raise page if isinstance(page, InkError) else AssertionError


def _no_folder() -> None:
    raise DatasetError("no such folder")


def _twice_unless_seven(i: int) -> Iterator[int]:
    yield i
    if i == 7:
        os._exit(1)
    yield i


def _process(_: int) -> Iterator[int]:
    yield os.getpid()


def _process_then_endless_work(i: int, at_work: Path) -> Iterator[int]:
    yield os.getpid()
    while i >= apart.PORTION:
        at_work.touch()


def _wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def _file_of(module: str) -> str:
    return str(__import__(module).__file__)
