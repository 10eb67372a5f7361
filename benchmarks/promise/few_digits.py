"""What calibrating on few digits of one's own comes to, by several ways: how often the rate is near the promise.

    python -m benchmarks.promise.few_digits [--write]

Two kinds of people: postal digits (usps_test.npz), and stretches of writers of MNIST's training file, each scored by a
memory bank that does without them. Draws of 20 digits calibrate, the rest of the same hands is measured. What was
chosen, the prior in ``core.calibration.few_digits``, was chosen on the even digits and the first half of the file; the
table is of the odd digits and the second half. From 200 digits on the product is plain conformal itself.
"""

from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from benchmarks.common import Write, begin
from benchmarks.results import table
from core import datasets
from core.calibration import few_digits
from core.calibration.conformal import Calibration
from core.detector import Detector

OWN, ALPHA, WITHIN = 20, 0.05, 0.03
USPS, MNIST = "postal digits", "MNIST's stretches"
Floats = NDArray[np.float64]
Way = Callable[["Hand", Floats], float]


class Hand(NamedTuple):
    """People of one kind: their scores ``(n,)``, and those of the others that a detector knows."""

    kind: str
    scores: Floats
    known: Calibration


def main(
    draws: Annotated[int, typer.Option(min=10, help="Of each digit and kind.")] = 120,
    write: Write = False,
) -> None:
    """Draw, calibrate, and print how near the rates are to the promise."""
    report = begin(write)
    rates: dict[tuple[str, str], list[float]] = {}
    rng = np.random.default_rng(0)
    for hand, count in hands(draws):
        for _ in range(count):
            order = rng.permutation(hand.scores.size)
            own, rest = hand.scores[order[:OWN]], hand.scores[order[OWN:]]
            for name, way in WAYS.items():
                rates.setdefault((name, hand.kind), []).append(float((rest > way(hand, own)).mean()))
    rows = [[name, *(cell for kind in (USPS, MNIST) for cell in said(rates[name, kind]))] for name in WAYS]
    columns = ["way", *(f"{kind}: {what}" for kind in (USPS, MNIST) for what in ("kept", "mean rate"))]
    shipped = min(np.mean(near(rates["as it ships: shift and scale, with a prior", kind])) for kind in (USPS, MNIST))
    verdict = "kept" if shipped >= 0.9 else f"not kept, {100 * shipped:.0f} %"
    text = f"Rates at {ALPHA:g} from {OWN} digits. Kept: within {WITHIN:g} of it; must in 90 % of draws: {verdict}."
    report.publish("Few digits", f"{text}\n\n{table(columns, rows)}")


def hands(draws: int) -> Iterator[tuple[Hand, int]]:
    """The half that nothing was chosen on, with how often to draw of each."""
    usps = datasets.load("npz:usps_test.npz", "all")
    for digit in "13579":
        detector = Detector.load(f"mnist-{digit}")
        known = detector.calibrations_["fused"]
        yield Hand(USPS, detector.scores(usps.of(digit)).scores["fused"], known), draws
    for digit in "0123456789":
        known = Detector.load(f"mnist-{digit}").calibrations_["fused"]
        assert known.stretches is not None
        later = np.unique(known.stretches)[len(np.unique(known.stretches)) // 2 :]
        for stretch in later:
            its = known.stretches == stretch
            yield Hand(MNIST, known.scores[its], Calibration.fit(known.scores[~its])), max(draws // len(later) // 2, 1)


def near(rates: list[float]) -> NDArray[np.bool_]:
    """Which rates are within what must be."""
    return np.abs(np.array(rates) - ALPHA) <= WITHIN + 1e-9


def said(rates: list[float]) -> tuple[str, float]:
    """Share of draws that keep the promise, and the mean rate."""
    return f"{100 * near(rates).mean():.1f} %", float(np.mean(rates))


def places(hand: Hand, scores: Floats) -> Floats:
    """Scores on the axis on which the known ones are a standard normal."""
    return few_digits.Axis(hand.known).of(scores)


def moved(hand: Hand, shift: float, scale: float) -> float:
    """The threshold of a hand that is shifted and scaled so."""
    return float(few_digits.Axis(hand.known).back(np.array([shift - scale * ndtri(ALPHA)]))[0])


def fitted(hand: Hand, own: Floats) -> float:
    """A shift and scale by moments."""
    z = places(hand, own)
    return moved(hand, float(z.mean()), float(z.std(ddof=1)))


def weighted(hand: Hand, own: Floats) -> float:
    """Weighted conformal (Tibshirani, Barber, Candes, Ramdas 2019), by the likelihood ratio of the fitted normal."""
    z, known = places(hand, own), places(hand, hand.known.scores)
    shift, scale = z.mean(), z.std(ddof=1)
    weight = np.exp(np.clip((known**2 - ((known - shift) / scale) ** 2) / 2, -50, 8))
    beyond = np.cumsum(weight[::-1])[::-1] / weight.sum()
    return float(hand.known.scores[np.argmax(beyond <= ALPHA)])


def blended(hand: Hand, own: Floats) -> float:
    """Own digits beside 100 of the known, by their quantiles: the blend that was tried before."""
    others = np.quantile(hand.known.scores, (np.arange(100) + 0.5) / 100)
    return Calibration.fit(np.concatenate([own, others])).threshold(ALPHA)


def everything(hand: Hand, own: Floats) -> float:  # noqa: ARG001 - it knows all of them
    """An oracle that knows shift and scale of that hand."""
    z = places(hand, hand.scores)
    return moved(hand, float(z.mean()), float(z.std()))


def own_kind(hand: Hand, own: Floats) -> float:
    """An oracle that knows how far people of that kind are shifted and scaled, but not whose digits these are."""
    centre, spread = ((0.15, 0.29), (0.11, 0.055)) if hand.kind == USPS else ((0.0, 0.09), (0.0, 0.04))
    shift, scale = np.linspace(-1.5, 2, 71), np.exp(np.linspace(-0.3, 0.4, 15))
    z = places(hand, own)[:, None, None]
    logs = -(((shift[:, None] - centre[0]) / centre[1]) ** 2) / 2 - ((np.log(scale) - spread[0]) / spread[1]) ** 2 / 2
    logs = logs - OWN * np.log(scale) - (((z - shift[:, None]) / scale) ** 2).sum(axis=0) / 2
    weight = np.exp(logs - logs.max())
    at = np.linspace(0, 5, 251)
    beyond = (weight[..., None] * ndtr((shift[:, None, None] - at) / scale[:, None])).sum(axis=(0, 1)) / weight.sum()
    return moved(hand, float(np.interp(-ALPHA, -beyond, at)), 0.0)


WAYS: dict[str, Way] = {
    "none: the detector as it was": lambda hand, own: hand.known.threshold(ALPHA),  # noqa: ARG005
    "plain conformal, as before": lambda hand, own: Calibration.fit(own).threshold(ALPHA),  # noqa: ARG005
    "own and known together": blended,
    "shift and scale by moments": fitted,
    "weighted conformal": weighted,
    "as it ships: shift and scale, with a prior": lambda hand, own: few_digits.adapted(
        Calibration.fit(own), hand.known
    ).threshold(ALPHA),
    "limit: the prior of that kind of people known": own_kind,
    "limit: shift and scale known": everything,
}


if __name__ == "__main__":
    typer.run(main)
