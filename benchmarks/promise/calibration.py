"""Is the promised false-alarm rate kept? Four proofs.

    python -m benchmarks.promise.calibration [exchangeable] [writers] [other-ink] [original] [--write]
    python -m benchmarks.promise.calibration --local-levels      the table in core/calibration/conformal.py

Without names all four run; they need the ten models of one digit, MNIST's test file and, for other-ink, usps_test.npz.
"""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.stats import binomtest, gamma

from benchmarks.harness import ALL_DIGITS, Digits, Sections, look, percent, run, yes
from benchmarks.promise import local_levels
from benchmarks.results import table
from core import datasets
from core.calibration.conformal import Calibration
from core.detector import Detector
from core.views import fixed_threshold

ALPHAS = (0.01, 0.05, 0.1)
WITHIN = (0.002, 0.003, 0.005)  # how far from each alpha the rate of test writers may lie
SIZES = (30, 100, 1_100, 12_000)
USPS = "npz:usps_test.npz"
HALVINGS, USPS_ALPHA = 200, 0.1
REPETITIONS = 1_000
Detectors = dict[str, Detector]
Sample = Callable[[np.random.Generator, int], NDArray[np.float64]]
Rate = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def main(
    proofs: Annotated[list[str] | None, typer.Argument(help="exchangeable, writers, other-ink, original.")] = None,
    digits: Digits = ALL_DIGITS,
    draws: Annotated[int, typer.Option(min=10, help="Simulated calibration sets of each size.")] = 2_000,
    levels: Annotated[bool, typer.Option("--local-levels", help="Compute LOCAL_LEVELS in core/calibration.")] = False,
) -> Sections:
    """Measure what the promise comes to."""
    if levels:
        yield "Local levels", local_levels.computed()
        return
    parts: dict[str, Callable[[Detectors], tuple[str, ...]]] = {
        "exchangeable": lambda detectors: exchangeable(detectors, draws),
        "writers": other_writers,
        "other-ink": other_ink,
        "original": original_experiment,
    }
    for name in proofs or []:
        if name not in parts:
            raise typer.BadParameter(f"{name!r} is no proof: choose from {', '.join(parts)}.")
    look()
    detectors = {digit: Detector.load(f"mnist-{digit}") for digit in digits.split(",")}
    for name in proofs or parts:
        yield f"Calibration, {name.replace('-', ' ')}", *parts[name](detectors)


def exchangeable(detectors: Detectors, draws: int) -> tuple[str]:
    """Calibration sets drawn from a known distribution and from MNIST scores: mean rates, how often the band holds."""
    pool = np.sort(np.concatenate([every_normal_score(detector) for detector in detectors.values()]))
    known = gamma(2.0)
    populations: dict[str, tuple[Sample, Rate]] = {
        "gamma(2)": (lambda rng, n: known.rvs(n, random_state=rng), known.sf),
        f"MNIST, {pool.size:,} pooled scores": (
            lambda rng, n: rng.choice(pool, n),
            lambda thresholds: 1 - np.asarray(np.searchsorted(pool, thresholds, side="right")) / pool.size,
        ),
    }
    rows = []
    for name, (sample, rate_above) in populations.items():
        for n in SIZES:
            # Small calibration sets vary more, and cost less.
            repeats = draws if n > 2_000 else 10 * draws
            rates, held = simulate(sample, rate_above, n, repeats)
            cells = [f"{mean:.4f} ({theory(alpha, n):.4f})" for mean, alpha in zip(rates, ALPHAS, strict=True)]
            rows.append([name, f"{n:,}", f"{repeats:,}", *cells, percent(held)])
    columns = ["scores", "n", "draws", *(f"rate at {alpha:g} (theory)" for alpha in ALPHAS), "band holds"]
    return (table(columns, rows),)


def theory(alpha: float, n: int) -> float:
    """The rate at which n exchangeable calibration scores flag."""
    return float(np.floor(alpha * (n + 1) + 1e-9) / (n + 1))


def simulate(sample: Sample, rate_above: Rate, n: int, draws: int) -> tuple[NDArray[np.float64], float]:
    """Mean true false-alarm rate at each alpha, and the share of sets whose band holds at all thresholds."""
    rng = np.random.default_rng(n)
    bound_of = Calibration(np.arange(n, dtype=float)).band(np.arange(n))  # by position of the threshold
    rates, held = np.zeros(len(ALPHAS)), 0
    for _ in range(draws):
        scores = np.sort(sample(rng, n))
        calibration = Calibration(scores)
        rates += rate_above(np.array([calibration.threshold(alpha) for alpha in ALPHAS]))
        last_equal = np.searchsorted(scores, scores, side="right") - 1
        held += bool((rate_above(scores) <= bound_of[last_equal] + 1e-12).all())
    return rates / draws, held / draws


