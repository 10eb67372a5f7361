"""Figures of the training page: losses and flagged fresh digits by epoch, and normals set apart from other digits."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.charts import GREY, add_histograms, styled
from core.figures.images import BLUE, ORANGE
from core.training.snapshots import Frame

# As in the theme: three that people with any colour vision tell apart, none of them a verdict's.
_COLOURS = {"generator": "#3fa37a", "discriminator": "#9a6bd0", "reconstruction": "#8a8f98"}
_HEIGHT, _FRESH, _APART = 310, 116, 172  # pixels: the two under one another are about as tall as what stands alone


def losses(curves: dict[str, list[float]], chosen: int | None = None) -> go.Figure:
    """Mean losses by epoch, each from where it has begun, on a logarithmic axis: they differ by orders of magnitude.

    Args:
        curves: loss name -> one mean an epoch, from the first.
        chosen: epoch to mark, if any.
    """
    figure = go.Figure()
    count = max((len(values) for values in curves.values()), default=0)
    for name, values in curves.items():
        points = [(epoch, value) for epoch, value in enumerate(values, start=1) if begun(name, value)]
        figure.add_scatter(
            x=[epoch for epoch, _ in points],
            y=[value for _, value in points],
            name=name,
            mode="lines+markers" if len(values) < 40 else "lines",
            line={"color": _COLOURS.get(name, GREY), "width": 2},
            hovertemplate="epoch %{x}: %{y:.3g}<extra>" + name + "</extra>",
        )
    if chosen:
        figure.add_vline(x=chosen, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="epoch", dtick=max(1, count // 6), range=[0.5, max(count, 4) + 0.5])
    figure.update_yaxes(title="mean loss, log scale", type="log", exponentformat="none", dtick=1)
    # In a narrow window the names take two rows.
    return _dressed(figure, _HEIGHT).update_layout(margin_t=52, legend={"y": 1.02, "yanchor": "bottom"})


def begun(name: str, loss: float) -> bool:
    """Whether a loss says anything yet: a generator's is ln 2 exactly as long as it heeds no critic."""
    return name != "generator" or not math.isclose(loss, math.log(2), rel_tol=1e-9)


def separation(normal_errors: NDArray[np.float32], other_errors: NDArray[np.float32]) -> go.Figure:
    """Histograms of the reconstruction error of held-out normals and of other digits.

    Args:
        normal_errors: ``(n,)``.
        other_errors: ``(m,)``, perhaps none.
    """
    both = np.concatenate([normal_errors, other_errors])
    edges = np.linspace(0, float(np.quantile(both, 0.99)) * 1.05, 31)
    figure = go.Figure()
    add_histograms(figure, edges, [("held-out normals", normal_errors, BLUE), ("others", other_errors, ORANGE)])
    figure.update_xaxes(title="reconstruction error")
    figure.update_yaxes(title="% of digits", rangemode="tozero")
    return _dressed(figure, _APART).update_layout(legend={"y": 1.02, "yanchor": "bottom"})


def fresh_flagged(shares: dict[int, float], chosen: int | None = None) -> go.Figure:
    """Share of fresh digits that are flagged, by epoch.

    Args:
        shares: epoch -> share, 0..1.
        chosen: epoch to mark, if any.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=list(shares),
        y=[100 * share for share in shares.values()],
        mode="lines+markers" if len(shares) < 40 else "lines",
        line={"color": _COLOURS["generator"], "width": 2},
        hovertemplate="epoch %{x}: %{y:.0f} %<extra></extra>",
    )
    if chosen is not None:
        figure.add_vline(x=chosen, line={"color": GREY, "width": 1, "dash": "dot"})
    last = max(shares, default=0)
    figure.update_xaxes(dtick=max(1, last // 6), range=[-0.5, max(last, 4) + 0.5])
    figure.update_yaxes(title="% flagged", range=[-4, 104], dtick=50)
    return _dressed(figure, _FRESH).update_layout(margin_t=8)


def curves_of(frames: Sequence[Frame]) -> dict[str, list[float]]:
    """Loss name -> one mean an epoch, of frames in the order of their epochs."""
    learnt = [frame.losses for frame in frames if frame.losses]
    return {name: [losses[name] for losses in learnt] for name in learnt[0]} if learnt else {}


def _dressed(figure: go.Figure, height: int) -> go.Figure:
    return styled(figure, height).update_layout(uirevision="kept")  # a zoom survives the next epoch
