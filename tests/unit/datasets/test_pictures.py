"""Pictures gathered to calibrate on: folders, zips, sheets, and what is left out with its reason."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import datasets
from core.datasets import own
from core.datasets import pictures as gathered
from core.datasets.pictures import collect, gather
from core.errors import OddDigitError
from tests.support.piles import document, png, zipped

DIGITS = datasets.load("digits", "test")


def pictures(label: str, count: int, folder: str = "") -> list[tuple[str, bytes]]:
    return [(f"{folder}{label}-{i}.png", png(image)) for i, image in enumerate(DIGITS.of(label)[:count])]


def test_a_folder_of_pictures_is_gathered_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, data in pictures("5", 3):
        (tmp_path / name).write_bytes(data)

    taken = collect(tmp_path, ("5",))

    assert taken.images.shape == (3, 28, 28)
    assert taken.labels is None
    assert taken.names == ("5-0.png", "5-1.png", "5-2.png")
    with pytest.raises(OddDigitError, match="nowhere: there is no such folder"):
        collect(tmp_path / "nowhere", ("5",))


def test_sub_folders_say_which_digit_a_model_of_several_is_given(tmp_path: Path) -> None:
    for label in "05":
        (tmp_path / label).mkdir()
        for name, data in pictures(label, 2):
            (tmp_path / label / name).write_bytes(data)

    taken = collect(tmp_path, ("0", "5"))

    assert taken.labels == ["0", "0", "5", "5"]


def test_each_page_of_a_pdf_is_a_picture_to_calibrate_on_and_to_train_on() -> None:
    page = Image.fromarray(np.kron(np.round(255 - 255 * DIGITS.of("5")[0]), np.ones((5, 5))).astype(np.uint8))
    files = [("5/scan.pdf", document([page, Image.new("L", page.size, 255), page]))]

    taken = gather(files, ("0", "5"))
    content = own.read_pictures([("5", name, data) for name, data in files], 1, "mine")

    assert taken.names == ("5/scan.pdf page 1", "5/scan.pdf page 3")
    assert taken.labels == ["5", "5"]
    assert [name for name, _ in taken.refused] == [name for name, _ in content.refused] == ["5/scan.pdf page 2"]
    np.testing.assert_array_equal(content.images, taken.images)


def test_what_is_no_picture_is_listed_with_its_reason_and_the_rest_counts() -> None:
    taken = gather([("notes.txt", b"hello"), *pictures("5", 2)], ("5",))

    assert len(taken.images) == 2
    assert [name for name, _ in taken.refused] == ["notes.txt"]


def test_pictures_outside_the_folders_of_normal_digits_are_left_out_once_there_are_such_folders() -> None:
    taken = gather([*pictures("5", 2, "mine/5/"), *pictures("8", 1, "mine/8/")], ("5",))

    assert taken.names == ("mine/5/5-0.png", "mine/5/5-1.png")
    assert taken.refused == (("mine/8/8-0.png", "lies in no folder named 5"),)


@pytest.mark.parametrize(
    ("files", "normal", "reason"),
    [
        pytest.param(pictures("5", 2), "05", "lies in no folder named 0 or 5", id="which digit is unknown"),
        pytest.param([("notes.txt", b"hello")], "5", r"no picture could be used.*notes\.txt", id="no picture"),
        pytest.param(
            [("z.zip", zipped([("../5.png", pictures("5", 1)[0][1])]))], "5", "outside", id="a zip that climbs"
        ),
        pytest.param(
            [("z.zip", zipped([("/etc/5.png", pictures("5", 1)[0][1])]))], "5", "outside", id="a zip with a root"
        ),
    ],
)
def test_files_of_which_nothing_can_be_used_are_refused_with_the_reason(
    files: list[tuple[str, bytes]], normal: str, reason: str
) -> None:
    with pytest.raises(OddDigitError, match=reason):
        gather(files, tuple(normal))


def test_a_zip_among_the_files_is_opened() -> None:
    taken = gather([("fives.zip", zipped(pictures("5", 3))), *pictures("5", 1)], ("5",))

    assert len(taken.images) == 4


def test_too_many_pictures_are_refused_before_all_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered, "MOST", 3)
    endless = (pictures("5", 1)[0] for _ in iter(int, 1))

    with pytest.raises(OddDigitError, match="more than 3 pictures"):
        gather(endless, ("5",))


def test_a_sheet_of_digits_is_taken_apart_only_when_asked() -> None:
    sheet = np.concatenate([np.pad(image, 8) for image in DIGITS.of("1")[:3]], axis=1)
    files = [("sheet.png", png(sheet))]

    apart = gather(files, ("1",), split=True)
    whole = gather(files, ("1",))

    assert len(whole.images) == 1
    assert len(apart.images) == 3
    assert apart.names[0] == "sheet.png, digit 1"
