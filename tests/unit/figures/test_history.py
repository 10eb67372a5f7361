from datetime import timedelta, timezone

import pytest

from core.figures.history import anomaly_rate
from core.history import Period


def test_each_period_stands_at_its_local_time_with_its_rate_and_interval() -> None:
    periods = [Period(0.0, judged=20, anomalies=5), Period(86400.0, judged=4, anomalies=0)]

    (line,) = anomaly_rate(periods, timezone(timedelta(hours=2))).data

    assert [f"{moment:%d %H:%M}" for moment in line.x] == ["01 02:00", "02 02:00"]
    assert list(line.y) == [25.0, 0.0]
    assert [tuple(numbers) for numbers in line.customdata] == [(5, 20), (0, 4)]
    # Wilson's 95 % interval of 5 in 20 is 11.2 % to 46.9 %, of 0 in 4 it is 0 % to 49.0 %
    assert line.error_y.arrayminus == pytest.approx((25 - 11.19, 0), abs=0.02)
    assert line.error_y.array == pytest.approx((46.87 - 25, 48.99), abs=0.02)
