"""Files as other programs, systems and accidents leave them: each gives its digits and their labels, or says why."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import ink
from core.batch import export
from core.datasets.examples import for_normal
from core.errors import BatchError
from core.readers import pool, sources, stacks
from core.readers.items import AS_FOUND
from core.readers.rows import read_item
from tests.support.formats import N, images_of, read
from tests.support.piles import digits, document, folder_of, idx, png, zipped


def test_what_is_left_out_of_an_npz_is_said(tmp_path: Path) -> None:
    images, labels = digits(N)
    np.savez(tmp_path / "a.npz", images=images, labels=labels, mean=images.mean(0), std=images.std(0))

    (note,) = [item.note for item in read(tmp_path / "a.npz") if item.note]

    assert "mean 28 x 28, std 28 x 28" in note


def test_a_stack_on_its_side_of_another_name_is_not_turned_but_said(tmp_path: Path) -> None:
    images, _ = digits(N)
    np.save(tmp_path / "digits.npy", images.transpose(0, 2, 1))

    note, *items = read(tmp_path / "digits.npy")

    assert "wider than high" in note.note
    np.testing.assert_array_equal(images_of(items), images.transpose(0, 2, 1))
    assert not stacks.lies_on_its_side(images)


@pytest.mark.parametrize("pack", [gzip.compress, __import__("bz2").compress, __import__("lzma").compress])
def test_a_compressed_npy_is_read_through(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    images, _ = digits(N)
    buffer = io.BytesIO()
    np.save(buffer, images)
    (tmp_path / "digits.npy.gz").write_bytes(pack(buffer.getvalue()))

    np.testing.assert_array_equal(images_of(read(tmp_path / "digits.npy.gz")), images)


def test_an_archive_that_is_not_read_and_a_packed_picture_are_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "twice.zip.gz").write_bytes(gzip.compress(zipped([("7/a.png", b"")])))
    with tarfile.open(tmp_path / "digits.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("7/a.png"))
    (tmp_path / "digits.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(20))
    (tmp_path / "seven.png.gz").write_bytes(gzip.compress(png(digits(1)[0][0])))

    for name in ("digits.tar.gz", "digits.7z", "seven.png.gz", "twice.zip.gz"):
        (item,) = read(tmp_path / name)
        assert "unpack it first" in item.error


def test_what_is_a_zip_to_its_writer_alone_is_refused_as_what_it_is_to_people(tmp_path: Path) -> None:
    (tmp_path / "pile.zip").write_bytes(zipped([("list.xlsx", b"PK\3\4"), ("more.zip", b"PK\3\4")]))

    sheet, archive = read(tmp_path / "pile.zip")

    assert "list.xlsx is a spreadsheet, which is not read: save it as CSV" in sheet.error
    assert archive.error.endswith("more.zip is an archive itself: unpack it first.")


def test_a_dangling_link_is_one_refused_row(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "scans", digits(2)[0])
    (folder / "lost.png").symlink_to("/nowhere/object.png")

    rows = [row for at, item in enumerate(read(folder)) for row in read_item(at, item)]

    assert [bool(row.error) for row in rows] == [False, False, True]


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "scans", digits(2)[0])
    os.mkfifo(folder / "pipe.png")

    assert len(read(folder)) == 2
    for given in (folder / "pipe.png", Path("/dev/zero")):
        with pytest.raises(BatchError, match="is no file: copy what it gives into one"):
            sources.places([given])


def test_results_among_the_inputs_are_left_out_and_the_output_is_none_of_them(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "scans", digits(2)[0])
    (folder / "earlier.csv").write_text(",".join(export.COLUMNS) + "\n1\n")
    (folder / "now.csv").write_text("anything")

    items = list(sources.read(sources.places([folder], apart=folder / "now.csv")))

    assert [item.source.split("/")[-1] for item in items if not item.note] == ["0000.png", "0001.png"]
    assert "results of this program" in next(item.note for item in items if item.note)


def test_every_page_of_a_tiff_gives_its_row_and_a_blank_one_a_refusal(tmp_path: Path) -> None:
    pages = [for_normal((digit,))[0].picture().convert("L") for digit in "573"]
    pages.insert(1, Image.new("L", (280, 280), 255))
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    (item,) = read(tmp_path / "scan.tif")

    rows = list(read_item(0, item))

    assert [row.source.split("/")[-1] for row in rows] == [f"scan.tif page {page}" for page in (1, 2, 3, 4)]
    assert "page 2: no ink found" in rows[1].error
    for at in (0, 2, 3):
        np.testing.assert_array_equal(rows[at].image, ink.read(pages[at]).images[0])


def test_the_pages_before_the_damage_of_a_tiff_are_read_and_the_damage_is_said(tmp_path: Path) -> None:
    pages = [for_normal((digit,))[0].picture().convert("L") for digit in "573"]
    pages[0].save(tmp_path / "whole.tif", save_all=True, append_images=pages[1:])
    data = (tmp_path / "whole.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(data[: len(data) * 2 // 3])
    (item,) = read(tmp_path / "cut.tif")

    *rows, last = read_item(0, item)

    assert [row.error for row in rows] == [""] * len(rows)
    assert "is damaged after page" in last.error


def test_every_page_of_a_pdf_gives_its_row_in_a_folder_and_in_a_zip(tmp_path: Path) -> None:
    written = [for_normal((digit,))[0].picture().convert("L") for digit in "57"]
    folder = tmp_path / "scans"
    (folder / "7").mkdir(parents=True)
    (folder / "7" / "scan.pdf").write_bytes(document(written))
    (folder / "more.zip").write_bytes(zipped([("3/one.PDF", document(written[:1]))]))
    places = sources.places([folder])

    rows = [row for reading in pool.read(places, 0, AS_FOUND, 1) for row in reading.rows]

    assert [(row.source, row.label) for row in rows] == [
        ("scans/7/scan.pdf page 1", "7"),
        ("scans/7/scan.pdf page 2", "7"),
        ("scans/more.zip/3/one.PDF", "3"),
    ]
    assert [row.error for row in rows] == ["", "", ""]
    assert sources.count(places) == 3
    np.testing.assert_array_equal(rows[0].image, rows[2].image)


def test_rows_before_the_damage_count_and_the_file_is_one_refusal_more(tmp_path: Path) -> None:
    images, labels = digits(300)
    whole = gzip.compress(idx(images))
    (tmp_path / "cut-images-idx3-ubyte.gz").write_bytes(whole[: len(whole) * 2 // 3])
    np.savez(tmp_path / "late.npz", images=images, labels=labels)
    data = bytearray((tmp_path / "late.npz").read_bytes())
    data[images.nbytes - 2000] ^= 0xFF
    (tmp_path / "late.npz").write_bytes(data)
    folder_of(tmp_path / "after", images[:3])

    for name in ("cut-images-idx3-ubyte.gz", "late.npz"):
        items = read(tmp_path / name, tmp_path / "after")
        at = next(i for i, item in enumerate(items) if item.error)
        assert at > 150
        np.testing.assert_array_equal(images_of(items[:at]), images[:at])
        assert len(items) == at + 1 + 3


def test_labels_of_broken_text_refuse_their_file_and_no_other(tmp_path: Path) -> None:
    images, _ = digits(4)
    labels = np.array(["7"] * 4)
    labels.view(np.uint32)[2] = 0x110000
    np.savez(tmp_path / "broken.npz", images=images, labels=labels)

    items = read(tmp_path / "broken.npz", folder_of(tmp_path / "after", images))

    assert "not Unicode" in items[0].error
    assert len(items) == 5


def test_whatever_a_decoder_raises_is_the_reason_of_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path / "scans", digits(3)[0])
    plain = ink.read

    def picky(picture: object, *, name: str, **manner: bool | None) -> ink.Ink:
        if "0001" in name:
            raise MemoryError
        return plain(picture, name=name, **manner)

    monkeypatch.setattr(ink, "read", picky)

    rows = [row for at, item in enumerate(read(folder)) for row in read_item(at, item)]

    assert [bool(row.error) for row in rows] == [False, True, False]
    assert "MemoryError" in rows[1].error


def test_what_unpacks_to_far_more_than_it_is_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.readers.unpack.BOMB_BYTES", 1 << 20)
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress((",".join(["0"] * 785) + "\n").encode() * 4000))

    items = read(tmp_path / "bomb.csv.gz")

    assert "unpacks to more than" in items[-1].error


def test_a_colour_picture_of_its_own_in_an_array_is_one_picture(tmp_path: Path) -> None:
    page = np.asarray(for_normal(("5",))[0].picture().convert("RGB"))
    np.save(tmp_path / "page.npy", page)

    (item,) = read(tmp_path / "page.npy")

    assert isinstance(item.picture, np.ndarray)
    np.testing.assert_array_equal(item.picture, page[..., 0])


@pytest.mark.parametrize(
    "name", ["scan.csv", "scan.txt", "scan.npy", "scan.parquet", "scan.zip", "scan.pdf", "SCAN.JPE", "scan"]
)
def test_a_picture_is_one_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    images, _ = digits(1)
    (tmp_path / name).write_bytes(png(images[0]))

    np.testing.assert_array_equal(images_of(read(tmp_path / name)), images)


def test_links_in_a_circle_are_refused_rows_and_folders_in_one_are_read_once(tmp_path: Path) -> None:
    images, _ = digits(1)
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "a.png").write_bytes(png(images[0]))
    for link, target in (("7/up", ".."), ("one", "other"), ("other", "one")):
        (tmp_path / link).symlink_to(target)

    items = list(sources.read(sources.places([tmp_path], apart=tmp_path / "out.csv")))

    assert [item.label for item in items if not item.error] == ["7"]
    assert len([item for item in items if "symbolic links" in item.error]) == 2
