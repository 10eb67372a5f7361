"""The chart of losses: every curve named, and none drawn before it says anything."""

import math

from core.figures import training


def test_a_generators_loss_is_drawn_from_where_it_heeds_a_critic() -> None:
    unheeded = sum([math.log(2)] * 65) / 65  # a mean of it, as a run writes it, differs in its last digit

    figure = training.losses({"generator": [unheeded, unheeded, 0.86], "reconstruction": [0.06, 0.02, math.log(2)]})

    drawn = {trace.name: list(trace.x) for trace in figure.data}
    assert drawn == {"generator": [3], "reconstruction": [1, 2, 3]}
    assert figure.layout.showlegend
