"""Make the shipped models: ``mnist-0`` ... ``mnist-9`` from MNIST's training images, and ``mnist-any`` out of the ten.

    python -m scripts.ship --jobs 2

After a change of how images are read or scored, the same networks are weighed, calibrated and evaluated anew in a
quarter of an hour:

    python -m scripts.ship --rescore

After a change of how discriminators are trained, they alone are, in ten minutes; all other tensors and scores stay:

    python -m scripts.ship --discriminators

Goes on where it was interrupted. Every file is checked for its size and for holding nothing but weights, latents,
scores and the card.
"""

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from safetensors import safe_open

from benchmarks.detection import outliers
from benchmarks.harness import ALL_DIGITS, Digits, Sections, one_thread, say
from benchmarks.harness import run as run_benchmark
from benchmarks.results import table
from core import datasets, paths
from core.calibration.evaluation import Evaluation, concatenate
from core.detector import Detector, assemble, strangers
from core.detector import file as detector_file
from core.detector.state import DetectorState
from core.errors import ModelError
from core.gan.discriminator import alone
from core.gan.recipe import TrainingSettings
from core.operating_point import EVIDENCES
from core.scoring.scorer import Scorer
from core.training import run

LARGEST_DIGIT = 1_200_000  # bytes
LARGEST_ANY = 9_000_000
MOST_LATENTS = 32
_STORED = re.compile(
    r"scorer\.\d+\.(weights\..+|latents\w*|memory_latents\w*|prior\.\w+)|(digit\.\d+|calibration)\.\w+"
    r"|strangers\.\w+(\.stretch)?|evaluation\.\w+"
)


def main(
    digits: Digits = ALL_DIGITS,
    jobs: Annotated[int, typer.Option(min=1, help="Digits trained at once, one core each.")] = 1,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    output: Annotated[Path, typer.Option(help="Folder of the models.")] = paths.CHECKPOINTS,
    discriminators: Annotated[
        bool, typer.Option("--discriminators", help="Train the discriminators anew, keep all else.")
    ] = False,
    rescore: Annotated[bool, typer.Option("--rescore", help="Keep the networks, make all scores anew.")] = False,
    only_report: Annotated[bool, typer.Option("--report", help="Make nothing, report what is there.")] = False,
) -> Sections:
    """Train what is missing, join, check and print what was made."""
    chosen = tuple(sorted(dict.fromkeys(digits.split(","))))
    files = [output / f"mnist-{name}.safetensors" for name in (*chosen, "any")[: None if len(chosen) > 1 else 1]]
    own = dict(zip(chosen, files, strict=False))
    if discriminators:
        each(own.items(), judge_digit, jobs)
        if len(chosen) > 1:
            judge_joined(list(own.values()), files[-1])
    elif rescore:
        each(own.items(), rescore_digit, jobs)
    elif not only_report:
        waiting = ((digit, file, seed) for digit, file in own.items() if not finished(file, seed))
        each(waiting, make_digit, jobs)
    if len(chosen) > 1 and not discriminators and (rescore or not only_report):
        say("joining mnist-any")
        join([Detector.load(file) for file in own.values()], files[-1])
    yield "Shipped models", *report(files)
    problems = [problem for file in files for problem in faults(file)]
    if problems:
        say("\n".join(problems))
        raise typer.Exit(1)


def each(digits: Iterable[tuple[Any, ...]], work: Callable[..., str], jobs: int) -> None:
    """Do the work of each digit in so many fresh interpreters; a forked child would inherit torch's thread pool."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(work, *digit) for digit in digits]):
            say(done.result())


def rescore_digit(digit: str, file: Path) -> str:
    """Weigh, calibrate, evaluate and save the model of one digit again, by the split that made it."""
    one_thread()
    state = detector_file.load(file, outdated=True)
    training = datasets.load("mnist", "train")
    normals = training.of(digit)
    parts = datasets.split(len(normals), state.card.split_seed)
    scored = assemble.rescore(state, {digit: normals[parts.validation]}, {digit: normals[parts.calibrate]})
    detector = Detector.of(for_strangers(scored, training))
    run.finish(detector, file.stem, "mnist", [datasets.load("mnist", "test")]).save(file)
    return f"mnist-{digit} is scored anew"


def judge_digit(digit: str, file: Path) -> str:
    """Train the discriminator of one digit's model anew, and score by it what was scored by the last one."""
    one_thread()
    state = detector_file.load(file)
    own = datasets.load("mnist", "train").of(digit)
    scorer = state.scorers[digit]
    discriminator, losses = alone(own[datasets.split(len(own), state.card.split_seed).train], scorer.settings)
    curves = {digit: state.card.curve[digit] | {"discriminator": losses}}
    detector_file.save(with_discriminators(state, {digit: scorer.judged_by(discriminator)}, curves), file)
    return f"mnist-{digit} has its discriminator"


def judge_joined(files: list[Path], joined: Path) -> None:
    """Give the model of several digits the discriminators of its parts."""
    parts = [detector_file.load(file) for file in files]
    curves = {name: curve for part in parts for name, curve in part.card.curve.items()}
    scorers = {name: scorer for part in parts for name, scorer in part.scorers.items()}
    detector_file.save(with_discriminators(detector_file.load(joined), scorers, curves), joined)


def with_discriminators(
    state: DetectorState, scorers: dict[str, Scorer], curves: dict[str, dict[str, list[float]]]
) -> DetectorState:
    """The same detector with other discriminators: of all scores theirs alone are made anew."""
    pooled, _ = assemble.calibrations_of(scorers, state.standards, calibrate_images(state))
    calibrations = {**state.calibrations, "discriminator": pooled["discriminator"]}
    judged = replace(state, card=replace(state.card, curve=curves), scorers=scorers, calibrations=calibrations)
    assert state.evaluation is not None
    scores = {**state.evaluation.scores, "discriminator": evaluated(judged).scores["discriminator"]}
    return replace(judged, evaluation=replace(state.evaluation, scores=scores))


