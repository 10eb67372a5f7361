"""The history as a chart: the rate of anomalies, period by period."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

import plotly.graph_objects as go

from core.figures.charts import styled
from core.figures.images import ORANGE
from core.history import Period


def anomaly_rate(periods: Sequence[Period], zone: tzinfo, confidence: float = 0.95) -> go.Figure:
    """Share of anomalies in each period, with Wilson's interval (Wilson 1927): few digits, wide bar.

    Args:
        periods: how many were judged and how many were anomalies, in order of time; ``judged`` > 0.
        zone: the reader's time zone.
        confidence: of the interval.
    """
    from scipy.stats import binomtest

    rates = [period.anomalies / period.judged for period in periods]
    intervals = [
        binomtest(period.anomalies, period.judged).proportion_ci(confidence, method="wilson") for period in periods
    ]
    figure = go.Figure()
    figure.add_scatter(
        x=[datetime.fromtimestamp(period.start, zone).replace(tzinfo=None) for period in periods],
        y=[100 * rate for rate in rates],
        mode="lines+markers",
        line={"color": ORANGE, "width": 1, "dash": "dot"},
        marker={"color": ORANGE, "size": 9},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [100 * (interval.high - rate) for rate, interval in zip(rates, intervals, strict=True)],
            "arrayminus": [100 * (rate - interval.low) for rate, interval in zip(rates, intervals, strict=True)],
            "color": "rgba(232, 103, 42, 0.45)",
        },
        customdata=[(period.anomalies, period.judged) for period in periods],
        hovertemplate="%{customdata[0]} of %{customdata[1]} judged: %{y:.1f} %<extra></extra>",
    )
    figure.update_yaxes(title="anomalies (%)", rangemode="tozero")
    return styled(figure, 240)
