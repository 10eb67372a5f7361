from dataclasses import replace

import numpy as np
import pytest

from core.calibration.conformal import Calibration
from core.detector import registry
from core.detector.file import read_measured
from core.detector.model_card import Card
from core.detector.state import Measured
from core.operating_point import EVIDENCES
from core.views.weakness import weaknesses
from tests.unit.calibration.test_evaluation import evaluation


def measured(
    trained: int = 4_000, calibrated: int = 1_000, normals: list[float] | None = None, **card: object
) -> Measured:
    calibration = Calibration.fit(np.arange(calibrated, dtype=float))
    scores = [calibrated * share for share in np.linspace(0, 0.99, 200)] if normals is None else normals
    return Measured(
        replace(Card("made", ("5",), counts={"5": (trained, 100, calibrated)}), **card),  # type: ignore[arg-type]
        dict.fromkeys(EVIDENCES, calibration),
        evaluation(scores, [2.0 * calibrated] * 50, labels="59"),
    )


def test_a_model_that_keeps_its_promise_has_no_weakness() -> None:
    assert weaknesses(measured(fresh_flagged=0.1)) == ()


@pytest.mark.parametrize("name", [f"mnist-{normal}" for normal in ("5", "any")])
def test_a_shipped_model_has_none(name: str) -> None:
    assert weaknesses(read_measured(registry.find(name, "").path)) == ()


def test_what_other_people_write_is_no_weakness_of_a_model_calibrated_on_a_hand_of_its_own() -> None:
    assert weaknesses(measured(normals=[500.0] * 80 + [5_000.0] * 20, recalibrated=True)) == ()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (measured(trained=98), "It learnt 5 from 98 images only; 1,100 more tuned and calibrated it."),
        (measured(fresh_flagged=0.9), "It would flag 90 % of the digits it draws itself"),
        (measured(normals=[500.0] * 80 + [5_000.0] * 20), "It flags 20 % of normal digits it never saw"),
        (measured(calibrated=28), "It is calibrated on 28 digits: its line at 5 % may flag up to"),
    ],
)
def test_each_weakness_is_said_with_its_number(model: Measured, said: str) -> None:
    assert any(sentence.startswith(said) for sentence in weaknesses(model))


def test_what_helps_is_images_where_they_are_few_and_time_otherwise() -> None:
    assert "more images" in weaknesses(measured(trained=98))[-1]
    assert "train it longer" in weaknesses(measured(fresh_flagged=0.9))[-1]