def calibrate_images(*states: DetectorState) -> dict[str, np.ndarray]:
    """Each digit's training images that nothing but calibration used, ``(n, 28, 28)``."""
    normals = {name: (state, datasets.load("mnist", "train").of(name)) for state in states for name in state.scorers}
    return {
        name: own[datasets.split(len(own), state.card.split_seed).calibrate] for name, (state, own) in normals.items()
    }


def evaluated(state: DetectorState) -> Evaluation:
    """On MNIST's test images and, where every digit is normal, on what is no digit."""
    detector, strange = Detector.of(state), outliers.SETS if len(state.scorers) > 1 else ()
    return concatenate(
        [detector.evaluate(datasets.load("mnist", "test")), *(part.evaluate(detector) for part in strange)]
    )


def for_strangers(state: DetectorState, training: datasets.Dataset) -> DetectorState:
    """The same detector with p-values corrected for how much the writers of the training file differ."""
    assert training.stretches is not None
    of = {name: training.labels == training.label_names.index(name) for name in state.scorers}
    images = {name: training.images[rows] for name, rows in of.items()}
    return strangers.corrected(state, images, {name: training.stretches[rows] for name, rows in of.items()})


def finished(file: Path, seed: int) -> bool:
    """Whether a model is there that this version of the code can read and the recipe made."""
    try:
        detector = Detector.load(file)
    except ModelError:
        return False
    return detector.card_.settings == asdict(TrainingSettings(seed=seed)) and detector.evaluation_ is not None


def make_digit(digit: str, file: Path, seed: int) -> str:
    """Train, calibrate, evaluate and save the model of one digit; resumes a killed run."""
    one_thread()
    work = paths.state_dir() / "ship" / file.stem
    images, labels, stretches = run.normal_images(datasets.load("mnist", "train"), (digit,))
    detector = Detector(seed=seed)
    for progress in detector.fit_steps(images, labels, work, stretches=stretches):
        if progress.epoch_ended:
            say(f"{file.stem}: epoch {progress.epoch} of {progress.epochs}, {progress.seconds:.0f} s")
    run.finish(detector, file.stem, "mnist", [datasets.load("mnist", "test")]).save(file)
    (work / "digit-0.safetensors").unlink(missing_ok=True)
    return f"{file.stem} is finished"


def join(parts: list[Detector], file: Path) -> None:
    """Make one model of several digits from models of one; its anomalies in evaluation are no digits at all."""
    training, states = datasets.load("mnist", "train"), [part.state_ for part in parts]
    joined = for_strangers(assemble.join(states, calibrate_images(*states)), training)
    detector = run.finish(Detector.of(joined), file.stem, "mnist", [datasets.load("mnist", "test")])
    assert detector.evaluation_ is not None
    evaluation = concatenate([detector.evaluation_, *(part.evaluate(detector) for part in outliers.SETS)])
    titles = ", ".join(part.title for part in outliers.SETS)
    card = replace(detector.card_, evaluated_on=f"mnist (test); anomalies: {titles}")
    detector_file.save(replace(detector.state_, card=card, evaluation=evaluation), file)


def faults(file: Path) -> list[str]:
    """What forbids shipping a file: its size, or something in it that is not weights, latents or scores."""
    limit = LARGEST_ANY if file.stem == "mnist-any" else LARGEST_DIGIT
    faulty = []
    if (size := file.stat().st_size) > limit:
        faulty.append(f"{file.name} has {size:,} bytes; {limit:,} are allowed.")
    with safe_open(file, framework="numpy") as tensors:
        for name in tensors.keys():  # noqa: SIM118 - not a dictionary
            shape = tensors.get_slice(name).get_shape()
            if not _STORED.fullmatch(name):
                faulty.append(f"{file.name} holds {name}, which is neither weights, latents nor scores.")
            if ".weights." not in name and ".prior." not in name and shape[-1:] > [MOST_LATENTS] and len(shape) > 1:
                faulty.append(f"{file.name}: {name} has {shape[-1]} numbers an image; {MOST_LATENTS} are allowed.")
    return faulty


def report(files: Iterable[Path]) -> tuple[str, str]:
    """Size, training time and test figures of each model."""
    rows = []
    for file in files:
        detector = Detector.load(file)
        evaluation = detector.evaluation_
        assert evaluation is not None
        counts = evaluation.confusion("fused", detector.calibrations_["fused"].threshold(0.05))
        areas = [evaluation.auroc(name) or float("nan") for name in EVIDENCES]
        size, seconds = f"{file.stat().st_size / 1e6:.2f}", f"{detector.card_.seconds:.0f}"
        rates = [f"{100 * share:.1f}" for share in (counts.detection_rate, counts.false_alarm_rate)]
        rows.append([file.stem, *areas, *rates, size, seconds])
    singles = np.array([row[1 : 1 + len(EVIDENCES)] for row in rows if row[0] != "mnist-any"], dtype=float)
    if len(singles) > 1:
        rows.append(["mean of single digits", *map(float, singles.mean(axis=0)), "", "", "", ""])
        rows.append(["least of single digits", *map(float, singles.min(axis=0)), "", "", "", ""])
    columns = ["model", *EVIDENCES, "caught at 5 %", "false alarms", "MB", "trained in s"]
    title = "Shipped models: AUROC by evidence on MNIST's test images, and the promise kept at alpha 0.05 (fused)."
    return title, table(columns, rows)


if __name__ == "__main__":
    run_benchmark(main)
