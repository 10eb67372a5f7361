"""How wrong labels are ranked: errors put into MNIST's labels, found again by one model of all digits.

    python -m benchmarks.detection.label_errors [--draws 20] [--write]

Into the test set's at random, any other digit or the one that the ink is most like. And into those of the training
file's oddest digits, one in a hundred of each kind, half of which get another label at random: there nothing is like a
digit. Each of them is scored by what the memory holds of the other five sixths of the file. The ranking is the one that
the Batch page uses.
"""

from dataclasses import replace
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from benchmarks.harness import Sections, look, percent, run
from benchmarks.results import table
from core import datasets
from core.batch.label_errors import LabelCheck
from core.detector import Detector, strangers

MODEL, ALPHA, SHARES = "mnist-any", 0.05, (0.01, 0.03)
UNMEASURED = (
    "Labels that MNIST's test file itself has wrong are not measured: no list of them that people confirmed is at hand."
)


def main(draws: Annotated[int, typer.Option(help="Of each share of wrong labels.")] = 20) -> Sections:
    """Score the test set once, then draw the errors again and again."""
    look()
    detector, test = Detector.load(MODEL), datasets.load("mnist", "test")
    p_values = np.stack(list(detector.inspect(test.images).digits.values()), axis=1)
    rows = [
        [f"{100 * share:g} %, {kind}", *averaged(p_values, test.labels, share, kind, draws)]
        for kind in ("random", "confusable")
        for share in SHARES
    ]
    rows.append(["half of the oddest", *averaged(*oddest(detector), 0.5, "random", draws)])
    columns = ["wrong labels", "average precision", "lowest draw", "marked probably mislabelled", "of those wrong"]
    title = f"{MODEL}, {len(test.labels):,} test images, {draws} draws each."
    yield "Label errors", title, table([*columns, "found"], rows), UNMEASURED


def averaged(
    p_values: NDArray[np.float64], labels: NDArray[np.int64], share: float, kind: str, draws: int
) -> list[object]:
    """Cells of a row of the table."""
    drawn = np.array([one_draw(p_values, labels, share, kind, seed) for seed in range(draws)])
    precision, marked, right, recall = map(float, drawn.mean(axis=0))
    return [precision, float(drawn[:, 0].min()), f"{marked:.0f}", percent(right), percent(recall)]


def oddest(detector: Detector) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """p-values as each digit and labels of the oddest hundredth of each kind, scored by those who never met them."""
    state, training = detector.state_, datasets.load("mnist", "train")
    stretches = training.stretches
    assert stretches is not None
    sixths = stretches * strangers.FOLDS // (stretches.max() + 1)
    parts, labels, scores = [], [], []
    for fold in range(strangers.FOLDS):
        scorers = {}
        for name, scorer in state.scorers.items():
            own = sixths[training.labels == training.label_names.index(name)]
            remembered = datasets.split(len(own), state.card.split_seed).train
            scorers[name] = scorer.without(own[remembered] == fold)
        readings = Detector.of(replace(state, scorers=scorers)).scores(training.images[sixths == fold])
        parts.append(np.stack(list(readings.digits.values()), axis=1))
        labels.append(training.labels[sixths == fold])
        scores.append(readings.scores["fused"])
    label, score = np.concatenate(labels), np.concatenate(scores)
    rows = [np.flatnonzero(label == digit) for digit in range(10)]
    chosen = np.concatenate([of[np.argsort(-score[of])[: len(of) // 100]] for of in rows])
    return np.concatenate(parts)[chosen], label[chosen]


def one_draw(
    p_values: NDArray[np.float64], labels: NDArray[np.int64], share: float, kind: str, seed: int
) -> tuple[float, float, float, float]:
    """Wrong labels drawn at random: (average precision, marked, share of those wrong, recall)."""
    rng = np.random.default_rng(seed)
    wrong = np.zeros(len(labels), bool)
    wrong[rng.choice(len(labels), round(share * len(labels)), replace=False)] = True
    other = (labels + rng.integers(1, 10, len(labels))) % 10
    if kind == "confusable":
        other = np.where(labels[:, None] == np.arange(10), -1, p_values).argmax(axis=1)
    check = LabelCheck(p_values, np.where(wrong, other, labels)[:, None] == np.arange(10), ALPHA)
    marked = check.mislabelled
    precision = float(average_precision_score(wrong, check.suspicion))
    return precision, float(marked.sum()), float(wrong[marked].mean()), float(marked[wrong].mean())


if __name__ == "__main__":
    run(main)
