"""What calibrating on few digits of one's own comes to, by several ways: how often the rate is near the promise.

    python -m benchmarks.promise.few_digits [--first-half] [--write]

Two kinds of people: postal digits (usps_test.npz), and stretches of writers of MNIST's training file, each scored by a
memory bank that does without their sixth of the file. Draws of 20 digits calibrate, the rest of the same hands is
measured. What was chosen, the prior in ``core.calibration.few_digits``, was chosen on the even digits and the first
half of the file, which ``--first-half`` prints with the moments that it is of; the table is of the odd digits and the
second half. A second table is of other numbers of digits: from 200 on the product is plain conformal itself.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor, cat

from benchmarks.harness import Sections, percent, run
from benchmarks.results import table
from core import datasets
from core.calibration import few_digits
from core.calibration.conformal import Calibration
from core.detector import Detector
from core.detector.inputs import chunks
from core.detector.strangers import FOLDS
from core.scoring import multi_digit
from core.scoring.evidences import describe
from core.scoring.two_sample import directions, rayleigh, typical

OWN, ALPHA, WITHIN = 20, 0.05, 0.03
NUMBERS, LEFT = (20, 50, 100, 150, few_digits.ENOUGH), 40  # own digits, and how many others a hand must have
USPS, MNIST = "postal digits", "MNIST's stretches"
PLAIN, SHIPPED = "plain conformal, as before", "as it ships: shift and scale, two kinds of people"
Floats = NDArray[np.float64]
Rates = dict[tuple[str, str], list[float]]


class Hand(NamedTuple):
    """People of one kind: scores ``(n,)``, others' that a detector knows, which way from them they lie ``(n, c)``."""

    kind: str
    scores: Floats
    known: Calibration
    directions: Tensor


class Own(NamedTuple):
    """The digits that calibrate: their scores ``(n,)``, and the odds that they are by strangers."""

    scores: Floats
    odds: float


Way = Callable[[Hand, Own], float]


def main(
    draws: Annotated[int, typer.Option(min=24, help="Of each digit and kind.")] = 240,
    first_half: Annotated[bool, typer.Option("--first-half", help="The half on which the prior was chosen.")] = False,
) -> Sections:
    """Draw, calibrate, and see how near the rates are to the promise."""
    every = list(hands(first_half))
    rates = drawn(every, OWN, WAYS, draws)
    rows = [[name, *(cell for kind in (USPS, MNIST) for cell in said(rates[name, kind]))] for name in WAYS]
    columns = ["way", *(f"{kind}: {what}" for kind in (USPS, MNIST) for what in ("kept", "mean rate"))]
    shipped = min(float(near(rates[SHIPPED, kind]).mean()) for kind in (USPS, MNIST))
    verdict = "kept" if shipped >= 0.9 else f"not kept, {percent(shipped)}"
    text = f"Rates at {ALPHA:g} from {OWN} digits. Kept: within {WITHIN:g} of it; must in 90 % of draws: {verdict}."
    if first_half:
        yield "Few digits, first half", text, table(columns, rows), moments(every)
        return
    yield "Few digits", text, table(columns, rows)
    ways = {name: WAYS[name] for name in (PLAIN, SHIPPED)}
    rows = []
    for n in NUMBERS:
        rates = drawn(every, n, ways, draws)
        rows.append([str(n), *(said(rates[way, kind])[0] for kind in (USPS, MNIST) for way in ways)])
    short = ("plain conformal", "as it ships")
    columns = ["own digits", *(f"{kind}: {way}" for kind in (USPS, MNIST) for way in short)]
    text = f"Draws kept, by how many digits calibrate, of hands with at least {LEFT} more to measure."
    yield "Few digits, by their number", text, table(columns, rows)


