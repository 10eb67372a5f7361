"""Detector states made of others without training again: joined, scored anew, calibrated on other people's digits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.calibration.conformal import Calibration
from core.calibration.few_digits import ENOUGH, adapted, odds_of_strangers
from core.detector.inputs import as_images, as_labels, chunks
from core.detector.model_card import UNNAMED, Card, now
from core.detector.state import DetectorState
from core.errors import OddDigitError
from core.operating_point import DISTANCES, EVIDENCES
from core.scoring import multi_digit
from core.scoring.scorer import Scorer
from core.scoring.two_sample import aside

Calibrations = dict[str, Calibration]


def calibrations_of(
    scorers: Mapping[str, Scorer], standards: multi_digit.Standards, images: Mapping[str, NDArray[np.float32]]
) -> tuple[Calibrations, dict[str, Calibrations]]:
    """The scores of a calibration set: pooled by evidence, and of each digit as that digit.

    Args:
        scorers: digit -> its scorer.
        standards: digit -> evidence -> (centre, scale).
        images: digit -> its calibration images, ``(n, 28, 28)``.
    """
    scored = {
        name: [multi_digit.score(scorers, standards, chunk) for chunk in chunks(part)] for name, part in images.items()
    }
    pooled = {
        e: Calibration.fit(np.concatenate([part.scores[e] for parts in scored.values() for part in parts]))
        for e in EVIDENCES
    }
    digits = {
        name: {e: Calibration.fit(np.concatenate([part.nonconformity[name][e] for part in parts])) for e in DISTANCES}
        for name, parts in scored.items()
    }
    return pooled, digits


def recalibrate(
    state: DetectorState, images: ArrayLike, labels: Sequence[str] | None, name: str, calibrated_on: str
) -> DetectorState:
    """The same detector with its promise remade on other people's normal digits; see ``Detector.calibrated``."""
    parts = by_label(state, images, labels)
    if missing := [label for label in state.scorers if label not in parts]:
        raise OddDigitError(f"no image of {', '.join(missing)}: give normal digits of every label.")
    pooled, digits = calibrations_of(state.scorers, state.standards, parts)
    odds = strangeness(state, images, labels)
    pooled = {e: adapted(own, state.calibrations[e], odds) for e, own in pooled.items()}
    digits = {
        n: {e: adapted(own, state.digit_calibrations[n][e], odds) for e, own in of.items()} for n, of in digits.items()
    }
    counts = {label: (*state.card.counts[label][:2], len(part)) for label, part in parts.items()}
    card = replace(state.card, name=name, calibrated_on=calibrated_on, counts=counts, strangers=0)
    card = replace(card, recalibrated=True, fresh_flagged=None, created=now())
    return replace(state, card=card, calibrations=pooled, digit_calibrations=digits)


def by_label(state: DetectorState, images: ArrayLike, labels: Sequence[str] | None) -> dict[str, NDArray[np.float32]]:
    """Other people's digits by what they are, in the detector's order; takes and raises what ``strangeness`` does."""
    checked = as_images(images)
    names = list(state.scorers)
    if len(names) > 1 and labels is None:
        raise OddDigitError(f"{state.card.name} knows several digits: give the label of each image.")
    given = as_labels("labels", names * len(checked) if labels is None else labels, len(checked))
    for label in np.unique(given):
        if label not in names:
            raise OddDigitError(f"label {str(label)!r} is none of this detector's digits: {', '.join(names)}.")
    return {label: checked[given == label] for label in names if label in given}


def strangeness(state: DetectorState, images: ArrayLike, labels: Sequence[str] | None) -> float:
    """Log-likelihood ratio that digits are by strangers, not by people like those whose digits the detector learnt.

    Takes and raises what ``Detector.calibrated`` does, but labels may lack.
    """
    few = {name: part[:ENOUGH] for name, part in by_label(state, images, labels).items()}
    return sum(odds_of_strangers(aside(state.scorers[name], part), len(part)) for name, part in few.items())


def rescore(
    state: DetectorState, validation: Mapping[str, ArrayLike], calibrate: Mapping[str, ArrayLike]
) -> DetectorState:
    """All that depends on how images are scored made anew: the same networks and memory bank, weighed again.

    Args:
        state: a fitted detector.
        validation: label -> the images of that digit's validation part, ``(n, 28, 28)``.
        calibrate: label -> those of its calibrate part.
    """
    checked = {name: as_images(validation[name]) for name in state.scorers}
    scorers = {name: scorer.weighed(checked[name]) for name, scorer in state.scorers.items()}
    standards = {name: multi_digit.standards_of(scorer, checked[name]) for name, scorer in scorers.items()}
    parts = {name: as_images(calibrate[name]) for name in state.scorers}
    pooled, digits = calibrations_of(scorers, standards, parts)
    return replace(
        state, scorers=scorers, standards=standards, calibrations=pooled, digit_calibrations=digits, evaluation=None
    )


def join(states: Sequence[DetectorState], calibrate: Mapping[str, ArrayLike]) -> DetectorState:
    """One detector of several digits out of detectors of single ones, without training again.

    Parts made with the same settings give, tensor for tensor, what one ``fit`` on all the images gives.

    Args:
        states: fitted detectors of one digit each, no digit twice.
        calibrate: label -> the images of that digit's calibrate part, ``(n, 28, 28)``.

    Raises:
        OddDigitError: nothing to join, a digit twice, several digits in one part, other settings, or a label
            without images.
    """
    parts = sorted(states, key=lambda part: part.card.normal)
    names = tuple(name for part in parts for name in part.card.normal)
    if not parts or len(set(names)) != len(parts) or len(names) != len(parts):
        raise OddDigitError(f"cannot join detectors of {', '.join(names) or 'nothing'}: give one for each digit.")
    first = parts[0].card
    if any((part.card.settings, part.card.split_seed) != (first.settings, first.split_seed) for part in parts):
        raise OddDigitError("the detectors were trained with different settings: train them with the same ones.")
    if missing := [name for name in names if not len(np.asarray(calibrate.get(name, ())))]:
        raise OddDigitError(f"no calibration image of {', '.join(missing)}: give normal digits of every label.")
    scorers = {name: part.scorers[name] for name, part in zip(names, parts, strict=True)}
    standards = {name: part.standards[name] for name, part in zip(names, parts, strict=True)}
    pooled, digits = calibrations_of(scorers, standards, {name: as_images(calibrate[name]) for name in names})
    card = Card(
        name=UNNAMED,
        normal=names,
        dataset=first.dataset,
        calibrated_on=first.calibrated_on,
        split_seed=first.split_seed,
        counts={name: part.card.counts[name] for name, part in zip(names, parts, strict=True)},
        settings=first.settings,
        curve={name: part.card.curve[name] for name, part in zip(names, parts, strict=True)},
        seconds=round(sum(part.card.seconds for part in parts), 1),
    )
    return DetectorState(card, pooled, None, scorers, standards, digits)
