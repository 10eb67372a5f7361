"""Is the promised false-alarm rate kept? Four proofs and a choice, as markdown.

    python -m benchmarks.promise.calibration [exchangeable] [writers] [other-ink] [original] [--write]
    python -m benchmarks.promise.calibration --local-levels      the table in core/calibration/conformal.py

Without names all four run; they need the ten models of one digit, MNIST's test file and, for other-ink, usps_test.npz.
"""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.stats import binomtest, gamma

from benchmarks.common import ALL_DIGITS, Digits, Write, begin, yes
from benchmarks.promise import local_levels
from benchmarks.results import table
from core import datasets
from core.calibration.conformal import Calibration
from core.detector import Detector
from core.views import fixed_threshold

ALPHAS = (0.01, 0.05, 0.1)
SIZES = (30, 100, 1_100, 12_000)
USPS = "npz:usps_test.npz"
HALVINGS, USPS_ALPHA = 200, 0.1
REPETITIONS = 1_000
Detectors = dict[str, Detector]


def main(
    proofs: Annotated[list[str] | None, typer.Argument(help="exchangeable, writers, other-ink, original.")] = None,
    model_pattern: Annotated[str, typer.Option(help="Names of the models, {} for the digit.")] = "mnist-{}",
    digits: Digits = ALL_DIGITS,
    draws: Annotated[int, typer.Option(min=10, help="Simulated calibration sets of each size.")] = 2_000,
    levels: Annotated[bool, typer.Option("--local-levels", help="Compute LOCAL_LEVELS in core/calibration.")] = False,
    write: Write = False,
) -> None:
    """Measure and print markdown tables."""
    report = begin(write)
    if levels:
        sys.stdout.write(report_levels(10 * draws))
        return
    parts: dict[str, Callable[[Detectors], str]] = {
        "exchangeable": lambda rates: exchangeable(rates, draws),
        "writers": other_writers,
        "other-ink": other_ink,
        "original": original_experiment,
    }
    for name in proofs or []:
        if name not in parts:
            raise typer.BadParameter(f"{name!r} is no proof: choose from {', '.join(parts)}.")
    detectors = {digit: Detector.load(model_pattern.format(digit)) for digit in digits.split(",")}
    for name in proofs or parts:
        report.publish(f"Calibration, {name.replace('-', ' ')}", parts[name](detectors))


