"""The first page's other ways in: pictures that are handed in or photographed, and what is said of each."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import paths
from core.history import History, Verdict
from core.operating_point import OperatingPoint
from tests.support import opened
from tests.support.opened import button, components, text
from tests.support.pens import beside_a_faint_stroke, example, folded
from tests.support.piles import document, png

pytestmark = pytest.mark.usefixtures("decoded_before")


def open_page(**query: str) -> AppTest:
    return opened.open_page("dashboard.py", **query)


def uploaded(*files: tuple[str, bytes], model: str = "mnist-5") -> AppTest:
    """The page after files were chosen in its tab for uploads."""
    page = open_page(model=model)
    page.session_state["way_in"] = "Upload"
    page.run()
    kinds = [(name, content, "application/pdf" if name.endswith("pdf") else "image/png") for name, content in files]
    page.file_uploader(key="uploads").set_value(kinds).run()
    assert not page.exception
    return page


def test_several_uploads_give_one_verdict_each_and_a_broken_file_its_reason() -> None:
    files = [("five.png", png(example("a 5"))), ("three.png", png(example("a 3"))), ("broken.png", b"no picture")]

    page = uploaded(*files)

    assert "**2 digits, 1 anomaly.**" in text(page)
    (strip,) = components(page, "tiles")
    assert [tile["lines"][:2] for tile in strip["tiles"]] == [["Normal", "five.png"], ["Anomaly", "three.png"]]
    assert strip["chosen"] == 1, "the odd one is not shown first"
    assert "broken.png" in text(page)
    assert sorted((row.source, row.class_id) for row in History().browse()) == [
        ("upload: five.png", 0),
        ("upload: three.png", 1),
    ]


@pytest.mark.datasets
def test_a_real_photograph_is_judged() -> None:
    photo = next((paths.datasets_dir() / "real_digits" / "5").glob("Wikunia_*.png"))

    page = uploaded((photo.name, photo.read_bytes()))

    assert "[:material/check_circle: Normal]" in text(page)


def test_each_page_of_a_pdf_is_a_picture_to_press() -> None:
    pdf = document([example(name).convert("L") for name in ("a 5", "a 3")])

    page = uploaded(("scan.pdf", pdf))

    (strip,) = components(page, "tiles")
    assert [tile["lines"][:2] for tile in strip["tiles"]] == [
        ["Normal", "scan.pdf page 1"],
        ["Anomaly", "scan.pdf page 2"],
    ]


@pytest.mark.parametrize(
    ("picture", "said", "offer"),
    [
        (beside_a_faint_stroke(), "A faint stroke was left out.", "Take it in"),
        (folded(), "A gap that is cut straight, as by a fold, was closed.", "Leave it open"),
    ],
    ids=["faint", "folded"],
)
def test_what_was_unsure_in_a_picture_is_said_and_chosen_otherwise_with_one_press(
    picture: Image.Image, said: str, offer: str
) -> None:
    page = uploaded(("picture.png", png(picture)), model="mnist-any")
    assert said in text(page)

    button(page, offer).click().run()

    assert said not in text(page)
    assert "2 shapes found" in text(page)
    assert not page.exception


def test_below_a_line_of_print_the_digit_is_shown_first() -> None:
    note = example("a 5").convert("L")
    note.paste(example("a 3").convert("L").resize((40, 40)), (5, 5))

    page = uploaded(("note.png", png(note)))

    (sheet,) = components(page, "boxes")
    assert [box["say"] for box in sheet["boxes"]] == ["Anomaly, shape 1 of 2", "Normal, shape 2 of 2"]
    assert sheet["chosen"] == 1
    assert all(0 <= share <= 1 for box in sheet["boxes"] for share in box["place"])


def test_another_choice_of_how_to_read_a_picture_can_be_taken_back() -> None:
    two = Image.new("L", (560, 280), 255)
    for left in (0, 280):
        two.paste(example("a 5").convert("L"), (left, 0))
    page = uploaded(("two.png", png(two)))
    assert "2 shapes found" in text(page)
    assert "Read it as at first" not in {one.label for one in page.button}

    button(page, "They are one digit").click().run()
    assert "shapes found" not in text(page)

    button(page, "Read it as at first").click().run()
    assert "2 shapes found" in text(page)
    assert not page.exception


def test_the_page_and_the_command_line_say_the_same(tmp_path: Path) -> None:
    from core import ink
    from core.detector import Detector

    file = tmp_path / "three.png"
    file.write_bytes(png(example("a 3")))
    uploaded(("three.png", file.read_bytes()))

    readings = Detector.load("mnist-5").inspect(ink.read(file).images)
    expected = Verdict.of(readings, 0, OperatingPoint("mnist-5"), source="", source_kind="cli")
    (row,) = History().browse()
    assert row.p_values == expected.p_values
    assert np.array_equal(row.image, expected.image)


@pytest.mark.parametrize("way", ["Upload", "Camera"])
def test_before_a_picture_is_given_the_page_says_what_will_happen(way: str) -> None:
    page = open_page(model="mnist-5")
    page.session_state["way_in"] = way

    page.run()

    assert "appears here as soon as there is a picture" in text(page)
    assert not page.exception
