"""A judged batch as charts: its scores beside those of normal digits, and how many of each label were flagged."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.charts import GREY, mark, styled
from core.figures.images import BLUE, ORANGE

BINS = 60


def scores(normal: NDArray[np.float64], pile: NDArray[np.float64], threshold: float) -> go.Figure:
    """The pile's scores as bars, those of calibration digits as an outline, and the line.

    A pile of normal digits would fill the outline; what rises beyond the line is the anomalies.

    Args:
        normal: raw scores of calibration digits ``(n,)``.
        pile: raw scores of the pile ``(m,)``.
        threshold: on the raw score axis; infinite draws none.
    """
    together = np.concatenate([normal, pile])
    low, high = float(together.min()), float(np.quantile(together, 0.995))
    high = max(high, threshold * 1.05 if np.isfinite(threshold) else high, low + 1e-9)
    edges = np.linspace(low, high, BINS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    counts, _ = np.histogram(np.clip(pile, low, high), edges)
    expected, _ = np.histogram(np.clip(normal, low, high), edges)
    figure = go.Figure()
    figure.add_bar(
        x=middles,
        y=counts,
        width=np.diff(edges),
        name="this pile",
        marker={"color": [ORANGE if middle > threshold else BLUE for middle in middles], "line": {"width": 0}},
        opacity=0.75,
        hovertemplate="score %{x:.3g}: %{y:,} digits<extra></extra>",
    )
    figure.add_scatter(
        x=middles,
        y=expected * pile.size / max(normal.size, 1),
        mode="lines",
        name="if all were normal",
        line={"color": GREY, "width": 2, "shape": "hvh"},
        hovertemplate="score %{x:.3g}: %{y:,.0f} expected<extra></extra>",
    )
    if np.isfinite(threshold):
        mark(figure, threshold, "line", GREY, "dash")
    figure.update_layout(bargap=0)
    figure.update_xaxes(title="score (higher is odder)")
    figure.update_yaxes(title="digits", rangemode="tozero")
    return styled(figure, 280).update_layout(margin_t=52, legend_y=1.32)  # above the threshold's name


def by_label(label: NDArray[np.object_], flagged: NDArray[np.bool_], mislabelled: NDArray[np.bool_]) -> go.Figure:
    """Share of each label's digits that are flagged, and that are probably mislabelled.

    Args:
        label: label of each row or None, ``(n,)``.
        flagged: which rows are anomalies, ``(n,)``.
        mislabelled: which rows are probably mislabelled, ``(n,)``.
    """
    names = sorted({name for name in label if name is not None})
    figure = go.Figure()
    for chosen, word, colour in ((flagged, "flagged", ORANGE), (mislabelled, "probably mislabelled", GREY)):
        shares = [100 * float(chosen[label == name].mean()) for name in names]
        figure.add_bar(x=names, y=shares, name=word, marker={"color": colour}, hovertemplate="%{x}: %{y:.1f} %")
    figure.update_xaxes(title="label", type="category")
    figure.update_yaxes(title="% of its digits", rangemode="tozero")
    return styled(figure, 280)
