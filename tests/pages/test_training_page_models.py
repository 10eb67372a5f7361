"""The Training page's models: their cards, names, comparison, and pictures that one brings to train on."""

import io
import zipfile
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from core.detector import registry
from pages.ui.text import plain
from tests.support.opened import text
from tests.support.piles import png


def test_on_a_shared_server_others_models_are_not_shown(
    open_training_page: Callable[[], AppTest], tiny_shelf: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_DIGIT_SHARED", "1")
    registry.own_folder("someone").mkdir(parents=True)
    (registry.own_folder("") / "tiny-5.safetensors").rename(registry.own_folder("someone") / "tiny-5.safetensors")
    at = open_training_page()
    names = next(frame.value["model"] for frame in at.table if "model" in frame.value.columns)
    assert plain("tiny-5") not in set(names)
    assert plain("tiny-any") in set(names)
    at.get("button_group")[0].set_value(["tiny-any"]).run()
    assert "Everyone's on this server" in text(at)
    assert not [button for button in at.button if button.key == "model-delete"]


def test_one_models_card_tells_what_was_promised_and_what_was_measured(
    open_training_page: Callable[[], AppTest], tiny_shelf: tuple[str, str]
) -> None:
    at = open_training_page()
    at.get("button_group")[0].set_value(["tiny-5"]).run()
    _, card = (table.value for table in at.table)
    facts = {name: said.replace("\\", "") for name, said in zip(card["card"], card["tiny-5"], strict=True)}  # as shown
    assert facts["data"] == "scikit-learn's digits"
    assert facts["digits"].startswith("99 trained on, 14 tuned on, 28 calibrated on")
    assert 0.5 < float(facts["AUROC, fused"]) <= 1
    assert facts["false alarms, promised 5 %"].endswith("%")
    assert "**tiny-5** is weak. It learnt 5 from 99 images only" in text(at)
    assert not at.exception


def test_a_model_can_be_renamed_and_deleted_and_a_name_in_use_is_explained(
    open_training_page: Callable[[], AppTest], tiny_shelf: tuple[str, str]
) -> None:
    at = open_training_page()
    at.get("button_group")[0].set_value(["tiny-5"]).run()
    at.text_input(key="rename-tiny-5").set_value("tiny-any").run()
    at.button(key="model-rename").click().run()
    assert "'tiny-any' is the name of a model that is already here" in text(at)
    at.text_input(key="rename-tiny-5").set_value("fives").run()
    at.button(key="model-rename").click().run()
    assert registry.card("fives", "").name == "fives"
    assert "tiny-5 is called fives now" in text(at)
    at.button(key="model-delete").click().run()
    assert [model.name for model in registry.models("") if not model.shipped] == ["tiny-any"]


def test_two_models_stand_side_by_side_with_the_same_digit_through_each(
    open_training_page: Callable[[], AppTest], tiny_shelf: tuple[str, str]
) -> None:
    at = open_training_page()
    at.get("button_group")[0].set_value(["tiny-5", "tiny-any"]).run()
    assert not at.exception
    _, table = (table.value for table in at.table)
    assert list(table.columns) == ["card", "tiny-5", "tiny-any"]
    assert "The same digit through each" in text(at)
    assert "not evaluated on the same digits and anomalies" in text(at)


def digits_zip(counts: dict[str, int]) -> bytes:
    """A zip with a folder of drawn digits for each label."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for label, n in counts.items():
            for i in range(n):
                picture = Image.new("L", (60, 60), 255)
                ImageDraw.Draw(picture).text((15 + i % 5, 5 + i % 7), label, fill=0, font_size=40)
                archive.writestr(f"pile/{label}/{i}.png", png(picture))
    return file.getvalue()


def upload(at: AppTest, name: str, data: bytes) -> AppTest:
    at.selectbox(key="train_dataset").set_value("my own pictures").run()
    at.get("file_uploader")[0].upload(name, data, "application/zip")
    return at.run()


def test_ones_own_pictures_are_read_counted_and_checked_before_anything_starts(
    open_training_page: Callable[[], AppTest],
) -> None:
    at = upload(open_training_page(), "pile.zip", digits_zip({"7": 70, "1": 4}))
    assert not at.exception
    assert "4 × 1, 70 × 7" in text(at)
    normal = next(field for field in at.multiselect if field.key.startswith("train_normal-npz:"))
    assert normal.value == ["7"]  # of which there are most
    assert not at.button(key="train").disabled
    assert "A fifth of each kind is set aside" in text(at)
    assert (
        "learns from 39 of 56 normal digits, the other 17 tune and calibrate it; 14 more and 1 of other kinds"
        in text(at)
    )
    normal.set_value(["1"]).run()
    assert "label '1' has 4 images, of which a fifth, 1, is set aside" in text(at)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../outside.png", "'../../outside.png' points outside the archive"),
        ("pile/notes.txt", "no picture in it could be read"),
    ],
)
def test_a_zip_that_is_hostile_or_without_pictures_is_refused_with_its_reason(
    open_training_page: Callable[[], AppTest], name: str, reason: str
) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, b"no picture")
    at = upload(open_training_page(), "pile.zip", file.getvalue())
    assert not at.exception
    assert reason in text(at)
    assert at.button(key="train").disabled


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("marks.xlsx", "marks.xlsx is a spreadsheet, which is not read: save it as CSV, a digit a line."),
        ("digits.npz", "digits.npz is a table or an array: give pictures, or train on it from the command line"),
        ("song.mp3", "song.mp3 is not a picture that can be read"),
    ],
)
def test_any_kind_of_file_can_be_chosen_to_train_on_and_what_is_not_read_is_said_with_why(
    open_training_page: Callable[[], AppTest], name: str, reason: str
) -> None:
    at = upload(open_training_page(), name, digits_zip({"7": 1}) if name != "song.mp3" else b"ID3")
    assert not at.exception
    assert reason in text(at).replace("\\", "")
    assert not list(at.get("file_uploader")[0].proto.type), "Streamlit refuses kinds with a red tile and no word"


def test_a_file_that_is_no_model_is_not_imported_and_the_page_says_which_is(
    open_training_page: Callable[[], AppTest],
) -> None:
    at = open_training_page()
    at.get("file_uploader")[-1].upload("five.png", b"no model", "image/png")
    at.run()
    assert "five.png is no model: choose a file that Download has made" in text(at).replace("\\", "")
    assert at.button(key="import").disabled
