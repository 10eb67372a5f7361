"""A calibration set about to be made: what it promises, what is doubtful about it, and which digits those are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.calibration import own_ink
from core.figures.images import digit_png
from pages.ui import picture
from pages.ui.text import plain

if TYPE_CHECKING:
    from core.detector import Detector

_MOST_THUMBNAILS = 24


def look_over(
    detector: "Detector",
    names: Sequence[str],
    given: NDArray[np.float32],
    labels: Sequence[str] | None,
    refused: Sequence[tuple[str, str]] = (),
) -> None:
    """What digits ``(n, 28, 28)`` promise once a model is calibrated on them, and what is doubtful about them."""
    from core.detector.assemble import strangeness

    scores, known = detector.scores(given).scores["fused"], detector.calibrations_["fused"]
    odds = strangeness(detector.state_, given, labels)
    seen = own_ink.review(names, given, scores, known, detector.card_.normal, refused, odds)
    if seen.promise:
        st.info(plain(seen.promise), icon=":material/straighten:")
    for line in seen.concerns:
        st.warning(plain(line), icon=":material/visibility:")
    for rows, title in ((seen.odd, "Far odder than the others"), (seen.repeated, "Repeated")):
        if rows:
            st.markdown(f"{title}:")
            with st.container(horizontal=True, gap="small"):
                for row in rows[:_MOST_THUMBNAILS]:
                    picture.show(digit_png(given[row], 2), names[row], caption=plain(names[row]), width=72)