def other_writers(detectors: Detectors) -> tuple[str, str]:
    """MNIST's test writers: rates by the calibration set alone, and by strangers of the training file."""
    rows: list[list[object]] = []
    rates: dict[str, list[Any]] = {name: [] for name in ("before", "after", "seen", "caught before", "caught after")}
    for digit, detector in detectors.items():
        evaluation, calibration = detector.evaluation_, detector.calibrations_["fused"]
        if evaluation is None or calibration.exchangeable is None:
            raise typer.BadParameter(f"{detector.card_.name} is not measured against strangers.")
        normal, odd = (evaluation.scores["fused"][evaluation.anomaly == wanted] for wanted in (False, True))
        counts = []
        for when, measure in (("before", calibration.exchangeable), ("after", calibration)):
            flags = np.stack([measure.flags(normal, alpha) for alpha in ALPHAS])
            rates[when].append(flags.mean(axis=1))
            rates[f"caught {when}"].append(measure.flags(odd, ALPHAS[1]).mean())
            counts.append(flags.sum(axis=1))
        thresholds = [calibration.threshold(alpha) for alpha in ALPHAS]
        rates["seen"].append(calibration.exchangeable.alpha(thresholds))
        likely = calibration.between(thresholds[1])
        assert likely is not None
        cells = [f"{one / normal.size:.4f}, {interval(two, normal.size)}" for one, two in zip(*counts, strict=True)]
        low, high = likely[0]
        rows.append([digit, f"{calibration.n:,}", f"{normal.size:,}", *cells, f"{low:.4f} to {high:.4f}"])
    mean = {name: np.mean(values, axis=0) for name, values in rates.items()}
    musts: list[list[object]] = []
    for i, (alpha, within) in enumerate(zip(ALPHAS, WITHIN, strict=True)):
        before, after, seen = (float(mean[name][i]) for name in ("before", "after", "seen"))
        kept = yes(abs(after - alpha) <= within)
        musts.append([f"test writers flagged at {alpha:g}", before, after, f"within {within:g}", kept])
        kept = yes(seen <= alpha + 0.002)
        musts.append([f"exchangeable digits flagged at {alpha:g}", alpha, seen, "at most .002 above", kept])
    caught = [float(mean[f"caught {when}"]) for when in ("before", "after")]
    musts.append(["other digits caught at 0.05", *caught, "at least .990", yes(caught[1] >= 0.99)])
    columns = ["digit", "strangers", "test digits", *(f"at {alpha:g}: before, after" for alpha in ALPHAS)]
    return (
        table([*columns, "likely at 0.05"], rows),
        table(["mean of the digits", "calibration set alone", "strangers", "must", "kept"], musts),
    )


def other_ink(detectors: Detectors) -> tuple[str, str]:
    """USPS: half of each digit's images calibrates, the other half is measured; before and after, 200 halvings."""
    usps = datasets.load(USPS, "all")
    rows: list[list[object]] = []
    for digit, detector in detectors.items():
        scores = detector.inspect(usps.of(digit)).scores["fused"]
        half = scores.size // 2
        flagged = []
        for seed in range(HALVINGS):
            order = np.random.default_rng(seed).permutation(scores.size)
            own, other = Calibration(np.sort(scores[order[:half]])), scores[order[half:]]
            flagged.append([one.flags(other, USPS_ALPHA).mean() for one in (detector.calibrations_["fused"], own)])
        rows.append([digit, half, *map(float, np.mean(flagged, axis=0)), theory(USPS_ALPHA, half)])
    figures = np.array([row[2:] for row in rows], float)
    rows.append(["mean", "", *map(float, figures.mean(axis=0))])
    worst = np.abs(figures[:, 1] - figures[:, 2]).max()
    text = f"Alpha {USPS_ALPHA:g}, {HALVINGS} random halvings. Largest distance from theory of one digit: {worst:.4f}."
    return table(["digit", "calibrated on", "flagged before", "flagged after", "theory"], rows), text


def original_experiment(detectors: Detectors) -> tuple[str]:
    """50 normal digits and 54 others, 1,000 draws from the test file: at 0.05, and at the original's thresholds."""
    test = datasets.load("mnist", "test")
    rows = []
    for digit, detector in detectors.items():
        readings, evaluation = detector.inspect(test.images), detector.evaluate(test)
        errors = fixed_threshold.mean_squared_error(readings)
        calibrated = detector.calibrations_["fused"].threshold(0.05)
        thresholds = [("fused, calibrated at 0.05", readings.scores["fused"], calibrated)]
        thresholds += [(f"mean squared error over {t:.2f}", errors, t) for t in fixed_threshold.FIXED_THRESHOLDS]
        draws = [fixed_threshold.draw(evaluation, seed) for seed in range(REPETITIONS)]
        for name, scores, threshold in thresholds:
            counts = [fixed_threshold.count(scores[drawn], threshold) for drawn in draws]
            caught, alarms = np.array([(count.caught, count.false_alarms) for count in counts]).T
            both = percent(((caught >= 53) & (alarms <= 4)).mean(), 0)
            rows.append([digit, name, f"{np.median(caught):g}", f"{np.median(alarms):g}", both])
    columns = ["normal", "line", "median caught of 54", "median false alarms of 50", "draws with >= 53 and <= 4"]
    return (table(columns, rows),)


def every_normal_score(detector: Detector) -> NDArray[np.float64]:
    """Fused scores of all normal digits the file knows: calibration set and evaluation."""
    calibration, evaluation = detector.calibrations_["fused"], detector.evaluation_
    if evaluation is None or not evaluation.n_normal:
        raise typer.BadParameter(f"{detector.card_.name} was not evaluated on normal digits.")
    tested = evaluation.scores["fused"][~evaluation.anomaly]
    return np.concatenate([(calibration.exchangeable or calibration).scores, tested])


def interval(count: int, total: int) -> str:
    """A share with its exact (Clopper-Pearson) 95 % interval."""
    low, high = binomtest(count, total).proportion_ci(method="exact")
    return f"{count / total:.4f} ({low:.4f} to {high:.4f})"


if __name__ == "__main__":
    run(main)
