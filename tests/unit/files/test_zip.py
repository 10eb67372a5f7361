"""Zip archives from strangers: what is harmless is read, what is not is refused with its reason."""

import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ArchiveError
from core.files import zip as archives
from tests.support.piles import zipped

PICTURE = b"\x89PNG not really"


def claiming(archive: bytes, size: int) -> bytes:
    """The same archive with the first entry's unpacked size in the list of contents changed."""
    at = archive.index(b"PK\x01\x02") + 24
    return archive[:at] + struct.pack("<I", size) + archive[at + 4 :]


def test_files_come_in_the_archives_order_without_folders_and_hidden_files(tmp_path: Path) -> None:
    data = zipped(
        [("b/", b""), ("b/2.png", PICTURE), ("a.png", b"x"), ("__MACOSX/a.png", b""), (".DS_Store", b""), ("b/.x", b"")]
    )
    (tmp_path / "pile.zip").write_bytes(data)
    for source in (data, tmp_path / "pile.zip"):
        assert list(archives.members(source)) == [("b/2.png", PICTURE), ("a.png", b"x")]
    assert archives.count(data) == 2


@pytest.mark.parametrize("name", ["../out.png", "a/../../out.png", "/etc/out.png", "C:/out.png", "a\\..\\..\\out.png"])
def test_paths_that_lead_outside_refuse_the_whole_archive(name: str) -> None:
    data = zipped([("fine.png", PICTURE), (zipfile.ZipInfo(name), PICTURE)])
    with pytest.raises(ArchiveError, match="points outside"):
        next(archives.members(data))


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        pytest.param(lambda: zipped([(f"{i}.png", bytes(60 << 20)) for i in range(5)]), "unpack to 315 MB", id="open"),
        pytest.param(lambda: claiming(zipped([("lie.png", bytes(100 << 20))]), 1000), "damaged", id="of a false size"),
    ],
)
def test_a_bomb_is_refused_and_not_unpacked_beyond_what_it_claims(packed: Callable[[], bytes], said: str) -> None:
    data = packed()
    tracemalloc.start()
    with pytest.raises(ArchiveError, match=said):
        list(archives.members(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 2**20


def test_entries_are_counted_across_the_pieces_in_which_a_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(40):
            archive.writestr(f"{number}.txt", "x" * number)

    for piece in (4, 5, 7, 64, 1 << 20):
        monkeypatch.setattr("core.files.zip._PIECE", piece)
        assert archives._entries(path) == 40


def test_more_than_100000_entries_are_refused_before_a_list_of_them_is_built(tmp_path: Path) -> None:
    entry = b"PK\x01\x02" + bytes(42)
    directory = entry * 100_001
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    path = tmp_path / "many.zip"
    path.write_bytes(directory + end)
    for source in (path, path.read_bytes()):
        with pytest.raises(ArchiveError, match="more than 100,000 entries"):
            next(archives.members(source, "many.zip"))


def test_a_file_that_cannot_be_used_is_named_and_the_others_still_come() -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    data = zipped([("in.zip", b"x"), ("sly.png", zipped([("a", b"")])), (link, b"/etc/passwd"), ("ok.png", PICTURE)])
    refused = []
    members = list(archives.members(data, refused=lambda name, why: refused.append((name, why))))
    assert members == [("ok.png", PICTURE)]
    assert [(name, why.split(":")[0]) for name, why in refused] == [
        ("in.zip", "is an archive itself"),
        ("sly.png", "is an archive itself"),
        ("link.png", "is a link, not a file"),
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped([("in.zip", b"x")]), r"pile: 'in\.zip' is an archive itself: unpack it first"),
        (zipped([("a.png", PICTURE)], zipfile.ZIP_LZMA), "unusual"),
        (claiming(zipped([("a.png", PICTURE)]), 65 * 2**20), "a file may have 64 MB"),
    ],
    ids=["an archive", "packing that can swell without bound", "too large for a picture"],
)
def test_without_anyone_to_tell_a_file_that_cannot_be_used_ends_the_reading(data: bytes, reason: str) -> None:
    with pytest.raises(ArchiveError, match=reason):
        list(archives.members(data, "pile"))


def test_an_encrypted_file_is_refused_with_the_remedy() -> None:
    data = bytearray(zipped([("secret.png", PICTURE)]))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArchiveError, match="encrypted: pack it again without a password"):
        list(archives.members(bytes(data)))


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip at all", zipped([("a.png", PICTURE)])[:-9]])
def test_what_is_no_whole_zip_says_so(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pile.zip"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(ArchiveError, match="not a whole zip archive"):
            next(archives.members(source))


def test_a_list_of_contents_that_lacks_files_refuses_the_archive() -> None:
    data = bytearray(zipped((f"{i}.png", b"...") for i in range(3)))
    data[-10:-6] = (51).to_bytes(4, "little")  # bytes of the list, by which its last entry alone is in it

    with pytest.raises(ArchiveError, match="lists 1 of its 3 files"):
        list(archives.members(bytes(data), "scans.zip"))


def test_names_that_would_move_the_cursor_are_made_harmless() -> None:
    [(name, _)] = archives.members(zipped([("a\x1b[2J\u202egnp.exe", b"x")]))
    assert name == "a�[2J�gnp.exe"


@given(st.data())
def test_a_damaged_archive_raises_nothing_but_the_error_made_for_it(data: bytes) -> None:
    whole = zipped([("a/1.png", PICTURE * 3), ("b/2.png", b"")])
    at = data.draw(st.integers(0, len(whole) - 1))
    junk = data.draw(st.binary(min_size=1, max_size=8))
    broken = whole[:at] + junk + whole[at + len(junk) :]
    refused = []
    members = []
    with suppress(ArchiveError):
        members = list(archives.members(broken, refused=lambda name, why: refused.append(name)))
    assert len(members) + len(refused) <= 2


@pytest.mark.parametrize("written", ["ü数.png".encode(), "üß.png".encode("cp437")], ids=["UTF-8 unmarked", "an old PC"])
def test_names_are_read_as_their_packer_wrote_them(written: bytes) -> None:
    data = zipped([("x" * len(written), PICTURE)]).replace(b"x" * len(written), written)

    ((name, _),) = archives.members(data)

    assert name in ("ü数.png", "üß.png")
