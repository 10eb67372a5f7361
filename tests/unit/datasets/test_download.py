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


@pytest.mark.parametrize(
    ("name", "remains", "resumes"),
    [
        pytest.param("file.gz", BODY[:1000], True, id="a file with a wrong checksum"),
        pytest.param("file.gz.part", BODY[:5000], False, id="a part, and a mirror that cannot resume"),
        pytest.param("file.gz.part", b"x" * 5000, True, id="a part of another file"),
        pytest.param("file.gz.part", b"x" * len(BODY), True, id="another file as long"),
        pytest.param("file.gz.part", b"x" * (len(BODY) + 9), True, id="a longer one"),
    ],
)
def test_remains_that_cannot_be_gone_on_with_give_way_to_the_whole_file(
    tmp_path: Path, name: str, remains: bytes, resumes: bool
) -> None:
    (tmp_path / name).write_bytes(remains)
    with serve({"file.gz": BODY}, resumes=resumes) as mirror:
        assert fetch(remote(mirror.url), tmp_path).read_bytes() == BODY


def test_a_transfer_that_breaks_off_is_resumed_where_it_ended(tmp_path: Path) -> None:
    with serve({"file.gz": BODY}, breaks_after=[300_000]) as mirror:
        assert fetch(remote(mirror.url), tmp_path).read_bytes() == BODY
    assert mirror.asked == [("file.gz", None), ("file.gz", "bytes=300000-")]


@pytest.mark.parametrize(
    ("sent", "breaks_after", "rest"),
    [
        pytest.param({}, (), None, id="a dead one"),
        pytest.param({"file.gz": b"<html>sorry</html>"}, (), None, id="one with another file"),
        pytest.param({"file.gz": BODY}, [100_000, 0], "bytes=100000-", id="one that breaks off"),
    ],
)
def test_what_the_first_mirror_does_not_give_the_second_does(
    tmp_path: Path, sent: dict[str, bytes], breaks_after: list[int], rest: str | None
) -> None:
    with serve(sent, breaks_after=breaks_after) as first, serve({"file.gz": BODY}) as second:
        urls = (first.url if sent else DEAD, second.url)
        assert fetch(remote(*urls), tmp_path).read_bytes() == BODY
    assert second.asked == [("file.gz", rest)]


@pytest.mark.parametrize(
    ("sent", "wanted", "reason"),
    [
        pytest.param({"file.gz": BODY[::-1]}, BODY, "wrong checksum", id="another file"),
        pytest.param({"file.gz": bytes(3_000_000)}, b"small", "sent more than", id="far too much"),
        pytest.param({}, BODY, "HTTP 404", id="nothing"),
    ],
)
def test_a_mirror_that_sends_what_is_not_wanted_is_refused_and_nothing_is_left_behind(
    tmp_path: Path, sent: dict[str, bytes], wanted: bytes, reason: str
) -> None:
    with serve(sent) as mirror, pytest.raises(DatasetError, match=reason):
        fetch(remote(mirror.url, body=wanted), tmp_path)
    assert names(tmp_path) == []


def test_without_any_network_every_mirror_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no mirror delivered it: 127.0.0.1:9 \(.*refused.*\), nowhere.invalid"):
        fetch(remote(DEAD, "http://nowhere.invalid/"), tmp_path)
    assert names(tmp_path) == []


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
