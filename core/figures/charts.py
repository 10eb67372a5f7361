"""Plain data to pictures: plotly figures and the one way a digit is drawn.

Normal is always blue, anomalous always orange: told apart by people with any colour vision, on light and dark alike.
Text and axes stay grey enough to read on both themes, so that a figure needs no theme of its own.
"""

import base64
import io
from collections.abc import Iterable
from itertools import cycle

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from core.calibration.evaluation import Roc

BLUE, ORANGE, GREY = "#2f7ed8", "#e8672a", "#8a8f98"
_CURVES = ("#3fa37a", "#9a6bd0", "#8a8f98", "#b08a2e", "#c05c8e")  # of models: none of a verdict's colours
_BLUE_RGB, _ORANGE_RGB = np.array([47, 126, 216]), np.array([232, 103, 42])
_PAPER, _INK = np.array([255.0, 255.0, 255.0]), np.array([24.0, 28.0, 36.0])
SCALE = 8
_EXACT = 64  # pixels: what is no larger is sent pixel for pixel


def digit_png(image: NDArray[np.float32], scale: int = SCALE) -> bytes:
    """An ink image as a PNG: dark ink on white paper, every pixel a crisp square.

    Args:
        image: ``(28, 28)``, 0 paper .. 1 ink.
        scale: side of a pixel's square.
    """
    ink = np.clip(image, 0, 1)[..., None]
    return _png(_PAPER * (1 - ink) + _INK * ink, scale)


def heat_png(image: NDArray[np.float32], heat_map: NDArray[np.float32], scale: int = SCALE) -> bytes:
    """Where a digit differs from its reconstruction, over the digit in faint grey.

    Orange is ink that a normal digit would not have, blue is ink that is missing.

    Args:
        image: ``(28, 28)``, 0 paper .. 1 ink.
        heat_map: ``(28, 28)``, -1 .. 1, image minus reconstruction.
        scale: side of a pixel's square.
    """
    base = _PAPER - 60 * np.clip(image, 0, 1)[..., None]
    strength = np.clip(np.abs(heat_map) * 1.25, 0, 1)[..., None]
    colour = np.where(heat_map[..., None] > 0, _ORANGE_RGB, _BLUE_RGB)
    return _png(base * (1 - strength) + colour * strength, scale)


