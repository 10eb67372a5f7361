"""What people hand to the Python API by mistake: each is answered in a sentence that names it and says what to give."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_array

from core import datasets
from core.detector import Detector
from core.errors import OddDigitError
from core.figures.reading import plot_reading
from core.ink import read, read_many
from core.operating_point import OperatingPoint
from tests.support.bundled import digits, of
from tests.support.stand_in import readings

POINT = OperatingPoint("stand-in")
MASKED = np.ma.masked_greater(digits(60), 0.5)


def table(images: Any) -> pd.DataFrame:
    return pd.DataFrame(images.reshape(len(images), -1))


def fit(images: Any = None, y: Any = None, **parameters: Any) -> Detector:
    return Detector(**{"architecture": "dense", "epochs": 1} | parameters).fit(
        digits(60) if images is None else images, y
    )


def steps(**arguments: Any) -> list[Any]:
    return list(Detector("dense", 1).fit_steps(digits(60), **arguments))


REFUSED: dict[str, Callable[[], object]] = {
    "epochs is '3': give a whole number from 1": lambda: fit(epochs="3"),
    "epochs is 2.5: give a whole number": lambda: fit(epochs=2.5),
    "epochs is True: give a whole number": lambda: fit(epochs=True),
    "epochs is 0: give a whole number from 1": lambda: fit(epochs=0),
    "seed is -1: give a whole number from 0": lambda: fit(seed=-1),
    "seed is None": lambda: fit(seed=None),
    "seed is 1180591620717411303424: give": lambda: fit(seed=2**70),
    "split_seed is 'a'": lambda: fit(split_seed="a"),
    "architecture is a value of type list": lambda: fit(architecture=["conv"]),
    "transformer": lambda: fit(architecture="transformer"),
    "alpha is 0.0: give a false-alarm rate": lambda: fit(alpha=0.0),
    "alpha is '0.05'": lambda: fit(alpha="0.05"),
    "evidence 'sound' is unknown": lambda: fit(evidence="sound"),
    "masked entries in images": lambda: fit(MASKED),
    "are masked entries in images": lambda: fit(list(MASKED)),
    "masked entries in y": lambda: fit(y=np.ma.masked_all(60)),
    "images cannot be read from 'five.png'": lambda: fit("five.png"),
    "sparse": lambda: fit(torch.ones(60, 784).to_sparse()),
    "images cannot be read": lambda: fit(torch.ones(60, 784, device="meta")),
    "y cannot be read from '5'": lambda: fit(y="5"),
    "y cannot be read from a value of type list": lambda: fit(y=["5", ["6"]] * 30),
    "60 images came with 600 labels": lambda: fit(y=np.eye(10)[[5] * 60]),
    "y holds what is neither text nor number": lambda: fit(y=[{}] * 60),
    "y marks outliers with -1": lambda: fit(y=[-1] * 60),
    "marks outliers with -1, and": lambda: fit(y=[-1.0] * 60),
    "outliers with -1": lambda: fit(y=["-1"] * 60),
    "y is true or false": lambda: fit(y=[True, False] * 30),
    "neither text nor number: give": lambda: fit(y=pd.Series(["5"] * 59 + [None], dtype="string")),
    "y holds empty labels": lambda: fit(y=[float("nan")] * 60),
    "holds empty labels: leave": lambda: fit(y=["5", None] * 30),
    "49 images: give at least 50": lambda: fit(digits(49)),
    "no images to train on": lambda: fit(digits(0)),
    "60 images came with 59 labels": lambda: fit(y=["5"] * 59),
    "label '6' has 20 images": lambda: fit(digits(80), ["5"] * 60 + ["6"] * 20),
    "give a folder too": lambda: steps(enough=bool),
    "folder is 5: give a path": lambda: steps(folder=5),
    "cannot be written": lambda: steps(folder=Path(__file__)),
    "watch is no function": lambda: steps(watch=5),
    "enough is no function": lambda: steps(enough=5),
    "60 images came with 2 stretches": lambda: steps(stretches=[1, 2]),
    "model is 5: give a path": lambda: Detector.load(5),
    "model is b'mnist-5': give a path, as text": lambda: Detector.load(b"mnist-5"),
    "there is no such user": lambda: Detector.load("~nobody-here/x"),
    "point is 0.05: give an OperatingPoint": lambda: readings(1).class_id(0.05),
    "alpha is 0: give a false-alarm rate between 0 and 1": lambda: readings(1).class_id(alpha=0),
    "alpha is nan": lambda: readings(1).class_id(alpha=float("nan")),
    "point is 'stand-in': give": lambda: readings(1).threshold("stand-in"),
    "'sound' is not among pixel": lambda: readings(1).digits_by("sound"),
    "row is 9: give a whole number from -1 to 0": lambda: readings(1).record(9, POINT),
    "row is a value of type list": lambda: readings(1).prediction_set(POINT, [0]),
    "row is 5": lambda: plot_reading(readings(1), 5),
    "the readings of no image": lambda: plot_reading(readings(1)[[]]),
    "readings is None: give what detector.inspect": lambda: plot_reading(None),
    "model is a value of type PosixPath": lambda: OperatingPoint(Path("x")),
    "threshold is True": lambda: OperatingPoint("x", "fused", None, True),
    "is not a number": lambda: OperatingPoint.from_query({"alpha": ["1"]}),
    "nope.png: there is no such file": lambda: read("nope.png"),
    "is a folder: give a picture in it": lambda: read("."),
    "masked entries in picture": lambda: read(MASKED[0]),
    "picture: there is no such file": lambda: read(""),
    "pictures are of type NoneType": lambda: read_many(None),
    "there is no such picture or folder": lambda: read_many(""),
    "name is 5: give text, such as mnist": lambda: datasets.load(5),
    "name is None: give text": lambda: datasets.title(None),
}
BLANK = np.zeros((1, 28, 28))
NO_IMAGES: dict[str, Any] = {
    "shape (28, 28): give (n, 28, 28)": BLANK[0],
    "shape (2, 32, 32)": np.zeros((2, 32, 32)),
    "shape (2, 3, 28, 28)": np.zeros((2, 3, 28, 28)),
    "shape (784,)": np.zeros(784),
    "divide bytes by 255": BLANK + 255,
    "Negative values in data": BLANK - 0.1,
    "hold NaN": BLANK + np.nan,
    "hold infinity": BLANK + np.inf,
    "hold infinity (inf)": BLANK + 1e300,  # as float32
    "bytes of 0 and 1": np.ones((1, 28, 28), np.uint8),
    "sparse": csr_array(np.eye(784)),
    "not all numbers": [["a"] * 784],
    "give numbers 0 .. 1 of shape": [[1.0, 2.0], [1.0]],
    "Complex": BLANK + 1j,
}
REFUSED_BY_A_FITTED_ONE: dict[str, Callable[[Detector], object]] = {
    "n is -1: give a whole number from 0 to 100,000": lambda d: d.sample(-1),
    "n is 2.0": lambda d: d.sample(2.0),
    "n is 1000000000000": lambda d: d.sample(10**12),
    "seed is 'a'": lambda d: d.sample(2, seed="a"),
    "path is 5: give a path": lambda d: d.save(5),
    "is a folder: give a file in it, such as my-5.safetensors": lambda d: d.save("."),
    "there is no such user: write it out": lambda d: d.save("~nobody-here/x"),
    "x/ is a folder": lambda d: d.save("x/"),
    r"name is '\x1b[2J': give text": lambda d: d.calibrated(of("5"), None, "\x1b[2J", "me"),
    "dataset is a value of type ndarray: give a data set": lambda d: d.evaluate(digits(3)),
    "name is 5: give text": lambda d: d.calibrated(of("5"), None, 5, "me"),
    "calibrated_on is '': give text": lambda d: d.calibrated(of("5"), None, "x", ""),
    "labels cannot be read from '5'": lambda d: d.calibrated(of("5"), "5", "x", "me"),
    "not among manifold, fused": lambda d: d.scores(digits(1)).class_id(OperatingPoint("tiny-5", "pixel")),
}


@pytest.mark.parametrize("says", REFUSED)
def test_a_wrong_argument_is_named_and_said_what_it_takes(says: str) -> None:
    with pytest.raises(OddDigitError, match=re.escape(says)):
        REFUSED[says]()


@pytest.mark.parametrize("says", REFUSED_BY_A_FITTED_ONE)
def test_a_fitted_detector_says_what_it_takes(says: str, tiny_detector: Detector) -> None:
    with pytest.raises(OddDigitError, match=re.escape(says)):
        REFUSED_BY_A_FITTED_ONE[says](tiny_detector)


@pytest.mark.parametrize("says", NO_IMAGES)
def test_images_that_are_none_are_refused_with_what_to_give(says: str, tiny_detector: Detector) -> None:
    with pytest.raises(OddDigitError, match=re.escape(says)):
        tiny_detector.inspect(NO_IMAGES[says])


@pytest.mark.parametrize("parameters", [{"evidence": "sound"}, {"alpha": 2}, {"alpha": "x"}])
@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda d: d.predict(digits(1)), id="predict"),
        pytest.param(lambda d: d.decision_function(digits(1)), id="decision_function"),
        pytest.param(lambda d: d.score_samples(digits(1)), id="score_samples"),
        pytest.param(lambda d: d.offset_, id="offset_"),
    ],
)
def test_parameters_set_after_a_fit_are_refused_by_all_that_use_them(
    parameters: dict[str, object], ask: Callable[[Detector], object], tiny_detector: Detector
) -> None:
    detector = Detector.of(tiny_detector.state_).set_params(**parameters)

    with pytest.raises(OddDigitError, match=r"evidence|alpha"):
        ask(detector)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(lambda images: images.astype(object), id="objects"),
        pytest.param(
            lambda images: pd.DataFrame(images.reshape(len(images), -1)).astype("Float32"), id="nullable table"
        ),
        pytest.param(
            lambda images: pd.DataFrame(images.reshape(len(images), -1)).astype(object), id="table of objects"
        ),
        pytest.param(lambda images: np.ma.masked_array(images, mask=False), id="nothing masked"),
        pytest.param(lambda images: [Image.fromarray(np.uint8(255 * image)) for image in images], id="pictures"),
    ],
)
def test_numbers_are_read_however_they_are_kept(given: Callable[[Any], object], tiny_detector: Detector) -> None:
    images = np.round(255 * digits(3)).astype(np.float32) / np.float32(255)

    np.testing.assert_array_equal(tiny_detector.score_samples(given(images)), tiny_detector.score_samples(images))


def test_a_link_holds_pythons_own_number_whichever_was_given() -> None:
    assert OperatingPoint("x", "fused", np.float64(0.05)).to_query()["alpha"] == "0.05"


def test_a_tilde_is_the_persons_own_folder_wherever_a_path_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_detector: Detector
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    Image.fromarray(np.uint8(255 * digits(1)[0])).save(tmp_path / "five.png")

    tiny_detector.save("~/x")

    assert Detector.load("~/x").fingerprint == Detector.load("~/x.safetensors").fingerprint == tiny_detector.fingerprint
    assert len(read("~/five.png").images) == len(read_many("~/five.png").images) == len(read_many(["~"]).images) == 1
    assert next(iter(Detector("dense", 1).fit_steps(of("5")[:60], folder="~/run")))
    assert (tmp_path / "run").is_dir()


def test_pictures_come_in_any_form_that_one_picture_may_have(tmp_path: Path) -> None:
    image = Image.fromarray(np.uint8(255 * digits(1)[0]))
    image.save(tmp_path / "five.png")
    five, path = np.asarray(image), tmp_path / "five.png"

    mixed = read_many([image, path, five, torch.tensor(five), path.read_bytes(), None])

    assert mixed.files == ("picture 1", str(path), "picture 3", "picture 4", "picture 5")
    assert [name for name, _ in mixed.refused] == ["picture 6"]
    assert (mixed.images == mixed.images[0]).all()
    for same in (image, five, five[None], pd.DataFrame(five), path.read_bytes(), str(path), tmp_path):
        np.testing.assert_array_equal(read_many(same).images, mixed.images[:1])
