"""Data sets that people bring: folders of pictures and arrays, whole, odd, broken and hostile."""

import contextlib
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from core import datasets
from core.datasets import uploads
from core.datasets.pictures import collect
from core.errors import DatasetError
from core.readers import sources
from tests.support.piles import digits

PIXELS, LABELS = digits(12)[0], np.arange(12) % 10


def npz(path: Path, **arrays: object) -> Path:
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


def picture(text: str) -> Image.Image:
    image = Image.new("L", (120, 120), 255)
    ImageDraw.Draw(image).text((30, 10), text, fill=0, font_size=90)
    return image


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for label in ("one", "seven"):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for i in range(10):
            picture({"one": "1", "seven": "7"}[label]).save(tmp_path / "pictures" / label / f"{i}.png")
    return tmp_path / "pictures"


def test_the_digit_that_a_folder_is_named_after_is_the_label_of_its_pictures_wherever_they_are_read(
    pictures: Path,
) -> None:
    own = datasets.load(f"folder:{pictures}", "all")
    batch = sources.places([pictures])
    calibrated = collect(pictures, ("1", "7"))
    upload = uploads.keep([(place.name, place.read()) for place in batch], "mine", "anna")

    assert own.label_names == ("1", "7") == datasets.labels_in(f"folder:{pictures}")
    assert own.images.shape == (20, 28, 28)
    np.testing.assert_array_equal(own.labels, [0] * 10 + [1] * 10)
    np.testing.assert_array_equal(own.of("seven"), own.of("7"))
    assert [place.label for place in batch] == calibrated.labels == [own.label_names[label] for label in own.labels]
    assert upload.counts == {"1": 10, "7": 10}


def test_folders_of_no_digit_are_labels_as_they_are_called_and_a_picture_in_none_is_refused(tmp_path: Path) -> None:
    for name in ("a/first/x.png", "training/b/x.png", "one/page 2/x.png", "x.png", "unlabelled/x.png"):
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        picture("7").save(tmp_path / "own" / name)

    own = datasets.load(f"folder:{tmp_path / 'own'}", "all")

    assert own.label_names == ("1", "a", "b")
    reasons = {Path(file).as_posix(): why for file, why in own.refused}
    assert reasons == {"x.png": "lies in no sub-folder.", "unlabelled/x.png": "has no label."}


def test_a_broken_picture_is_reported_and_the_others_are_read(pictures: Path) -> None:
    (pictures / "one" / "broken.png").write_bytes(b"\x89PNG broken")
    (pictures / "one" / ".hidden").write_bytes(b"not looked at")
    (pictures / "index.csv").write_text("not in a sub-folder")
    own = datasets.load(f"folder:{pictures}", "all")
    assert len(own) == 20
    [(file, reason)] = own.refused
    assert Path(file) == Path("one/broken.png")
    assert "broken.png" in reason


def test_parts_of_a_folder_are_a_fifth_of_each_label_and_the_rest(pictures: Path) -> None:
    train, test = (datasets.load(f"folder:{pictures}", part) for part in ("train", "test"))
    np.testing.assert_array_equal(np.bincount(train.labels), [8, 8])
    np.testing.assert_array_equal(np.bincount(test.labels), [2, 2])


def test_progress_counts_the_pictures(pictures: Path) -> None:
    seen = []
    datasets.load(f"folder:{pictures}", progress=lambda share, text: seen.append(share))
    assert len(seen) == 20
    assert seen == sorted(seen)


@pytest.mark.parametrize("make", ["nothing", "no sub-folder", "no picture"])
def test_a_folder_without_pictures_says_what_is_missing(tmp_path: Path, make: str) -> None:
    wanted = {"nothing": "there is no folder", "no sub-folder": "sub-folder per label", "no picture": "png is empty"}
    if make != "nothing":
        (tmp_path / "own").mkdir()
    if make == "no picture":
        (tmp_path / "own" / "5").mkdir()
        (tmp_path / "own" / "5" / "five.png").write_bytes(b"")
    with pytest.raises(DatasetError, match=wanted[make]):
        datasets.load(f"folder:{tmp_path / 'own'}")


def test_a_relative_path_falls_back_to_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_DIGIT_DATASETS", str(tmp_path))
    (tmp_path / "outliers").mkdir()
    npz(tmp_path / "outliers" / "own.npz", images=PIXELS)
    assert datasets.available("npz:outliers/own.npz")
    assert len(datasets.load("npz:outliers/own.npz", "all")) == 12


