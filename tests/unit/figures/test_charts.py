import base64
import io

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from core.calibration.evaluation import Roc
from core.figures import charts

INF = float("inf")


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def one_pixel(value: float, row: int = 3, column: int = 5) -> np.ndarray:
    image = np.zeros((28, 28), np.float32)
    image[row, column] = value
    return image


def test_a_digit_is_dark_ink_on_white_paper_and_every_pixel_a_crisp_square() -> None:
    drawn = pixels(charts.digit_png(one_pixel(1.0), scale=4))

    assert drawn.shape == (112, 112, 3)
    assert (drawn[12:16, 20:24] < 60).all()
    drawn = drawn.copy()
    drawn[12:16, 20:24] = 255
    assert (drawn == 255).all()


@pytest.mark.parametrize(("shape", "kind"), [((28, 28), "png"), ((64, 20, 3), "png"), ((65, 20), "jpeg")])
def test_pixels_become_an_address_that_holds_the_picture(shape: tuple[int, ...], kind: str) -> None:
    picture = np.full(shape, 200, np.uint8)

    start, data = charts.inline(picture).split(",")

    assert start == f"data:image/{kind};base64"
    np.testing.assert_allclose(pixels(base64.b64decode(data)), picture, atol=0 if kind == "png" else 3)


def test_values_beyond_paper_and_ink_are_drawn_as_paper_and_ink() -> None:
    assert charts.digit_png(one_pixel(7.0)) == charts.digit_png(one_pixel(1.0))
    assert charts.digit_png(one_pixel(-3.0)) == charts.digit_png(one_pixel(0.0))


def test_a_heat_map_is_orange_where_there_is_too_much_ink_and_blue_where_it_is_missing() -> None:
    paper = np.zeros((28, 28), np.float32)

    extra = pixels(charts.heat_png(paper, one_pixel(1.0), scale=1))[3, 5].astype(int)
    lost = pixels(charts.heat_png(paper, one_pixel(-1.0), scale=1))[3, 5].astype(int)

    assert extra[0] > extra[2] + 100
    assert lost[2] > lost[0] + 100


def test_a_heat_map_without_difference_shows_the_digit_in_faint_grey() -> None:
    drawn = pixels(charts.heat_png(one_pixel(1.0), np.zeros((28, 28), np.float32), scale=1)).astype(int)

    assert 150 < drawn[3, 5].min() == drawn[3, 5].max() < 250


def test_digit_reconstruction_and_heat_map_have_the_same_size() -> None:
    image = one_pixel(0.5)

    assert pixels(charts.digit_png(image)).shape == pixels(charts.heat_png(image, image)).shape


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (5, 1), (6, 2), (11, 3)])
def test_a_sheet_has_room_for_every_digit_row_by_row(count: int, rows: int) -> None:
    images = np.ones((count, 28, 28), np.float32)

    sheet = pixels(charts.sheet_png(images, columns=5, scale=1, gap=2))

    assert sheet.shape == (rows * 30 + 2, 152, 3)
    assert (sheet[:, :, 0] < 60).sum() == count * 28 * 28


def test_an_empty_sheet_is_a_picture_too() -> None:
    assert pixels(charts.sheet_png(np.zeros((0, 28, 28), np.float32), columns=5)).ndim == 3


def lines(figure: go.Figure) -> dict[str, float]:
    return {note.text: shape.x0 for note, shape in zip(figure.layout.annotations, figure.layout.shapes, strict=True)}


def test_the_histogram_shows_every_score_as_shares_that_add_up() -> None:
    scores = np.random.default_rng(0).normal(size=1_000)

    figure = charts.standing(scores, threshold=1.6, score=0.3)

    (normal,) = figure.data
    assert sum(normal.y) == pytest.approx(100)
    assert lines(figure) == {"line": 1.6, "yours": 0.3}


def test_a_score_far_beyond_the_axis_stands_at_its_edge_and_does_not_flatten_the_rest() -> None:
    scores = np.random.default_rng(0).normal(size=1_000)

    figure = charts.standing(scores, threshold=1.6, score=1e6)

    low, high = figure.layout.xaxis.range
    assert lines(figure)["yours"] == high
    assert high - low < 10 * np.ptp(scores)


def test_your_digit_is_orange_beyond_the_line_and_blue_within() -> None:
    scores = np.linspace(0, 1, 50)

    colours = [charts.standing(scores, 0.9, score).layout.shapes[1].line.color for score in (0.95, 0.9)]

    assert colours == [charts.ORANGE, charts.BLUE]


def test_an_infinite_line_and_no_score_draw_no_lines() -> None:
    figure = charts.standing(np.linspace(0, 1, 50), INF)

    assert lines(figure) == {}
    assert all(np.isfinite(figure.layout.xaxis.range))


@pytest.mark.parametrize(
    "scores", [np.array([0.3]), np.full(40, 2.0), np.array([-1e9, 1e9])], ids=["one score", "all equal", "huge span"]
)
def test_strange_calibration_scores_still_give_a_histogram(scores: np.ndarray) -> None:
    figure = charts.standing(scores, threshold=float(scores[0]), score=float(scores[-1]))

    assert sum(figure.data[0].y) == pytest.approx(100)
    low, high = figure.layout.xaxis.range
    assert low < high


def test_anomalies_stand_beside_the_normal_digits_in_their_own_colour_and_in_the_legend() -> None:
    figure = charts.standing(np.linspace(0, 1, 50), 0.9, others=np.linspace(0.5, 3, 20))

    assert [(bar.name, bar.marker.color) for bar in figure.data] == [
        ("normal", charts.BLUE),
        ("anomalies", charts.ORANGE),
    ]
    assert figure.layout.showlegend


def test_no_anomalies_at_all_leave_the_normal_digits_alone() -> None:
    assert len(charts.standing(np.linspace(0, 1, 50), 0.9, others=np.array([])).data) == 1


def test_roc_curves_carry_their_area_and_the_operating_point_stands_on_its_rates() -> None:
    curve = Roc(np.array([0.0, 0.1, 1.0]), np.array([0.0, 0.9, 1.0]), np.array([INF, 1.0, 0.0]), 0.9)

    figure = charts.roc_curves({"fused": curve, "pixel": curve}, {"fused": (0.1, 0.9)})

    assert [trace.name for trace in figure.data] == ["fused (0.9000)", "pixel (0.9000)", "fused: your line"]
    assert (figure.data[2].x, figure.data[2].y) == ((10.0,), (90.0,))
    assert max(figure.data[0].y) == 100


def test_no_curve_gives_an_empty_chart_and_no_error() -> None:
    assert len(charts.roc_curves({}).data) == 0


@pytest.mark.parametrize(("score", "sides"), [(0.5, ["left", "right"]), (0.99, ["right", "left"])])
def test_the_names_of_line_and_digit_stand_apart_however_near_they_are(score: float, sides: list[str]) -> None:
    figure = charts.standing(np.linspace(0, 1, 50), 0.9, score)

    assert [note.xanchor for note in figure.layout.annotations] == sides


def test_the_name_of_a_digit_at_the_edge_stays_on_the_picture() -> None:
    figure = charts.standing(np.linspace(0, 1, 50), 0.9, 1e6)

    assert figure.layout.annotations[1].xanchor == "right"
