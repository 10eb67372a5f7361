"""The live component of map and walk: all pictures come as one sprite, so that they follow the thumb while it moves."""

from collections.abc import Callable

import numpy as np

from core.figures import images
from core.views.latent_walk import Drawn
from pages.ui import component

_component = component.declare("walker")


def show(
    key: str,
    drawn: Drawn,
    of: str,
    title: str,
    names: dict[str, str],
    place: tuple[float, float],
    take: Callable[[], None],
) -> None:
    """Show a map or a walk.

    Args:
        key: of the element; ``take`` finds the place let go at, ``{"of", "x", "y"}``, under it.
        drawn: the pictures.
        of: tells what the pictures are of.
        title: what it is, for those who cannot see it.
        names: of the ways ``x`` and ``y``.
        place: where the thumb stands, in pictures from the left and from the top.
        take: called when the thumb is let go.
    """
    data = {
        "of": of,
        "title": title,
        "names": names,
        "sprite": images.inline(drawn.sprite()),
        "columns": drawn.columns,
        "rows": len(drawn.images) // drawn.columns,
        "realism": np.round(drawn.probability, 3).tolist(),
        "x": place[0],
        "y": place[1],
    }
    _component(key=key, data=data, on_place_change=take)
