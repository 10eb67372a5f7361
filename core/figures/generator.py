"""Figures of the generator page: how near its digits come to those it was trained on."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures.charts import GREY, add_histograms, styled

_FRESH = "#3fa37a"  # none of a verdict's colours


def apart(fresh: NDArray[np.float32], unseen: NDArray[np.float32], here: float) -> go.Figure:
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
