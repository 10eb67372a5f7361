"""What a false discovery rate keeps and finds, against the share of anomalies in the pile.

    python -m benchmarks.promise.false_discoveries [--models mnist-5,mnist-any] [--pile 10000] [--draws 200] [--write]

Piles are drawn with replacement from each model's own evaluation scores (test images that took no part in making it),
so no image is scored here. Four tables a model: measured against strangers, as it ships, where what further people may
differ by (``Calibration.caution``, of the training file) lowers the rate; without that; against its calibration set
alone, whose writers are not the test set's; and with calibration set and pile parted anew from all normal digits in
every draw, which is what exchangeable means. Prints Markdown tables, which `--write` puts into benchmarks/results.md:
the realised share of normal digits among the flagged, and the share of anomalies found, beside plain alpha.
"""

from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.common import Write, begin
from benchmarks.results import table
from core.calibration.conformal import Calibration
from core.calibration.discoveries import discoveries, discoveries_needed
from core.detector import Detector

SHARES = (0.0, 0.001, 0.004, 0.01, 0.03, 0.1, 0.3)
RATES = (0.05, 0.1, 0.2)
ALPHA = 0.05
WAYS = (
    ("As it ships, test writers measured against strangers, with caution", True, False),
    ("Test writers measured against strangers, without caution", True, False),
    ("Test writers against the calibration set alone, as before", False, False),
    ("Calibration set and pile parted anew in every draw, exchangeable", False, True),
)
MOST_OVER = 0.02  # by which test writers may exceed a rate of .1 or .2, in piles with 0.4 to 30 % anomalies


def main(
    models: Annotated[str, typer.Option(help="Whose evaluations to draw from.")] = "mnist-5,mnist-any",
    pile: Annotated[int, typer.Option(help="Images in a pile.")] = 10_000,
    draws: Annotated[int, typer.Option(help="Of each share.")] = 200,
    write: Write = False,
) -> None:
    """Draw piles for every model and share and average what the two rules do."""
    report = begin(write)
    parts = []
    for name in models.split(","):
        detector = Detector.load(name)
        evaluation = detector.evaluation_
        if evaluation is None or not evaluation.n_anomaly or not evaluation.n_normal:
            parts.append(f"{name}: its evaluation has no anomalies to draw from.\n")
            continue
        strangers = detector.calibrations_["fused"]
        alone = strangers.exchangeable or strangers
        normal, odd = evaluation.scores["fused"][~evaluation.anomaly], evaluation.scores["fused"][evaluation.anomaly]
        n = strangers.n
        rates = [f"{discoveries_needed(n, pile, rate / strangers.caution)} for {rate:g}" for rate in RATES]
        parts.append(
            f"**{name}**, n = {n:,}, caution {strangers.caution:.3f}, piles of {pile:,}; must stand at the "
            f"floor with caution: {', '.join(rates)}.\n"
        )
        for title, corrected, parted in WAYS:
            rows, worst = [], 0.0
            calibration = (strangers if corrected else alone).scores
            caution = strangers.caution if title.endswith("with caution") else 1.0
            for share in SHARES:
                rng = np.random.default_rng(0)
                piles = [draw(calibration, normal, odd, pile, share, parted, rng) for _ in range(draws)]
                discovered = {rate: [(discoveries(p, rate, caution), truth) for p, truth in piles] for rate in RATES}
                cells = [say(discovered[rate]) for rate in RATES]
                if share >= 0.004:
                    worst = max(worst, *(false_share(discovered[rate]) - rate for rate in RATES[1:]))
                cells.append(say([(p_values <= ALPHA, truth) for p_values, truth in piles]))
                rows.append([f"{100 * share:g} %", *cells])
            columns = ["anomalies", *(f"q = {rate:g}" for rate in RATES), f"alpha = {ALPHA:g}"]
            parts.append(f"{title}: normal digits among the flagged / anomalies found.\n")
            kept = "kept" if worst <= MOST_OVER else "not kept"
            parts.append(f"At most {MOST_OVER:g} above 0.1 and 0.2 from 0.4 % on: {kept}, the worst {worst:+.3f}.\n")
            parts.append(table(columns, rows))
    report.publish("False discoveries", "\n".join(parts))


def draw(
    calibration: NDArray[np.float64],
    normal: NDArray[np.float64],
    odd: NDArray[np.float64],
    size: int,
    share: float,
    parted: bool,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A pile: p-values ``(size,)`` and which of them are anomalies."""
    if parted:
        everyone = rng.permutation(np.concatenate([calibration, normal]))
        calibration, normal = everyone[: calibration.size], everyone[calibration.size :]
    truth = np.arange(size) < round(share * size)
    scores = np.where(truth, rng.choice(odd, size), rng.choice(normal, size))
    return p_values_of(calibration, scores), truth


def p_values_of(calibration: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Conformal p-values, as `Calibration` gives them but without fitting a tail in every draw."""
    return Calibration(np.sort(calibration)).p_values(scores)


def false_share(draws: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> float:
    """Mean share of normal digits among the flagged, 0 where none is."""
    return float(np.mean([(~truth[flagged]).mean() if flagged.any() else 0.0 for flagged, truth in draws]))


def say(draws: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> str:
    """Mean share of normal digits among the flagged (0 where none is), and mean share of anomalies flagged."""
    caught = [float(flagged[truth].mean()) for flagged, truth in draws if truth.any()]
    return f"{100 * false_share(draws):.1f} % / " + (f"{100 * float(np.mean(caught)):.1f} %" if caught else "-")


if __name__ == "__main__":
    typer.run(main)
