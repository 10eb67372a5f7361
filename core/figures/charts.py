"""Charts: histograms, where one digit stands, ROC curves, distances; the look that all plotly figures share.

Normal is always blue, anomalous always orange. Text and axes stay grey enough to read on both themes, so that a figure
needs no theme of its own.
"""

from collections.abc import Iterable
from itertools import cycle

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.calibration.evaluation import Roc
from core.figures.images import BLUE, ORANGE

GREY = "#8a8f98"
_FRESH = "#3fa37a"  # none of a verdict's colours
_CURVES = (_FRESH, "#9a6bd0", GREY, "#b08a2e", "#c05c8e")  # of models: none of a verdict's colours


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
    scores: NDArray[np.float64], threshold: float, score: float, whose: str = "yours", normals: str = "normal digits"
) -> go.Figure:
    """Histogram of the scores of normal digits, with the threshold and where one digit stands.

    Args:
        scores: raw scores of normal digits ``(n,)``.
        threshold: on the raw score axis; infinite draws none.
        score: the digit's own raw score.
        whose: what the digit is called.
        normals: what the normal digits are called.
    """
    low, high = _axis(scores, threshold, score)
    edges = np.linspace(low, high, 61)
    figure = go.Figure()
    add_histograms(figure, edges, [("normal", scores, BLUE)], opacity=0.75, hover="score %{x:.3g}: ")
    beyond = score > threshold
    if np.isfinite(threshold):
        mark(figure, threshold, "line", GREY, "dash", to_the_left=beyond)
    at = float(np.clip(score, low, high))
    share = (at - low) / (high - low)  # a name at either edge is written towards the middle
    mark(figure, at, whose, ORANGE if beyond else BLUE, "solid", share > 0.88 or (not beyond and share > 0.12))
    figure.update_xaxes(title="score (higher is odder)", range=[low, high])
    figure.update_yaxes(title=f"% of {normals}", rangemode="tozero")
    return styled(figure, 210)


def roc_curves(curves: dict[str, Roc]) -> go.Figure:
    """ROC curves by name, each with its area in the legend."""
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
    figure.update_xaxes(title="false alarms (%)", range=[0, 100], dtick=25)
    figure.update_yaxes(title="anomalies caught (%)", range=[0, 101])
    return styled(figure, 320)


def memorisation(fresh: NDArray[np.float32], unseen: NDArray[np.float32], here: float) -> go.Figure:
    """Histograms of the distance to the nearest training digit.

    Args:
        fresh: of digits the generator drew, ``(n,)``.
        unseen: of real digits it never saw, ``(k,)``.
        here: of the digit looked at.
    """
    edges = np.linspace(0, float(max(fresh.max(), unseen.max(), here)) * 1.03, 41)
    figure = go.Figure()
    add_histograms(figure, edges, [("fresh digits", fresh, _FRESH), ("unseen test digits", unseen, GREY)])
    figure.add_vline(x=here, line={"color": GREY, "width": 2, "dash": "dash"}, annotation_text="on the map now")
    figure.update_xaxes(title="distance to the nearest training digit (0 = a copy)")
    figure.update_yaxes(title="% of digits", rangemode="tozero")
    return styled(figure, 230).update_layout(legend={"x": 1, "xanchor": "right"})  # clear of the line's name


def mark(figure: go.Figure, at: float, text: str, colour: str, dash: str, to_the_left: bool = False) -> None:
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


def _axis(scores: NDArray[np.float64], threshold: float, score: float) -> tuple[float, float]:
    low, high = float(scores.min()), float(np.quantile(scores, 0.995))
    span = max(high - low, 1e-9)
    right = max(high + 0.35 * span, threshold + 0.35 * span if np.isfinite(threshold) else high)
    right = max(right, min(score + 0.1 * span, low + 4 * span))
    return low - 0.03 * span, right