def sheet_png(images: NDArray[np.float32], columns: int, scale: int = 3, gap: int = 2) -> bytes:
    """Many digits on one sheet, row by row.

    Args:
        images: ``(n, 28, 28)``, 0 paper .. 1 ink.
        columns: digits in a row.
        scale: side of a pixel's square.
        gap: pixels of paper between digits, before scaling.
    """
    rows = -(-len(images) // columns)
    side = 28 + gap
    sheet = np.zeros((rows * side + gap, columns * side + gap), dtype=np.float32)
    for i, image in enumerate(images):
        top, left = gap + side * (i // columns), gap + side * (i % columns)
        sheet[top : top + 28, left : left + 28] = image
    return digit_png(sheet, scale)


def inline(picture: bytes | NDArray[np.uint8]) -> str:
    """A picture as a ``data:`` address: the picture itself instead of where to fetch it.

    Args:
        picture: a PNG, or pixels ``(h, w)`` or ``(h, w, 3)``; what is larger than an ink image becomes a JPEG.
    """
    kind, data = ("png", picture) if isinstance(picture, bytes) else _encoded(picture)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def add_histograms(
    figure: go.Figure,
    edges: NDArray[np.float64],
    groups: Iterable[tuple[str, NDArray[np.floating], str]],
    opacity: float = 0.7,
    hover: str = "",
) -> None:
    """Lay histograms of several groups over one another, in percent of each.

    Args:
        figure: takes the bars.
        edges: of the bins, ``(k + 1,)``; what lies beyond counts in the outermost.
        groups: name, values ``(n,)`` and colour of each; a group without values is left out.
        opacity: of the bars.
        hover: what stands before "12.3 % of name" under the pointer.
    """
    for name, values, colour in groups:
        if not values.size:
            continue
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=100 * counts / values.size,
            width=np.diff(edges),
            name=name,
            marker={"color": colour, "line": {"width": 0}},
            opacity=opacity,
            hovertemplate=hover + "%{y:.1f} % of " + name + "<extra></extra>",
        )
    figure.update_layout(barmode="overlay", bargap=0)


def standing(
    scores: NDArray[np.float64], threshold: float, score: float | None = None, others: NDArray[np.float64] | None = None
) -> go.Figure:
    """Histogram of the scores of normal digits (and anomalies), with the line and where one digit stands.

    Args:
        scores: raw scores of normal digits ``(n,)``.
        threshold: the line; infinite draws none.
        score: the digit's own raw score; None draws no marker.
        others: raw scores of anomalies ``(m,)``, or None.
    """
    low, high = _axis(scores, threshold, score)
    edges = np.linspace(low, high, 61)
    figure = go.Figure()
    groups = [("normal", scores, BLUE)] + ([] if others is None else [("anomalies", others, ORANGE)])
    add_histograms(figure, edges, groups, opacity=0.75, hover="score %{x:.3g}: ")
    beyond = score is not None and score > threshold
    if np.isfinite(threshold):
        _line(figure, threshold, "line", GREY, "dash", to_the_left=beyond)
    if score is not None:
        at = float(np.clip(score, low, high))
        at_the_edge = at > high - 0.12 * (high - low)
        _line(figure, at, "yours", ORANGE if beyond else BLUE, "solid", to_the_left=not beyond or at_the_edge)
    figure.update_xaxes(title="score (higher is odder)", range=[low, high])
    figure.update_yaxes(title="% of digits" if len(figure.data) > 1 else "% of normal digits", rangemode="tozero")
    return styled(figure, 210)


def roc_curves(curves: dict[str, Roc], points: dict[str, tuple[float, float]] | None = None) -> go.Figure:
    """ROC curves by name, each with its area in the legend, and operating points on them.

    Args:
        curves: name -> curve.
        points: name -> (false-alarm rate, detection rate), 0 .. 1.
    """
    figure = go.Figure()
    for colour, (name, curve) in zip(cycle(_CURVES), curves.items(), strict=False):
        figure.add_scatter(
            line={"color": colour, "width": 2},
            x=100 * curve.false_alarm_rate,
            y=100 * curve.detection_rate,
            mode="lines",
            name=f"{name} ({curve.area:.4f})",
            hovertemplate="%{x:.1f} % false alarms, %{y:.1f} % caught<extra>" + name + "</extra>",
        )
    for name, (false_alarms, detection) in (points or {}).items():
        figure.add_scatter(
            x=[100 * false_alarms],
            y=[100 * detection],
            mode="markers",
            marker={"size": 12, "color": ORANGE, "line": {"width": 2, "color": "white"}},
            name=f"{name}: your line",
            showlegend=False,
        )
    figure.update_xaxes(title="false alarms (%)", range=[0, 100], dtick=25)
    figure.update_yaxes(title="anomalies caught (%)", range=[0, 101])
    return styled(figure, 320)


def _axis(scores: NDArray[np.float64], threshold: float, score: float | None) -> tuple[float, float]:
    low, high = float(scores.min()), float(np.quantile(scores, 0.995))
    span = max(high - low, 1e-9)
    right = max(high + 0.35 * span, threshold + 0.35 * span if np.isfinite(threshold) else high)
    if score is not None:
        right = max(right, min(score + 0.1 * span, low + 4 * span))
    return low - 0.03 * span, right


def _line(figure: go.Figure, at: float, text: str, colour: str, dash: str, to_the_left: bool = False) -> None:
    """A vertical line with its name beside it: on one side or the other, so that two of them never cover each other."""
    figure.add_vline(
        x=at,
        line={"color": colour, "width": 2, "dash": dash},
        annotation={
            "text": text,
            "font": {"color": colour, "size": 13},
            "yref": "paper",
            "y": 1.12,
            "xanchor": "right" if to_the_left else "left",
            "showarrow": False,
        },
    )


def styled(figure: go.Figure, height: int) -> go.Figure:
    """Give a figure the look that all share: see-through, grey text, a thin grid, a legend above."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": GREY},
        legend={"orientation": "h", "y": 1.15, "x": 0},
        showlegend=len(figure.data) > 1,
    )
    figure.update_xaxes(gridcolor="rgba(138,143,152,0.2)", zeroline=False)
    figure.update_yaxes(gridcolor="rgba(138,143,152,0.2)", zeroline=False)
    return figure


def _png(colours: NDArray[np.float64], scale: int) -> bytes:
    return _saved(colours.round().astype(np.uint8).repeat(scale, axis=0).repeat(scale, axis=1), "png")


def _encoded(pixels: NDArray[np.uint8]) -> tuple[str, bytes]:
    kind = "png" if max(pixels.shape[:2]) <= _EXACT else "jpeg"
    return kind, _saved(pixels, kind)


def _saved(pixels: NDArray[np.uint8], kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, quality=90)
    return buffer.getvalue()
