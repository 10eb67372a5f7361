"""Models side by side: what each is and what was measured of it, in rows that a table can show."""

from collections.abc import Mapping

from core.datasets import title
from core.detector.state import Measured
from core.operating_point import EVIDENCES
from core.views.threshold import sources
from core.words import say_share

ALPHAS = (0.01, 0.05, 0.1)


def summary(measured: Measured) -> dict[str, str]:
    """One model as a line of a list: what is normal, from which data, and how well it does.

    Args:
        measured: as ``detector_file.read_measured`` gives it.
    """
    card, evaluation = measured.card, measured.evaluation
    area = evaluation.auroc("fused") if evaluation is not None else None
    return {
        "normal": ", ".join(card.normal),
        "data": title(card.dataset),
        "AUROC": "–" if area is None else f"{area:.4f}",
        "false alarms at 5 %": _rates(measured, 0.05)[0],
        "made": card.created[:10],
    }


def facts(measured: Measured) -> dict[str, str]:
    """A model's card in full, line by line, in the order a person asks."""
    card, evaluation = measured.card, measured.evaluation
    trained, tuned, calibrated = (sum(counts[i] for counts in card.counts.values()) for i in range(3))
    epochs = max((len(next(iter(curves.values()), [])) for curves in card.curve.values()), default=0)
    planned = card.settings.get("epochs", epochs)
    rows = {
        "normal": ", ".join(card.normal),
        "data": title(card.dataset),
        "digits": f"{trained:,} trained on, {tuned:,} tuned on, {calibrated:,} calibrated on (split {card.split_seed})",
        "calibrated on": card.calibrated_on + (" (after training)" if card.recalibrated else ""),
        "architecture": str(card.settings.get("architecture", "unknown")),
        "epochs": f"{epochs}" if epochs == planned else f"{epochs} of {planned}, stopped by hand",
        "seed": str(card.settings.get("seed", "unknown")),
        "training time": f"{card.seconds:,.0f} s",
        "evaluated on": _evaluated_on(measured),
    }
    for e in reversed(EVIDENCES):
        area = evaluation.auroc(e) if evaluation is not None else None
        rows[f"AUROC, {e}"] = "no anomalies to tell apart" if area is None else f"{area:.4f}"
    for alpha in ALPHAS:
        flagged, caught = _rates(measured, alpha)
        rows |= {
            f"false alarms, promised {say_share(alpha)}": flagged,
            f"anomalies caught at {say_share(alpha)}": caught,
        }
    rows["made"] = f"{card.created[:16].replace('T', ' ')} UTC"
    rows["with"] = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    return rows


def _evaluated_on(measured: Measured) -> str:
    said = measured.card.evaluated_on
    if measured.evaluation is None or not measured.evaluation.n_normal:
        return said
    return "; ".join([sources(measured.evaluation), *said.split("; ")[1:]])


def table(models: Mapping[str, Measured]) -> dict[str, list[str]]:
    """Cards side by side: a column of what is told, then one a model."""
    columns = {name: facts(measured) for name, measured in models.items()}
    rows = list(next(iter(columns.values()))) if columns else []
    return {"card": rows, **{name: [values[row] for row in rows] for name, values in columns.items()}}


def _rates(measured: Measured, alpha: float) -> tuple[str, str]:
    """Shares of normal digits flagged, and of anomalies caught, where the evaluation holds any."""
    evaluation, whose = measured.evaluation, " of other people's" * measured.card.recalibrated
    if evaluation is None:
        return "not measured", "no anomalies"
    counts = evaluation.confusion("fused", measured.calibrations["fused"].threshold(alpha))
    flagged = f"{say_share(counts.false_alarm_rate)}{whose}" if evaluation.n_normal else "not measured"
    return flagged, say_share(counts.detection_rate) if evaluation.n_anomaly else "no anomalies"