def drawn(every: list[Hand], n: int, ways: Mapping[str, Way], draws: int) -> Rates:
    """Rates at which the rest of each hand is flagged, by way and kind."""
    rates: Rates = {}
    rng = np.random.default_rng(n)
    for hand in every:
        if hand.scores.size < n + LEFT:
            continue
        for _ in range(draws if hand.kind == USPS else draws // 24):
            order = rng.permutation(hand.scores.size)
            odds = few_digits.odds_of_strangers(rayleigh(hand.directions[order[:n]]), n)
            own, rest = Own(hand.scores[order[:n]], odds), hand.scores[order[n:]]
            for name, way in ways.items():
                rates.setdefault((name, hand.kind), []).append(float((rest > way(hand, own)).mean()))
    return rates


def hands(first_half: bool) -> Iterator[Hand]:
    """All people of one half."""
    usps, training = datasets.load("npz:usps_test.npz", "all"), datasets.load("mnist", "train")
    assert training.stretches is not None
    for digit in "0123456789":
        detector = Detector.load(f"mnist-{digit}")
        scorer, known = detector.scorers_[digit], detector.calibrations_["fused"]
        assert known.stretches is not None
        if (int(digit) % 2 == 0) == first_half:
            its = usps.of(digit)
            lying = directions(scorer.bank, described(its), typical(scorer))
            yield Hand(USPS, detector.scores(its).scores["fused"], known, lying)
        rows = np.flatnonzero(training.labels == training.label_names.index(digit))
        remembered = datasets.split(len(rows), detector.card_.split_seed).train
        stretch = training.stretches[rows]
        count = int(stretch.max()) + 1
        for fold in range(0 if first_half else FOLDS // 2, FOLDS // 2 if first_half else FOLDS):
            left_out = (stretch * FOLDS // count == fold)[remembered]
            reduced, remaining = scorer.without(left_out), typical(scorer, ~left_out)
            for own in np.unique(stretch[stretch * FOLDS // count == fold]):
                its = training.images[rows[stretch == own]]
                scored = [
                    multi_digit.score({digit: reduced}, detector.state_.standards, chunk, draw=False).scores["fused"]
                    for chunk in chunks(its)
                ]
                others = Calibration.fit(known.scores[known.stretches != own])
                lying = directions(scorer.bank, described(its), remaining)
                yield Hand(MNIST, np.concatenate(scored), others, lying)


def described(images: NDArray[np.float32]) -> Tensor:
    """What memory banks know images by."""
    return cat([describe(chunk) for chunk in chunks(images)])


def moments(every: list[Hand]) -> str:
    """What the prior is of: how hands of each kind are shifted and scaled, with what so few digits vary by chance."""
    rows: list[list[object]] = []
    for kind in (USPS, MNIST):
        placed = [places(hand, hand.scores) for hand in every if hand.kind == kind]
        shifts = [z.mean() for z in placed]
        scales = [np.log((np.quantile(z, 1 - ALPHA) - z.mean()) / -ndtri(ALPHA)) for z in placed]
        statistics = [rayleigh(hand.directions) for hand in every if hand.kind == kind]
        aside = [(s - 1) / len(z) for s, z in zip(statistics, placed, strict=True)]
        chance = np.mean([1 / np.sqrt(z.size) for z in placed])
        spread = [f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" for values in (shifts, scales)]
        rows.append([kind, len(placed), *spread, f"{chance:.3f}", f"{np.mean(aside):.4f}"])
    return table(["people", "hands", "shift", "log scale, to 95 %", "of the shift by chance", "aside, a digit"], rows)


def near(rates: list[float]) -> NDArray[np.bool_]:
    """Which rates are within what must be."""
    return np.abs(np.array(rates) - ALPHA) <= WITHIN + 1e-9


def said(rates: list[float]) -> tuple[str, float]:
    """Share of draws that keep the promise, and the mean rate."""
    return percent(near(rates).mean()), float(np.mean(rates))


def places(hand: Hand, scores: Floats) -> Floats:
    """Scores on the axis on which the known ones are a standard normal."""
    return few_digits.Axis(hand.known).of(scores)


def moved(hand: Hand, shift: float, scale: float) -> float:
    """The threshold of a hand that is shifted and scaled so."""
    return float(few_digits.Axis(hand.known).back(np.array([shift - scale * ndtri(ALPHA)]))[0])


def fitted(hand: Hand, own: Own) -> float:
    """A shift and scale by moments."""
    z = places(hand, own.scores)
    return moved(hand, float(z.mean()), float(z.std(ddof=1)))


def weighted(hand: Hand, own: Own) -> float:
    """Weighted conformal (Tibshirani, Barber, Candes, Ramdas 2019), by the likelihood ratio of the fitted normal."""
    z, known = places(hand, own.scores), places(hand, hand.known.scores)
    shift, scale = z.mean(), z.std(ddof=1)
    weight = np.exp(np.clip((known**2 - ((known - shift) / scale) ** 2) / 2, -50, 8))
    beyond = np.cumsum(weight[::-1])[::-1] / weight.sum()
    return float(hand.known.scores[np.argmax(beyond <= ALPHA)])


def blended(hand: Hand, own: Own) -> float:
    """Own digits beside 100 of the known, by their quantiles: the blend that was tried before."""
    others = np.quantile(hand.known.scores, (np.arange(100) + 0.5) / 100)
    return Calibration.fit(np.concatenate([own.scores, others])).threshold(ALPHA)


def everything(hand: Hand, own: Own) -> float:  # noqa: ARG001 - it knows all of them
    """An oracle that knows shift and scale of that hand."""
    z = places(hand, hand.scores)
    return moved(hand, float(z.mean()), float(z.std()))


def by_prior(hand: Hand, own: Own, odds: float) -> float:
    """The product's way, whatever tells the two kinds of people apart."""
    return few_digits.adapted(Calibration.fit(own.scores), hand.known, odds).threshold(ALPHA)


WAYS: dict[str, Way] = {
    "none: the detector as it was": lambda hand, own: hand.known.threshold(ALPHA),  # noqa: ARG005
    PLAIN: lambda hand, own: Calibration.fit(own.scores).threshold(ALPHA),  # noqa: ARG005
    "own and known together": blended,
    "shift and scale by moments": fitted,
    "weighted conformal": weighted,
    "two kinds of people, told by scores alone": lambda hand, own: by_prior(hand, own, 0.0),
    SHIPPED: lambda hand, own: by_prior(hand, own, own.odds),
    "limit: the kind of people known": lambda hand, own: by_prior(hand, own, 99.0 if hand.kind == USPS else -99.0),
    "limit: shift and scale known": everything,
}


if __name__ == "__main__":
    run(main)
