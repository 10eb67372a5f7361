import numpy as np
import plotly.graph_objects as go
import pytest

from core.calibration.evaluation import Roc
from core.figures import charts
from core.figures.images import BLUE, ORANGE

INF = float("inf")


def lines(figure: go.Figure) -> dict[str, float]:
    return {note.text: shape.x0 for note, shape in zip(figure.layout.annotations, figure.layout.shapes, strict=True)}


def test_the_histogram_holds_every_score_and_one_far_beyond_stands_at_its_edge_and_does_not_flatten_the_rest() -> None:
    scores = np.random.default_rng(0).normal(size=1_000)

    near, far = (charts.standing(scores, threshold=1.6, score=score) for score in (0.3, 1e6))

    (normal,) = near.data
    assert sum(normal.y) == pytest.approx(100)
    assert lines(near) == {"line": 1.6, "yours": 0.3}
    low, high = far.layout.xaxis.range
    assert lines(far)["yours"] == high
    assert high - low < 10 * np.ptp(scores)


def test_your_digit_is_orange_beyond_the_threshold_and_blue_within() -> None:
    scores = np.linspace(0, 1, 50)

    colours = [charts.standing(scores, 0.9, score).layout.shapes[1].line.color for score in (0.95, 0.9)]

    assert colours == [ORANGE, BLUE]


def test_an_infinite_threshold_is_not_drawn() -> None:
    figure = charts.standing(np.linspace(0, 1, 50), INF, 0.3)

    assert lines(figure) == {"yours": 0.3}
    assert all(np.isfinite(figure.layout.xaxis.range))


@pytest.mark.parametrize(
    "scores", [np.array([0.3]), np.full(40, 2.0), np.array([-1e9, 1e9])], ids=["one score", "all equal", "huge span"]
)
def test_strange_calibration_scores_still_give_a_histogram(scores: np.ndarray) -> None:
    figure = charts.standing(scores, threshold=float(scores[0]), score=float(scores[-1]))

    assert sum(figure.data[0].y) == pytest.approx(100)
    low, high = figure.layout.xaxis.range
    assert low < high


def test_roc_curves_carry_their_area() -> None:
    curve = Roc(np.array([0.0, 0.1, 1.0]), np.array([0.0, 0.9, 1.0]), np.array([INF, 1.0, 0.0]), 0.9)

    figure = charts.roc_curves({"fused": curve, "pixel": curve})

    assert [trace.name for trace in figure.data] == ["fused (0.9000)", "pixel (0.9000)"]
    assert max(figure.data[0].y) == 100
    assert len(charts.roc_curves({}).data) == 0


@pytest.mark.parametrize(
    ("score", "sides"), [(0.5, ["left", "right"]), (0.99, ["right", "left"]), (1e6, ["right", "right"])]
)
def test_the_names_of_threshold_and_digit_stand_apart_and_on_the_picture_however_near_they_are(
    score: float, sides: list[str]
) -> None:
    figure = charts.standing(np.linspace(0, 1, 50), 0.9, score)

    assert [note.xanchor for note in figure.layout.annotations] == sides
