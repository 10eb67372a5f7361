"""A reading drawn: the digit, the nearest normal one, where they differ, and the verdict in words above."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core import arguments
from core.detector.readings import Readings
from core.figures.charts import styled
from core.figures.images import digit_png, inline, residual_png
from core.operating_point import OperatingPoint
from core.views.verdict_words import describe

TITLES = ("the digit", "the nearest normal digit", "where they differ")


def plot_reading(readings: Readings, row: int = 0, point: OperatingPoint | None = None) -> go.Figure:
    """One reading as a figure for a notebook: ``plot_reading(detector.inspect(images)).show()``.

    Args:
        readings: what a detector said.
        row: of which image.
        point: of the readings' model; None takes the fused evidence at 5 %.

    Raises:
        OddDigitError: these are no readings, or have no such row, or the point is of another model.
    """
    arguments.of_type("readings", readings, Readings, "what detector.inspect(images) gives")
    row, point = readings.row(row), OperatingPoint(readings.model) if point is None else point
    words = describe(readings, row, point, "")
    image, residual = readings.images[row], readings.residual[row]
    figure = make_subplots(rows=1, cols=3, subplot_titles=TITLES, horizontal_spacing=0.02)
    for i, png in enumerate((digit_png(image), digit_png(readings.reconstruction[row]), residual_png(image, residual))):
        figure.add_trace(go.Image(source=inline(png), hoverinfo="skip"), 1, i + 1)
    styled(figure, 300)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure.update_layout(title=f"{words.verdict}. {words.meaning}", margin_t=80, showlegend=False)
