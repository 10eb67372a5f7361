"""Figures of the training page: losses by epoch, and held-out normals set apart from other digits."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import BLUE, GREY, ORANGE, add_histograms, sheet_png, styled
from core.watching import Frame

# As in the theme: three that people with any colour vision tell apart, none of them a verdict's.
_COLOURS = {"generator": "#3fa37a", "discriminator": "#9a6bd0", "reconstruction": "#8a8f98"}
_HEIGHT = 250


def losses(epochs: Sequence[int], curves: dict[str, list[float]], chosen: int | None = None) -> go.Figure:
    """Mean losses by epoch, on a logarithmic axis since they differ by orders of magnitude.

    Args:
        epochs: epochs finished, ``(k,)``.
        curves: loss name -> one mean an epoch.
        chosen: epoch to mark, if any.
    """
    figure = go.Figure()
    for name, values in curves.items():
        figure.add_scatter(
            x=list(epochs),
            y=values,
            name=name,
            mode="lines+markers" if len(values) < 40 else "lines",
            line={"color": _COLOURS.get(name, GREY), "width": 2},
            hovertemplate="epoch %{x}: %{y:.3g}<extra>" + name + "</extra>",
        )
    if chosen is not None:
        figure.add_vline(x=chosen, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="epoch", dtick=max(1, len(epochs) // 6))
    figure.update_yaxes(title="loss", type="log", exponentformat="none")
    return _dressed(figure)


def apart(normal_errors: NDArray[np.float32], other_errors: NDArray[np.float32]) -> go.Figure:
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
    return _dressed(figure)


def pairs_png(images: NDArray[np.float32], drawn: NDArray[np.float32]) -> bytes:
    """Digits in a row, and under each what the networks make of it; both ``(n, 28, 28)``."""
    return sheet_png(np.concatenate([images, drawn]), len(images))


def curves_of(frames: Sequence[Frame]) -> dict[str, list[float]]:
    """Loss name -> one mean a frame."""
    return {name: [frame.losses[name] for frame in frames] for name in frames[0].losses} if frames else {}


def _dressed(figure: go.Figure) -> go.Figure:
    return styled(figure, _HEIGHT).update_layout(uirevision="kept")  # a zoom survives the next epoch
