"""What is weak about a model that was trained: said in words, with what helps, before anyone relies on it."""

from core.detector.state import Measured
from core.words import say_share

ALPHA = 0.05
FEW_TRAINED, FEW_CALIBRATED = 400, 100  # images of one digit; with fewer it learns, and promises, little
MUCH_FLAGGED = 1 / 3  # of what a generator draws; shipped ones stay below
LITTLE_CAUGHT = 0.8


def weaknesses(measured: Measured) -> tuple[str, ...]:
    """One sentence a weakness, and what helps at the end; empty for a model that is as good as its numbers can tell."""
    card, evaluation = measured.card, measured.evaluation
    calibration = measured.calibrations["fused"]
    said = []
    few = {label: counts[0] for label, counts in card.counts.items() if 0 < counts[0] < FEW_TRAINED}
    if few:
        label = min(few, key=lambda name: few[name])
        rest = sum(card.counts[label][1:])
        beside = f"; {rest:,} more tuned and calibrated it" if rest else ""
        said.append(f"It learnt {label} from {few[label]:,} images only{beside}.")
    if card.fresh_flagged is not None and card.fresh_flagged > MUCH_FLAGGED:
        share = say_share(card.fresh_flagged)
        said.append(f"It would flag {share} of the digits it draws itself: it cannot draw them yet.")
    if evaluation is not None and evaluation.n_normal:
        rates = evaluation.confusion("fused", calibration.threshold(ALPHA))
        # What other people write says nothing of a promise to the hand it was calibrated on.
        if rates.false_alarm_rate > calibration.bound(ALPHA) > 0 and not card.recalibrated:
            said.append(
                f"It flags {say_share(rates.false_alarm_rate)} of normal digits it never saw, where {say_share(ALPHA)} "
                "were promised: those it was calibrated on are too few, or by other hands."
            )
        if evaluation.n_anomaly and rates.detection_rate < LITTLE_CAUGHT:
            said.append(f"It catches {say_share(rates.detection_rate)} of anomalies only.")
    if calibration.n < FEW_CALIBRATED:
        at_most = calibration.bound(ALPHA)
        promise = f"may flag up to {say_share(at_most)} of normal digits" if at_most else "flags nothing"
        said.append(f"It is calibrated on {calibration.n:,} digits: its line at {say_share(ALPHA)} {promise}.")
    return (*said, _remedy(measured)) if said else ()


def _remedy(measured: Measured) -> str:
    if any(0 < counts[0] < FEW_TRAINED for counts in measured.card.counts.values()):
        return f"What helps: more images, {FEW_TRAINED:,} a digit or better a few thousand."
    return "What helps: train it longer, or give it more images of normal digits."
