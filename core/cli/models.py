"""``models``, ``evaluate``, ``calibrate``: what models there are, how good one is, and one for other people's ink."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core import arguments
from core.cli.options import DatasetOption, ModelOption
from core.cli.output import Format, ending, examples, fetch, print_evaluation, print_models, say, usage
from core.errors import DatasetError, OddDigitError
from core.operating_point import EVIDENCES

if TYPE_CHECKING:
    from core.detector import Detector

MODELS_EXAMPLES = examples("models", "models --format json | jq -r .model")
EVALUATE_EXAMPLES = examples("evaluate --model mnist-5", "evaluate --model my-5 --dataset folder:scans/ --format json")
CALIBRATE_EXAMPLES = examples("calibrate --model mnist-5 --images my_fives/ --name my-ink")
FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]


def models(output: FormatOption = Format.table) -> None:
    """List the models there are."""
    with ending():
        print_models(records(), output)


def evaluate(
    model: ModelOption,
    dataset: DatasetOption = "mnist",
    output: FormatOption = Format.table,
) -> None:
    """Measure a model on the test part of a data set."""
    with ending():
        fetch(dataset)  # before torch, which a set that cannot be had does not wait for
        from core import datasets
        from core.datasets import own
        from core.detector import Detector

        part = datasets.load(dataset, "test")
        if not len(part) or part.label_names == (own.UNLABELLED,):
            raise DatasetError(f"{dataset}: no digit in it has a label, and without them nothing can be measured.")
        detector = Detector.load(model)
        evaluation = detector.evaluate(part)
        print_evaluation(summary(Detector.of(replace(detector.state_, evaluation=evaluation))), output)


def _folder(given: Path) -> Path:
    with usage():
        path = arguments.path("--images", given)
    if not path.is_dir():
        raise typer.BadParameter(f"there is no folder {path}: give one that holds pictures of normal digits.")
    return path


def calibrate(
    model: ModelOption,
    images: Annotated[Path, typer.Option(callback=_folder, help="Folder of pictures, sub-folders named after digits.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the new model.")],
) -> None:
    """Calibrate a model on other people's ink.

    A new model comes of it, whose promise holds for normal digits as those in the pictures.
    """
    with ending():
        from core.detector import registry

        normal = registry.card(model, "").normal
        place = registry.place_for(name, "")
        from core.datasets.pictures import collect

        given = collect(images, normal)  # before torch, which a folder without pictures does not wait for
        from core.calibration import own_ink
        from core.detector import Detector
        from core.detector.assemble import strangeness

        detector = Detector.load(model)
        scores, known = detector.inspect(given.images).scores["fused"], detector.calibrations_["fused"]
        odds = strangeness(detector.state_, given.images, given.labels)
        seen = own_ink.review(given.names, given.images, scores, known, normal, given.refused, odds)
        if seen.promise:
            say.print(seen.promise)
        for concern in seen.concerns:
            say.print(concern, style="yellow")
        whose = f"the writers of the pictures in {images.resolve().name}"
        made = detector.calibrated(given.images, given.labels, name, whose)
        made.save(place)
        say.print(f"Calibrated on {len(given.images)} images: {place}. {model} is as it was.")


def records() -> list[dict[str, Any]]:
    """What there is to know of each model, or why it cannot be used; reads no tensor."""
    from core.detector import registry

    rows: list[dict[str, Any]] = []
    for model in registry.models(""):
        try:
            card = registry.card(model.name, "")
        except OddDigitError as error:
            rows.append({"model": model.name, "error": str(error)})
            continue
        rows.append(
            {
                "model": model.name,
                "normal": list(card.normal),
                "dataset": card.dataset,
                "calibrated_on": card.calibrated_on,
                "made": card.created,
                "shipped": model.shipped,
                "path": str(model.path),
                "weaknesses": [] if model.shipped else list(_weaknesses(model.path)),
            }
        )
    return rows


def _weaknesses(path: Path) -> tuple[str, ...]:
    from core.detector.file import read_measured  # with torch, which a list of shipped models does not wait for
    from core.views.weakness import weaknesses

    try:
        return weaknesses(read_measured(path))
    except OddDigitError as error:
        return (str(error),)


def summary(detector: "Detector") -> dict[str, Any]:
    """A detector's evaluation: AUROC by evidence, and both rates of ``fused`` at three alphas."""
    evaluation = detector.evaluation_
    assert evaluation is not None, "both callers have just evaluated it"
    at_alpha = {}
    for alpha in (0.01, 0.05, 0.1):
        counts = evaluation.confusion("fused", detector.calibrations_["fused"].threshold(alpha))
        at_alpha[f"{alpha:g}"] = {
            "false_alarm_rate": counts.false_alarm_rate if evaluation.n_normal else None,
            "detection_rate": counts.detection_rate if evaluation.n_anomaly else None,
        }
    return {
        "model": detector.card_.name,
        "normal": list(detector.card_.normal),
        "n_normal": evaluation.n_normal,
        "n_anomaly": evaluation.n_anomaly,
        "auroc": {evidence: evaluation.auroc(evidence) for evidence in EVIDENCES},
        "at_alpha": at_alpha,
    }