def exchangeable(detectors: Detectors, draws: int) -> str:
    """Calibration sets drawn from a known distribution and from MNIST scores: mean rates, how often the band holds."""
    pool = np.sort(np.concatenate([normal_scores(detector) for detector in detectors.values()]))
    known = gamma(2.0)
    populations: dict[str, tuple[Callable[..., NDArray[np.float64]], Callable[..., NDArray[np.float64]]]] = {
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
            row: list[object] = [name, f"{n:,}", f"{repeats:,}"]
            for mean, alpha in zip(rates, ALPHAS, strict=True):
                row.append(f"{mean:.4f} ({np.floor(alpha * (n + 1) + 1e-9) / (n + 1):.4f})")
            rows.append([*row, f"{100 * held:.1f} %"])
    columns = ["scores", "n", "draws", *(f"rate at {alpha:g} (theory)" for alpha in ALPHAS), "band holds"]
    return table(columns, rows)


def simulate(
    sample: Callable[..., NDArray[np.float64]], rate_above: Callable[..., NDArray[np.float64]], n: int, draws: int
) -> tuple[NDArray[np.float64], float]:
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


def other_writers(detectors: Detectors) -> str:
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
            flags = [measure.flags(normal, alpha) for alpha in ALPHAS]
            rates[when].append([part.mean() for part in flags])
            rates[f"caught {when}"].append([measure.flags(odd, alpha).mean() for alpha in ALPHAS])
            counts.append([int(part.sum()) for part in flags])
        thresholds = [calibration.threshold(alpha) for alpha in ALPHAS]
        rates["seen"].append(calibration.exchangeable.alpha(thresholds))
        likely = calibration.between(thresholds[1])
        assert likely is not None
        low, high = likely[0]
        cells = [
            f"{before / normal.size:.4f}, {interval(after, normal.size)}" for before, after in zip(*counts, strict=True)
        ]
        rows.append([digit, f"{calibration.n:,}", f"{normal.size:,}", *cells, f"{low:.4f} to {high:.4f}"])
    columns = [
        "digit",
        "strangers",
        "test digits",
        *(f"at {alpha:g}: before, after" for alpha in ALPHAS),
        "likely at 0.05",
    ]
    mean = {name: np.mean(values, axis=0) for name, values in rates.items()}
    return f"{table(columns, rows)}\n{musts(mean)}"


def musts(mean: dict[str, NDArray[np.float64]]) -> str:
    """Means over the ten digits beside what they must be."""
    rows: list[list[object]] = []
    for i, (alpha, within) in enumerate(zip(ALPHAS, (0.002, 0.003, 0.005), strict=True)):
        before, after = float(mean["before"][i]), float(mean["after"][i])
        kept = abs(after - alpha) <= within
        rows.append([f"test writers flagged at {alpha:g}", before, after, f"within {within:g}", yes(kept)])
        seen = float(mean["seen"][i])
        rows.append(
            [f"exchangeable digits flagged at {alpha:g}", alpha, seen, "at most .002 above", yes(seen <= alpha + 0.002)]
        )
    caught = float(mean["caught after"][1])
    rows.append(
        ["other digits caught at 0.05", float(mean["caught before"][1]), caught, "at least .990", yes(caught >= 0.99)]
    )
    return table(["mean of the digits", "calibration set alone", "strangers", "must", "kept"], rows)


def other_ink(detectors: Detectors) -> str:
    """USPS: half of each digit's images calibrates, the other half is measured; before and after, 200 halvings."""
    usps = datasets.load(USPS, "all")
    rows, before_all, after_all, theory_all = [], [], [], []
    for digit, detector in detectors.items():
        scores = detector.inspect(usps.of(digit)).scores["fused"]
        half = scores.size // 2
        before, after = [], []
        for seed in range(HALVINGS):
            order = np.random.default_rng(seed).permutation(scores.size)
            one, other = scores[order[:half]], scores[order[half:]]
            before.append(detector.calibrations_["fused"].flags(other, USPS_ALPHA).mean())
            after.append(Calibration(np.sort(one)).flags(other, USPS_ALPHA).mean())
        theory = np.floor(USPS_ALPHA * (half + 1) + 1e-9) / (half + 1)
        rows.append([digit, half, float(np.mean(before)), float(np.mean(after)), float(theory)])
        before_all.append(np.mean(before))
        after_all.append(np.mean(after))
        theory_all.append(theory)
    rows.append(["mean", "", *(float(np.mean(part)) for part in (before_all, after_all, theory_all))])
    columns = ["digit", "calibrated on", "flagged before", "flagged after", "theory"]
    worst = max(abs(a - t) for a, t in zip(after_all, theory_all, strict=True))
    text = f"Alpha {USPS_ALPHA:g}, {HALVINGS} random halvings. Largest distance from theory of one digit: {worst:.4f}."
    return f"{table(columns, rows)}\n{text}\n"


def original_experiment(detectors: Detectors) -> str:
    """50 normal digits and 54 others, 1,000 draws from the test file: at 0.05, and at the original's thresholds."""
    test = datasets.load("mnist", "test")
    rows = []
    for digit, detector in detectors.items():
        readings = detector.inspect(test.images)
        errors = fixed_threshold.mean_squared_error(readings)
        evaluation = detector.evaluate(test)
        thresholds = [
            ("fused, calibrated at 0.05", readings.scores["fused"], detector.calibrations_["fused"].threshold(0.05))
        ]
        thresholds += [(f"mean squared error over {t:.2f}", errors, t) for t in fixed_threshold.FIXED_THRESHOLDS]
        draws = [fixed_threshold.draw(evaluation, seed) for seed in range(REPETITIONS)]
        for name, scores, threshold in thresholds:
            counts = [fixed_threshold.count(scores[rows_], threshold) for rows_ in draws]
            caught, alarms = [c.caught for c in counts], [c.false_alarms for c in counts]
            both = np.mean([c.caught >= 53 and c.false_alarms <= 4 for c in counts])
            share = f"{100 * both:.0f} %"
            rows.append([digit, name, f"{np.median(caught):g}", f"{np.median(alarms):g}", share])
    columns = ["normal", "line", "median caught of 54", "median false alarms of 50", "draws with >= 53 and <= 4"]
    return table(columns, rows)


def report_levels(draws: int) -> str:
    """The table of ``core.calibration.conformal.LOCAL_LEVELS``."""
    columns = ["n", "computed", "in use", f"band in use holds, {draws:,} draws"]
    return table(columns, local_levels.rows(draws))


def normal_scores(detector: Detector) -> NDArray[np.float64]:
    """Fused scores of all normal digits the file knows: calibration set and evaluation."""
    calibration = detector.calibrations_["fused"]
    return np.concatenate([(calibration.exchangeable or calibration).scores, test_normals(detector)])


def test_normals(detector: Detector) -> NDArray[np.float64]:
    """Fused scores of the evaluation's normal digits."""
    evaluation = detector.evaluation_
    if evaluation is None or not evaluation.n_normal:
        raise typer.BadParameter(f"{detector.card_.name} was not evaluated on normal digits.")
    return evaluation.scores["fused"][~evaluation.anomaly]


def interval(count: int, total: int) -> str:
    """A share with its exact (Clopper-Pearson) 95 % interval."""
    low, high = binomtest(count, total).proportion_ci(method="exact")
    return f"{count / total:.4f} ({low:.4f} to {high:.4f})"


if __name__ == "__main__":
    typer.run(main)
