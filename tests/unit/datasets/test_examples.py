import numpy as np
import pytest

from core import ink
from core.datasets.examples import MISPLACED, PEN, SIDE, Example, for_normal, sample_files

DIGITS = tuple("0123456789")


@pytest.mark.parametrize("digit", DIGITS)
def test_every_digit_has_five_examples_and_one_of_them_is_a_good_one(digit: str) -> None:
    names = [example.name for example in for_normal((digit,))]

    assert len(set(names)) == 5
    assert names[0] == f"{'an' if digit == '8' else 'a'} {digit}"
    assert names[1] == f"a broken {digit}"
    assert names[2][-1] in DIGITS
    assert names[2][-1] != digit
    assert names[3:] == ["a letter", "a scribble"]


@pytest.mark.parametrize(
    "normal", [DIGITS, ("T-shirt/top",), ("a", "b"), ("x", "7")], ids=["any digit", "clothes", "letters", "mixed"]
)
def test_whatever_is_normal_there_are_examples(normal: tuple[str, ...]) -> None:
    shown = for_normal(normal)

    assert shown == for_normal(normal)
    assert shown[0].name == ("a 7" if "7" in normal and len(normal) < 10 else "a 5")


@pytest.mark.parametrize("digit", DIGITS)
def test_strokes_stay_on_the_canvas_with_room_for_the_pen(digit: str) -> None:
    for example in for_normal((digit,)):
        points = np.concatenate([np.array(stroke) for stroke in example.strokes])

        assert points.min() >= PEN / 2, example.name
        assert points.max() <= SIDE - PEN / 2, example.name
        assert all(len(stroke) >= 2 for stroke in example.strokes), example.name


@pytest.mark.parametrize("digit", DIGITS)
def test_a_broken_digit_differs_from_the_good_one_yet_shares_most_of_its_ink(digit: str) -> None:
    good, broken = (255 - np.asarray(example.picture(), dtype=int) for example in for_normal((digit,))[:2])

    shared = np.minimum(good, broken).sum() / good.sum()
    assert shared > 0.5
    assert np.abs(good - broken).sum() > 0.05 * good.sum()


def test_a_picture_is_dark_ink_on_white_paper_with_smooth_edges() -> None:
    picture = np.asarray(Example("a line", [[(80.0, 140.0), (200.0, 140.0)]]).picture())

    assert picture.shape == (SIDE, SIDE)
    assert picture[0, 0] == 255
    assert picture[140, 140] == 0
    assert ((picture > 20) & (picture < 235)).any()
    assert (picture[:, 140] < 128).sum() == pytest.approx(PEN, abs=1)


@pytest.mark.parametrize("digit", DIGITS)
def test_every_example_makes_one_ink_image_as_the_canvas_reads_it(digit: str) -> None:
    for example in for_normal((digit,)):
        inked = ink.read(example.picture(), split=False)

        assert inked.images.shape == (1, 28, 28), example.name
        assert 0.02 < float(inked.images.mean()) < 0.5, example.name


def test_the_sample_batch_holds_what_it_says() -> None:
    files = sample_files()

    assert len({name for name, _ in files}) == 46
    drawn = [name.replace("drawn-", "").split("/") for name, _ in files if "drawn" in name]
    assert sum(folder != file[0] for folder, file in drawn) == len(MISPLACED)
    assert sum(data.startswith(b"\x89PNG") for _, data in files) == 45