@pytest.mark.parametrize(
    ("labels", "names", "indices"),
    [
        (np.array(list("bab") * 4), ("a", "b"), [1, 0, 1] * 4),
        (np.array([20, -1, 20] * 4), ("-1", "20"), [1, 0, 1] * 4),
        (None, ("unlabelled",), [0] * 12),
    ],
    ids=["text", "numbers that are no digits", "none"],
)
def test_labels_of_every_kind_are_named(
    tmp_path: Path, labels: np.ndarray, names: tuple[str, ...], indices: list[int]
) -> None:
    arrays = {"images": PIXELS} if labels is None else {"images": PIXELS, "labels": labels}
    own = datasets.load(f"npz:{npz(tmp_path / 'own.npz', **arrays)}", "all")
    assert own.label_names == names
    np.testing.assert_array_equal(own.labels, indices)


@pytest.mark.parametrize("paper", [0, 255])
def test_a_bold_digit_that_fills_a_small_image_has_the_paper_of_its_stack(tmp_path: Path, paper: int) -> None:
    small = np.full((20, 16, 16), paper, np.uint8)
    small[:, :, 6:9] = 255 - paper
    small[7, :, 1:15], small[7, 6:10, 7:9] = 255 - paper, paper  # a bold zero: three quarters of it are ink
    own = datasets.load(f"npz:{npz(tmp_path / 'own.npz', images=small)}", "all")

    assert own.images[7][13:15, 13:15].max() < 0.2
    assert own.images[7].mean() > 2 * own.images[0].mean()


def test_parts_of_an_npz_share_no_image_and_are_the_same_each_time(tmp_path: Path) -> None:
    name = f"npz:{npz(tmp_path / 'own.npz', images=digits(100)[0])}"
    train, test, again = (datasets.load(name, part) for part in ("train", "test", "test"))
    assert (len(train), len(test)) == (80, 20)
    np.testing.assert_array_equal(test.images, again.images)
    assert not {image.tobytes() for image in train.images} & {image.tobytes() for image in test.images}


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"weights": np.array(["a"] * 12)}, r"none of its arrays \(weights\) holds images"),
        ({"images": PIXELS[:0]}, "no digit"),
        ({"images": np.full((1, 28, 28), np.nan)}, "NaN"),
        ({"images": PIXELS, "labels": np.arange(11)}, "11 labels in 'labels' for 12 images"),
        ({"images": PIXELS, "labels": np.arange(12) / 2}, "0.5 as a label"),
        ({"images": np.array([{"a": 1}], dtype=object)}, "Python objects"),
        ({"images": PIXELS, "labels": np.array([object()] * 12)}, "Python objects"),
    ],
)
def test_arrays_of_another_kind_are_refused_with_the_reason(
    tmp_path: Path, arrays: dict[str, np.ndarray], reason: str
) -> None:
    with pytest.raises(DatasetError, match=reason):
        datasets.load(f"npz:{npz(tmp_path / 'own.npz', **arrays)}")


def bomb(path: Path, shape: tuple[int, ...], member: str = "images.npy") -> str:
    """An archive whose header promises a huge array."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(member, "w") as stream:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(bytes(10_000_000))
    return f"npz:{path}"


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    name = bomb(tmp_path / "bomb.npz", (10**9, 28, 28))
    tracemalloc.start()
    with pytest.raises(DatasetError, match="GB of memory"):
        datasets.load(name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_a_second_array_of_the_same_name_is_refused(tmp_path: Path) -> None:
    npz(tmp_path / "own.npz", images=PIXELS)
    with pytest.raises(DatasetError, match="twice"):
        datasets.load(bomb(tmp_path / "own.npz", (10**5, 28, 28), "images"))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_no_damage_whatever_raises_anything_but_a_dataset_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("damage") / "own.npz"
    np.savez(path, images=PIXELS[:2], labels=np.arange(2))  # uncompressed, so that damage meets the headers
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    with contextlib.suppress(DatasetError):
        assert datasets.load(f"npz:{path}", "all").images.shape[1:] == (28, 28)


def test_links_are_followed_a_dead_one_is_refused_and_what_systems_leave_is_passed_over(tmp_path: Path) -> None:
    real, given = tmp_path / "real", tmp_path / "given"
    real.mkdir()
    (given / "7").mkdir(parents=True)
    for i in range(3):
        picture("5").save(real / f"{i}.png")
        picture("7").save(tmp_path / f"{i}.png")
        (given / "7" / f"{i}.png").symlink_to(tmp_path / f"{i}.png")
    (given / "5").symlink_to(real)
    (given / "7" / "lost.png").symlink_to(tmp_path / "nowhere.png")
    (given / "7" / "round").symlink_to(given)
    (given / "7" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (given / "@eaDir").mkdir()
    picture("7").save(given / "@eaDir" / "0.png")

    own = datasets.load(f"folder:{given}", "all")

    assert own.label_names == ("5", "7")
    np.testing.assert_array_equal(np.bincount(own.labels), [3, 3])
    assert [file for file, _ in own.refused] == [str(Path("7/lost.png"))]
