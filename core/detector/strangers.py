"""Strangers: how odd normal digits look to a detector that never met their writers, by its own training images.

A digit's writers are in the memory bank with other digits of theirs, and look at home there; people whom a detector
will judge do not. Where training images come writer by writer, each sixth of the writers is left out of the memory in
turn (cross-validation by groups), and their digits are scored by what is left: that is what strangers are measured
against.
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
# Parts that are left out of the memory in turn. More of them keep the promise more exactly to people of the same file
# (benchmarks/results.md), fewer are the more cautious to people from elsewhere.
FOLDS = 6
MOST_STRETCHES = 250  # told apart afterwards
FEWEST_OF_ONE = 5  # digits of one label in a stretch, on average


def enough(stretches: ArrayLike) -> bool:
    """Whether the stretches of one label's images ``(n,)`` can tell how much writers differ."""
    values = np.asarray(stretches)
    groups = np.unique(values).size
    return groups >= FOLDS and values.size >= FEWEST_OF_ONE * groups


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
    all_of_them = np.unique(np.concatenate([np.asarray(stretches[name]) for name in state.scorers]))
    groups = {name: np.searchsorted(all_of_them, np.asarray(stretches[name])) for name in state.scorers}
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
    folds = {name: group * FOLDS // len(all_of_them) for name, group in groups.items()}
    for fold in range(FOLDS):
        scorers = {name: s.without(folds[name][remembered[name]] == fold) for name, s in state.scorers.items()}
        for name, part in given.items():
            asked = np.flatnonzero(folds[name] == fold)
            asked = asked[asked % step == 0]
            came_from.append(groups[name][asked] * min(MOST_STRETCHES, len(all_of_them)) // len(all_of_them))
            for chunk in chunks(part[asked]):
                scored = multi_digit.score(scorers, state.standards, chunk, draw=False)
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
