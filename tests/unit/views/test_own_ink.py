import io
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from core import datasets
from core.detector.model_card import Card
from core.errors import OddDigitError
from core.views import own_ink
from core.views.own_ink import Pile
from tests.support.stand_in import calibration, readings

if TYPE_CHECKING:
    from core.detector import Detector

DIGITS = datasets.load("digits", "test")


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.round(255 * image).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def pictures(label: str, count: int, folder: str = "") -> list[tuple[str, bytes]]:
    return [(f"{folder}{label}-{i}.png", png(image)) for i, image in enumerate(DIGITS.of(label)[:count])]


def pile(images: np.ndarray) -> Pile:
    return Pile(images, None, tuple(f"picture {i}" for i in range(len(images))), ())


def zipped(files: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_folder_of_pictures_becomes_a_pile_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, data in pictures("5", 3):
        (tmp_path / name).write_bytes(data)

    found = own_ink.collect(tmp_path, ("5",))

    assert found.images.shape == (3, 28, 28)
    assert found.labels is None
    assert found.names == ("5-0.png", "5-1.png", "5-2.png")


def test_sub_folders_say_which_digit_a_model_of_several_is_given(tmp_path: Path) -> None:
    for label in "05":
        (tmp_path / label).mkdir()
        for name, data in pictures(label, 2):
            (tmp_path / label / name).write_bytes(data)

    found = own_ink.collect(tmp_path, ("0", "5"))

    assert found.labels == ["0", "0", "5", "5"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OddDigitError, match="nowhere: there is no such folder"):
        own_ink.collect(tmp_path / "nowhere", ("5",))


def test_what_is_no_picture_is_listed_with_its_reason_and_the_rest_counts() -> None:
    found = own_ink.gather([("notes.txt", b"hello"), *pictures("5", 2)], ("5",))

    assert len(found.images) == 2
    assert [name for name, _ in found.refused] == ["notes.txt"]


def test_pictures_outside_the_folders_of_normal_digits_are_left_out_once_there_are_such_folders() -> None:
    found = own_ink.gather([*pictures("5", 2, "mine/5/"), *pictures("8", 1, "mine/8/")], ("5",))

    assert found.names == ("mine/5/5-0.png", "mine/5/5-1.png")
    assert found.refused == (("mine/8/8-0.png", "lies in no folder named 5"),)


def test_a_model_of_several_digits_takes_no_picture_whose_digit_is_unknown() -> None:
    with pytest.raises(OddDigitError, match="lies in no folder named 0 or 5"):
        own_ink.gather(pictures("5", 2), ("0", "5"))


def test_a_zip_among_the_files_is_opened() -> None:
    found = own_ink.gather([("fives.zip", zipped(pictures("5", 3))), *pictures("5", 1)], ("5",))

    assert len(found.images) == 4


@pytest.mark.parametrize("path", ["../outside.png", "/etc/outside.png"])
def test_a_zip_that_points_outside_itself_is_refused(path: str) -> None:
    hostile = zipped([(path, pictures("5", 1)[0][1])])

    with pytest.raises(OddDigitError):
        own_ink.gather([("hostile.zip", hostile)], ("5",))


def test_nothing_usable_says_why() -> None:
    with pytest.raises(OddDigitError, match=r"no picture could be used.*notes\.txt"):
        own_ink.gather([("notes.txt", b"hello")], ("5",))


def test_too_many_pictures_are_refused_before_all_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_ink, "MOST", 3)
    endless = (pictures("5", 1)[0] for _ in iter(int, 1))

    with pytest.raises(OddDigitError, match="more than 3 pictures"):
        own_ink.gather(endless, ("5",))


def test_a_sheet_of_digits_is_taken_apart_only_when_asked() -> None:
    sheet = np.concatenate([np.pad(image, 8) for image in DIGITS.of("1")[:3]], axis=1)
    files = [("sheet.png", png(sheet))]

    apart = own_ink.gather(files, ("1",), split=True)
    whole = own_ink.gather(files, ("1",))

    assert len(whole.images) == 1
    assert len(apart.images) == 3
    assert apart.names[0] == "sheet.png, digit 1"


