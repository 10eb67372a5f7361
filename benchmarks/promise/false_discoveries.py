"""What a false discovery rate keeps and finds, against the share of anomalies in the pile.

    python -m benchmarks.promise.false_discoveries [--pile 10000] [--draws 200] [--write]

Piles are drawn with replacement from each model's own evaluation scores (test images that took no part in making it),
so no image is scored here. Four tables a model: measured against strangers, as it ships, where what further people may
differ by (``Calibration.caution``, of the training file) lowers the rate; without that; against its calibration set
alone, whose writers are not the test set's; and with calibration set and pile parted anew from all normal digits in
every draw, which is what exchangeable means. Each gives the realised share of normal digits among the flagged, and the
share of anomalies found, beside plain alpha.
"""

from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.harness import Sections, look, percent, run
from benchmarks.results import table
from core.calibration.conformal import Calibration
from core.calibration.discoveries import discoveries, discoveries_needed
from core.detector import Detector

MODELS = ("mnist-5", "mnist-any")
SHARES = (0.0, 0.001, 0.004, 0.01, 0.03, 0.1, 0.3)
RATES = (0.05, 0.1, 0.2)
ALPHA = 0.05
MOST_OVER = 0.02  # by which test writers may exceed a rate of .1 or .2, in piles with 0.4 to 30 % anomalies


def main(
    pile: Annotated[int, typer.Option(help="Images in a pile.")] = 10_000,
    draws: Annotated[int, typer.Option(help="Of each share.")] = 200,
) -> Sections:
    """Draw piles for every model and share, and average what the two rules do."""
    look()
    parts: list[str] = []
    for name in MODELS:
        detector = Detector.load(name)
        evaluation, strangers = detector.evaluation_, detector.calibrations_["fused"]
        assert evaluation is not None
        normal, odd = evaluation.scores["fused"][~evaluation.anomaly], evaluation.scores["fused"][evaluation.anomaly]
        n, caution = strangers.n, strangers.caution
        needed = ", ".join(f"{discoveries_needed(n, pile, rate / caution)} for {rate:g}" for rate in RATES)
        parts.append(
            f"**{name}**, n = {n:,}, caution {caution:.3f}, piles of {pile:,}; must stand at the floor with caution: "
            f"{needed}."
        )
        alone = (strangers.exchangeable or strangers).scores
        for title, scores, careful, parted in (
            ("As it ships, test writers measured against strangers, with caution", strangers.scores, caution, False),
            ("Test writers measured against strangers, without caution", strangers.scores, 1.0, False),
            ("Test writers against the calibration set alone, as before", alone, 1.0, False),
            ("Calibration set and pile parted anew in every draw, exchangeable", alone, 1.0, True),
        ):
            rows, worst = [], 0.0
            for share in SHARES:
                rng = np.random.default_rng(0)
                piles = [draw(scores, normal, odd, pile, share, parted, rng) for _ in range(draws)]
                discovered = {rate: [(discoveries(p, rate, careful), truth) for p, truth in piles] for rate in RATES}
                if share >= 0.004:
                    worst = max(worst, *(false_share(discovered[rate]) - rate for rate in RATES[1:]))
                plain = say([(p_values <= ALPHA, truth) for p_values, truth in piles])
                rows.append([f"{100 * share:g} %", *(say(discovered[rate]) for rate in RATES), plain])
            kept = "kept" if worst <= MOST_OVER else "not kept"
            parts += [
                f"{title}: normal digits among the flagged / anomalies found.",
                f"At most {MOST_OVER:g} above 0.1 and 0.2 from 0.4 % on: {kept}, the worst {worst:+.3f}.",
                table(["anomalies", *(f"q = {rate:g}" for rate in RATES), f"alpha = {ALPHA:g}"], rows),
            ]
    yield "False discoveries", *parts


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
    return Calibration(np.sort(calibration)).p_values(scores), truth


def false_share(draws: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> float:
    """Mean share of normal digits among the flagged, 0 where none is."""
    return float(np.mean([(~truth[flagged]).mean() if flagged.any() else 0.0 for flagged, truth in draws]))


def say(draws: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> str:
    """Mean share of normal digits among the flagged (0 where none is), and mean share of anomalies flagged."""
    caught = [float(flagged[truth].mean()) for flagged, truth in draws if truth.any()]
    return f"{percent(false_share(draws))} / {percent(float(np.mean(caught))) if caught else '-'}"


if __name__ == "__main__":
    run(main)
