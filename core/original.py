"""The experiment this project grew from, on today's scores: 50 normal digits, 54 others, and a line set by hand."""

from dataclasses import dataclass

import numpy as np

from core.errors import OddDigitError
from core.evaluation import Confusion, Evaluation
from core.operating import OperatingPoint

FIXED_LINES = (0.2, 0.08)
ON_EVIDENCE = "pixel"
NORMALS, ANOMALIES = 50, 54


@dataclass(frozen=True)
class Replay:
    """One repetition of the experiment.

    Attributes:
        original: what each of ``FIXED_LINES`` on the pixel error finds among the digits drawn.
        yours: what the operating point finds among the same digits.
    """

    original: tuple[Confusion, ...]
    yours: Confusion


def replay(evaluation: Evaluation, evidence: str, threshold: float, seed: int) -> Replay:
    """Draw 50 normal digits and 54 anomalies at random and count what the lines find.

    Args:
        evaluation: scores of digits never used.
        evidence: the operating point's evidence.
        threshold: the operating point's line.
        seed: of the draw.

    Raises:
        OddDigitError: the evaluation holds too few of either.
    """
    if evaluation.n_normal < NORMALS or evaluation.n_anomaly < ANOMALIES:
        raise OddDigitError(
            f"the experiment takes {NORMALS} normal digits and {ANOMALIES} others; this model was evaluated on "
            f"{evaluation.n_normal:,} and {evaluation.n_anomaly:,}."
        )
    rng = np.random.default_rng(seed)
    normal = rng.choice(np.flatnonzero(~evaluation.anomaly), NORMALS, replace=False)
    odd = rng.choice(np.flatnonzero(evaluation.anomaly), ANOMALIES, replace=False)

    def count(name: str, line: float) -> Confusion:
        false_alarms = int((evaluation.scores[name][normal] > line).sum())
        caught = int((evaluation.scores[name][odd] > line).sum())
        return Confusion(NORMALS - false_alarms, false_alarms, ANOMALIES - caught, caught)

    return Replay(tuple(count(ON_EVIDENCE, line) for line in FIXED_LINES), count(evidence, threshold))


def story(evaluation: Evaluation, point: OperatingPoint) -> str:
    """What went wrong, in two sentences, the second computed: where all errors of this model lie below such a line."""
    errors = evaluation.scores[ON_EVIDENCE]
    line = point.threshold if point.threshold in FIXED_LINES else FIXED_LINES[0]
    caught = evaluation.confusion(ON_EVIDENCE, line or FIXED_LINES[0]).caught
    return (
        "The method this app grew from drew its line on the pixel error by hand, where nobody could see it against the "
        "errors, and caught 0 of 54 anomalies: the line lay above every one of them. "
        f"Here the errors of {len(errors):,} digits reach {errors.max():.3f}, half of them lie below "
        f"{np.median(errors):.3f}, and a line at {line:.2f} catches {caught:,} of {evaluation.n_anomaly:,}."
    )
