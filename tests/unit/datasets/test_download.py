"""Downloads from a stand-in mirror on this machine: dead, broken, lying and resumed."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from core.datasets.download import Remote, fetch
from core.errors import DatasetError
from tests.support.mirror import serve

BODY = np.random.default_rng(0).bytes(700_000)
DEAD = "http://127.0.0.1:9/"  # the discard port: nothing listens


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def remote(*mirrors: str, body: bytes = BODY) -> Remote:
    urls = tuple(f"{mirror}file.gz" for mirror in mirrors)
    return Remote("file.gz", urls, hashlib.md5(body).hexdigest(), len(body))


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def test_a_file_arrives_whole_and_progress_only_rises_to_its_size(tmp_path: Path) -> None:
    seen = []
    with serve({"file.gz": BODY}) as mirror:
        path = fetch(remote(mirror.url), tmp_path / "new", lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == BODY
    assert names(path.parent) == ["file.gz"]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) > 1
    assert seen[-1] == (len(BODY), len(BODY))


def test_a_file_that_is_already_there_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "file.gz").write_bytes(BODY)
    with serve({"file.gz": BODY}) as mirror:
        fetch(remote(mirror.url), tmp_path)
    assert mirror.asked == []


def test_a_file_with_a_wrong_checksum_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file.gz").write_bytes(BODY[:1000])
    with serve({"file.gz": BODY}) as mirror:
        assert fetch(remote(mirror.url), tmp_path).read_bytes() == BODY


def test_a_dead_first_mirror_leaves_the_work_to_the_second(tmp_path: Path) -> None:
    with serve({"file.gz": BODY}) as mirror:
        assert fetch(remote(DEAD, mirror.url), tmp_path).read_bytes() == BODY


def test_a_transfer_that_breaks_off_is_resumed_where_it_ended(tmp_path: Path) -> None:
    with serve({"file.gz": BODY}, breaks_after=[300_000]) as mirror:
        assert fetch(remote(mirror.url), tmp_path).read_bytes() == BODY
    assert mirror.asked == [("file.gz", None), ("file.gz", "bytes=300000-")]


def test_what_one_mirror_began_the_next_one_finishes(tmp_path: Path) -> None:
    with serve({"file.gz": BODY}, breaks_after=[100_000, 0]) as first, serve({"file.gz": BODY}) as second:
        assert fetch(remote(first.url, second.url), tmp_path).read_bytes() == BODY
    assert second.asked == [("file.gz", "bytes=100000-")]


def test_a_mirror_that_cannot_resume_starts_over(tmp_path: Path) -> None:
    (tmp_path / "file.gz.part").write_bytes(BODY[:5000])
    with serve({"file.gz": BODY}, resumes=False) as mirror:
        assert fetch(remote(mirror.url), tmp_path).read_bytes() == BODY


@pytest.mark.parametrize(
    "remains", [b"x" * 5000, b"x" * len(BODY), b"x" * (len(BODY) + 9)], ids=["short", "as long", "longer"]
)
def test_remains_of_another_file_are_thrown_away_and_the_file_fetched_whole(tmp_path: Path, remains: bytes) -> None:
    (tmp_path / "file.gz.part").write_bytes(remains)
    with serve({"file.gz": BODY}) as mirror:
        assert fetch(remote(mirror.url), tmp_path).read_bytes() == BODY


def test_a_wrong_checksum_is_refused_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with serve({"file.gz": BODY[::-1]}) as mirror, pytest.raises(DatasetError, match="wrong checksum"):
        fetch(remote(mirror.url), tmp_path)
    assert names(tmp_path) == []


def test_a_mirror_with_a_wrong_file_does_not_stop_the_next_one(tmp_path: Path) -> None:
    with serve({"file.gz": b"<html>sorry</html>"}) as first, serve({"file.gz": BODY}) as second:
        assert fetch(remote(first.url, second.url), tmp_path).read_bytes() == BODY


def test_a_mirror_that_sends_far_too_much_is_cut_off(tmp_path: Path) -> None:
    with serve({"file.gz": bytes(3_000_000)}) as mirror, pytest.raises(DatasetError, match="sent more than"):
        fetch(remote(mirror.url, body=b"small"), tmp_path)
    assert names(tmp_path) == []


def test_without_any_network_every_mirror_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no mirror delivered it: 127.0.0.1:9 \(.*refused.*\), nowhere.invalid"):
        fetch(remote(DEAD, "http://nowhere.invalid/"), tmp_path)
    assert names(tmp_path) == []


def test_a_missing_file_is_told_with_the_servers_own_code(tmp_path: Path) -> None:
    with serve({}) as mirror, pytest.raises(DatasetError, match="HTTP 404"):
        fetch(remote(mirror.url), tmp_path)


def test_a_transfer_that_is_broken_for_good_keeps_its_part_for_another_day(tmp_path: Path) -> None:
    with serve({"file.gz": BODY}, breaks_after=[200_000, 0]) as mirror, pytest.raises(DatasetError, match="broke off"):
        fetch(remote(mirror.url), tmp_path)
    assert (tmp_path / "file.gz.part").read_bytes() == BODY[:200_000]


def test_cancelling_from_the_progress_report_keeps_the_part(tmp_path: Path) -> None:
    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with serve({"file.gz": BODY}) as mirror, pytest.raises(KeyboardInterrupt):
        fetch(remote(mirror.url), tmp_path, cancel)
    assert BODY.startswith((tmp_path / "file.gz.part").read_bytes())
    assert names(tmp_path) == ["file.gz.part"]


def test_a_folder_that_takes_no_files_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("a file, not a folder")
    with pytest.raises(DatasetError, match="ODD_DIGIT_DATASETS"):
        fetch(remote(DEAD), tmp_path / "in the way")