@pytest.mark.parametrize(
    ("n", "alpha", "words"),
    [
        pytest.param(30, 0.05, "no more than 9.5 %", id="thirty at five percent"),
        pytest.param(18, 0.05, "there is no line at 5 %: it takes 19", id="one too few"),
        pytest.param(98, 0.01, "it takes 99", id="one too few for one percent"),
    ],
)
def test_what_a_number_of_digits_guarantees_is_said_in_words(n: int, alpha: float, words: str) -> None:
    assert words in own_ink.say_guarantee(n, alpha)


def test_a_guarantee_below_the_number_needed_is_no_line() -> None:
    one, five, ten = own_ink.guarantees(30)

    assert (one.needed, one.promised, one.at_most) == (99, 0, 0)
    assert five.promised == pytest.approx(1 / 31)
    assert ten.at_most > ten.promised > 0.09


def test_repeated_images_are_found_and_stay_in_the_pile(tiny_detector: "Detector") -> None:
    fives = DIGITS.of("5")[:25]
    doubled = pile(np.concatenate([fives, fives[:2]]))

    found = own_ink.suspects(tiny_detector, doubled)
    said = "\n".join(own_ink.concerns(tiny_detector, doubled))

    assert found.repeated == (25, 26)
    assert "2 images repeat an earlier one: picture 25, picture 26" in said
    assert len(doubled.images) == 27


def detector_that_scores(*scores: float) -> Any:
    """A stand-in whose normal digits score 1 to 99, and the pile as given."""
    return SimpleNamespace(
        inspect=lambda images: readings(*scores),
        calibrations_={"fused": calibration()},
        card_=Card("stand-in", ("5",)),
    )


def different(n: int) -> Pile:
    images = np.zeros((n, 28, 28), np.float32)
    images[:, 5, 5] = np.arange(n) / n
    return pile(images)


def test_a_digit_far_odder_than_the_rest_is_shown_and_left_for_a_person_to_take_out() -> None:
    detector = detector_that_scores(*range(30), 400.0)

    found = own_ink.suspects(detector, different(31))
    said = own_ink.concerns(detector, different(31))

    assert found.odd == (30,)
    assert any("picture 30. Take out only what is no normal 5;" in line and "must stay" in line for line in said)


def test_another_hand_that_makes_every_digit_a_little_odd_is_no_reason_to_doubt_any() -> None:
    detector = detector_that_scores(*np.linspace(120, 180, 31))

    assert own_ink.suspects(detector, different(31)).odd == ()


def test_a_small_clean_pile_is_told_what_it_is_too_small_for(tiny_detector: "Detector") -> None:
    said = own_ink.concerns(tiny_detector, pile(DIGITS.of("5")[:15]))

    assert any("15 are too few for a line at 1 %: it takes 99." in line for line in said)
    assert any("15 are too few for a line at 5 %: it takes 19." in line for line in said)
    assert not any("at 10 %: it takes" in line for line in said)


def test_files_left_out_are_mentioned(tiny_detector: "Detector") -> None:
    found = own_ink.gather([("notes.txt", b"hello"), *pictures("5", 2)], ("5",))

    assert any(
        "1 picture was left out. The first: notes.txt" in line for line in own_ink.concerns(tiny_detector, found)
    )


def test_a_detector_calibrated_on_a_pile_measures_by_that_pile_and_names_whose_it_is(tiny_detector: "Detector") -> None:
    fives = pile(DIGITS.of("5")[:30])

    made = tiny_detector.calibrated(fives.images, fives.labels, "my-5", "my own hand")

    assert made.calibrations_["fused"].n == 30
    assert made.card_.calibrated_on == "my own hand"
    assert made.card_.recalibrated
    flagged = (made.inspect(fives.images).p_values["fused"] <= 0.1).mean()
    assert flagged <= 0.1
