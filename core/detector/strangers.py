"""Strangers: how odd normal digits look to a detector that never met their writers, by its own training images.

A digit's writers are in the memory bank with other digits of theirs, and look at home there; people whom a detector
will judge do not. Where training images come writer by writer, each stretch of writers is left out of the memory in
turn, and its digits are scored by what is left. What then comes out is what strangers are measured against.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.calibration.conformal import Calibration
from core.datasets import split
from core.detector.inputs import as_images, chunks
from core.detector.state import DetectorState
from core.errors import OddDigitError
from core.operating_point import DISTANCES
from core.scoring import multi_digit

MOST = 20_000  # digits scored so, evenly out of all: what a file has room for
FEWEST_STRETCHES = 4  # fewer say little of how much stretches differ
FEWEST_OF_ONE = 5  # digits of one label in a stretch, on average


def enough(stretches: ArrayLike) -> bool:
    """Whether the stretches of one label's images ``(n,)`` can tell how much writers differ."""
    values = np.asarray(stretches)
    groups = np.unique(values).size
    return groups >= FEWEST_STRETCHES and values.size >= FEWEST_OF_ONE * groups


def corrected(
    state: DetectorState, images: Mapping[str, ArrayLike], stretches: Mapping[str, ArrayLike]
) -> DetectorState:
    """The same detector with p-values that hold for people it never met.

    Only evidences in ``DISTANCES`` are corrected: what is drawn depends on networks, which have seen all writers.

    Args:
        state: a fitted detector, calibrated on its own part of the images.
        images: label -> all images that were split to make it, in their order, ``(n, 28, 28)``.
        stretches: label -> which stretch of writers each is from, ``(n,)``; the same number is the same writers.

    Raises:
        OddDigitError: the images are not those that it was made of, or the stretches are too few to tell anything.
    """
    given = {name: as_images(images[name]) for name in state.scorers}
    groups = {name: np.asarray(stretches[name], np.int64) for name in state.scorers}
    remembered = {name: split(len(part), state.card.split_seed).train for name, part in given.items()}
    for name, scorer in state.scorers.items():
        if len(remembered[name]) != len(scorer.latents) or len(groups[name]) != len(given[name]):
            raise OddDigitError(f"{state.card.name} was not made of these {len(given[name])} images of {name}.")
        if not enough(groups[name]):
            raise OddDigitError(f"the images of {name} are too few a stretch of writers to tell how much those differ.")
    step = -(-sum(map(len, given.values())) // MOST)
    pooled: dict[str, list[NDArray[np.float64]]] = {e: [] for e in DISTANCES}
    digits: dict[tuple[str, str], list[NDArray[np.float64]]] = {(n, e): [] for n in state.scorers for e in DISTANCES}
    came_from: list[NDArray[np.int64]] = []
    for stretch in np.unique(np.concatenate(list(groups.values()))):
        scorers = {
            name: scorer.without(groups[name][remembered[name]] == stretch) for name, scorer in state.scorers.items()
        }
        for name, part in given.items():
            for chunk in chunks(part[::step][groups[name][::step] == stretch]):
                scored = multi_digit.score(scorers, state.standards, chunk, draw=False)
                came_from.append(np.full(len(chunk), stretch))
                for e in DISTANCES:
                    pooled[e].append(scored.scores[e])
                    digits[name, e].append(scored.nonconformity[name][e])
    at = np.concatenate(came_from)
    return replace(
        state,
        card=replace(state.card, strangers=len(at)),
        calibrations={
            e: Calibration.of_strangers(np.concatenate(pooled[e]), at, _exchangeable(calibration))
            if e in DISTANCES
            else calibration
            for e, calibration in state.calibrations.items()
        },
        digit_calibrations=state.digit_calibrations
        if len(state.scorers) == 1  # there the pooled ones are the digit's
        else {name: {e: Calibration.fit(np.concatenate(digits[name, e])) for e in DISTANCES} for name in state.scorers},
    )


def _exchangeable(calibration: Calibration) -> Calibration:
    return calibration.exchangeable or calibration
