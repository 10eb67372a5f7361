"""Piles are read from whatever people have, written here by other libraries than the ones that read them."""

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import ink
from core.errors import BatchError, InkError
from core.readers import arrays, npz, parquet, sources
from core.readers.items import Place, as_label, place_of
from tests.support.formats import IMAGES, LABELS, PLAIN, N, images_of, read
from tests.support.piles import digits, folder_of, idx, png, zipped


def test_scikit_learns_eight_by_eight_digits_in_sixteen_steps_are_read_as_pictures(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    np.savez(tmp_path / "digits.npz", data=load_digits().images[:N], target=load_digits().target[:N])

    items = read(tmp_path / "digits.npz")

    assert [item.label for item in items] == [str(label) for label in load_digits().target[:N]]
    assert all(images_of(items).reshape(N, -1).max(axis=1) > 200)


def test_reading_can_begin_anywhere_in_a_mixture(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(PLAIN)
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    pile = sources.places([tmp_path / "a.csv", tmp_path / "a.npz", folder_of(tmp_path / "pictures", IMAGES)])
    everything = [item.source for item in sources.read(pile)]

    for start in (0, 5, N, 2 * N + 3, 3 * N):
        assert [item.source for item in sources.read(pile, start)] == everything[start:]
    assert len(everything) == sources.count(pile) == 3 * N


def test_a_row_that_is_broken_is_refused_alone_and_keeps_its_number(tmp_path: Path) -> None:
    lines = PLAIN.splitlines()[:6]
    lines[2] = lines[2].replace(",", ",oops", 1)
    lines[3] = ",".join(lines[3].split(",")[:500])
    lines[4] = lines[4][:-1] + "9999"
    (tmp_path / "broken.csv").write_text("\n".join(lines))

    items = read(tmp_path / "broken.csv")

    assert [bool(item.error) for item in items] == [False, True, True, True, False]
    assert "#2 holds a pixel that is not a number" in items[1].error
    assert "#3 has 500 cells instead of 785" in items[2].error
    assert "#4 holds values from 0 to" in items[3].error
    assert items[4].source.endswith("broken.csv #5")


def npy(header: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


REFUSED = {
    "nothing.png": (b"", None),
    "table.csv": (b"a,b\n1,2\n", "784"),
    "short-images-idx3-ubyte": (idx(np.zeros((9, 28, 28), np.uint8))[:3000], "ends after 3 of 9 rows"),
    "labels-idx1-ubyte": (idx(np.zeros(9, np.uint8)), "labels only"),
    "huge-idx3-ubyte": (b"\0\0\x08\x03" + b"\xff" * 12, "shape"),
    "no.npz": (b"PK\x03\x04 nothing", "not a whole .npz"),
    "no.npy": (b"\x93NUMPY\x01\x00\xff\xff{", "not an array of numbers"),
    "no.parquet": (b"PAR1 nothing PAR1", "not a whole Parquet file"),
    "no.zip": (b"PK\x03\x04 nothing", "zip"),
    "fields.npy": (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{", "save it again with numpy.save"),
    "future.npy": (b"\x93NUMPY\x09\x00\x10\x00\x00\x00{", "save it again with numpy.save"),
    "cut-short.npy": (b"\x93NUMPY\x02\x00\x10", "not an array of numbers"),
    "objects.npy": (
        npy(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"),
        "Python objects, which are never read",
    ),
    "no-literal.npy": (npy(b",1"), "not an array of numbers"),
    "keys.npy": (npy(b"{1: 2, 'descr': '|u1', 'shape': (1,)}"), "not an array of numbers"),
    "nested.npy": (npy(b"(" * 60), "not an array of numbers"),
    "unfinished.npy": (npy(b"{'descr': '|u1', 'fortran_order': 0"), "not an array of numbers"),
    "no.csv.gz": (b"\x1f\x8b\x08 nothing", "cannot be read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_is_one_row_that_says_why(name: str, tmp_path: Path) -> None:
    data, reason = REFUSED[name]
    (tmp_path / name).write_bytes(data)

    items = read(tmp_path / name)

    if reason is None:
        assert len(items) == 1
        assert isinstance(items[0].picture, Place)
    else:
        assert items[-1].picture is None
        assert name in items[-1].error
        assert reason in items[-1].error


@pytest.mark.parametrize(
    ("name", "head", "remedy"),
    [
        pytest.param("net.pt", b"PK\x03\x04", "numpy.savez", id="PyTorch"),
        pytest.param("data_batch_1", b"\x80\x02}q", "can run code", id="a pickle of no name"),
        pytest.param("mnist.npz", b"\x80\x04\x95", "can run code", id="a pickle of another name"),
        pytest.param("digits.mat", b"MATLAB 5.0 MAT-file", "scipy.io.loadmat", id="MATLAB"),
        pytest.param("digits.h5", b"\x89HDF\r\n\x1a\n", "h5py", id="HDF5"),
        pytest.param("digits.xlsx", b"PK\x03\x04", "CSV", id="Excel"),
        pytest.param("digits.json", b"[[0]]", "numpy.savez", id="JSON"),
        pytest.param("digits.tfrecord", bytes(40), "numpy.savez", id="TensorFlow"),
        pytest.param("digit.svg", b"<svg/>", "PNG", id="SVG"),
    ],
)
def test_what_is_not_read_is_refused_with_its_kind_and_a_way_out(
    name: str, head: bytes, remedy: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(head)

    [item] = read(tmp_path / name)

    assert f"{name} is " in item.error
    assert remedy in item.error
    with pytest.raises(InkError, match="which is not read"):
        ink.read(tmp_path / name, name=name)


@pytest.mark.parametrize("version", [(2, 0), (3, 0)])
def test_arrays_in_the_later_formats_of_numpy_are_read_like_those_in_the_first(
    version: tuple[int, int], tmp_path: Path
) -> None:
    images, _ = digits(3)
    with (tmp_path / "later.npy").open("wb") as file:
        np.lib.format.write_array(file, images, version, allow_pickle=False)

    assert [image.tobytes() for image in images_of(read(tmp_path / "later.npy"))] == [i.tobytes() for i in images]


def test_an_archive_of_arrays_that_unpacks_to_far_more_than_it_is_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npz, "BOMB_BYTES", 1 << 20)
    np.savez_compressed(tmp_path / "bomb.npz", images=np.zeros((4_000, 28, 28), np.uint8))

    (item,) = read(tmp_path / "bomb.npz")

    assert "unpack to" in item.error


def test_refused_members_of_a_zip_stand_where_they_stood_and_one_that_climbs_refuses_it_whole(tmp_path: Path) -> None:
    images, _ = digits(2)
    pile = [("a.png", png(images[0])), ("b.zip", b"PK\x03\x04"), ("c.png", png(images[1]))]
    (tmp_path / "pile.zip").write_bytes(zipped(pile))

    items = read(tmp_path / "pile.zip")

    assert [item.source.rsplit("/", 1)[1] for item in items] == ["a.png", "b.zip", "c.png"]
    assert [bool(item.error) for item in items] == [False, True, False]
    with zipfile.ZipFile(tmp_path / "pile.zip", "a") as archive:
        archive.writestr("../../evil.png", b"...")
    (item,) = read(tmp_path / "pile.zip")
    assert "points outside" in item.error


def test_labels_that_are_not_as_many_as_images_are_not_paired(tmp_path: Path) -> None:
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS[:3].astype(np.uint8)))

    (item,) = read(tmp_path)

    assert "3 labels for 20 images" in item.error


def test_hidden_files_of_a_folder_are_passed_over_and_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "pile", digits(2)[0])
    (folder / ".DS_Store").write_bytes(b"x")
    (tmp_path / "empty").mkdir()

    assert len(read(folder)) == 2
    with pytest.raises(BatchError, match="no file in this folder"):
        sources.places([tmp_path / "empty"])
    with pytest.raises(BatchError, match="cannot be read"):
        sources.places([tmp_path / "missing.png"])


def test_files_of_a_folder_are_named_by_it_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path / "scans" / "7", digits(1)[0])
    monkeypatch.chdir(tmp_path)

    named = {given: sources.places([Path(given)])[0].name for given in ("scans", "./scans/7", ".", str(tmp_path))}

    assert named == {
        "scans": "scans/7/0000.png",
        "./scans/7": "scans/7/0000.png",
        ".": "scans/7/0000.png",
        str(tmp_path): f"{tmp_path.name}/scans/7/0000.png",
    }
    assert sources.places([tmp_path / "scans/7/0000.png"])[0].name == str(tmp_path / "scans/7/0000.png")


def test_a_stack_is_read_a_few_hundred_images_at_a_time(tmp_path: Path) -> None:
    np.save(tmp_path / "many.npy", np.zeros((1000, 28, 28), np.uint8))
    largest = 0

    with (tmp_path / "many.npy").open("rb") as file:
        stream = arrays.npy_stream("many.npy", file)
        for block in stream.rows():
            largest = max(largest, len(block))

    assert largest == arrays.TOGETHER


def test_a_parquet_file_of_more_rows_than_a_stack_may_have_is_one_refused_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "MOST_IMAGES", 3)
    pq.write_table(pa.table({"image": pa.nulls(4, pa.binary())}), tmp_path / "nulls.parquet")

    [item] = read(tmp_path / "nulls.parquet")

    assert "4 rows; at most 3" in item.error


@given(
    st.sampled_from([b"", b"\0\0\x08\x03", b"\x93NUMPY\x01\0", b"PAR1", b"PK\x03\x04", b"\x1f\x8b"]),
    st.binary(max_size=300),
    st.sampled_from(["", ".png", ".csv", ".npy", ".npz", ".parquet", ".zip", ".gz", "-idx3-ubyte"]),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_under_any_name_even_after_a_true_beginning_become_rows_and_never_an_error(
    tmp_path: Path, head: bytes, data: bytes, suffix: str
) -> None:
    path = tmp_path / f"anything{suffix}"
    path.write_bytes(head + data)

    items = list(sources.read_one(place_of(path)))

    assert all((item.picture is None) == bool(item.error or item.note) for item in items)
    assert all(item.source for item in items)


def test_labels_are_the_same_text_whatever_type_they_were() -> None:
    assert [as_label(value) for value in (7, 7.0, "7", " 7.0", np.int64(7), np.float32(7), b"7")] == ["7"] * 7
    assert [as_label(value) for value in (None, float("nan"), "", "  ")] == [None] * 4
