"""The detector's file: one ``.safetensors`` with weights, latents, calibration and evaluation scores, the card, and a
checksum of it all.

A file may come from anywhere, so everything is checked before it is believed, and nothing is ever unpickled.
"""

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes

from core import paths
from core.calibration.conformal import Calibration
from core.calibration.evaluation import Evaluation
from core.detector.model_card import MAGIC, Card, read_metadata
from core.detector.state import DetectorState, Measured
from core.errors import ModelError, OddDigitError
from core.files import tensors as tensor_files
from core.gan.determinism import one_thread
from core.gan.features import FEATURES_VERSION
from core.ink import INK_VERSION
from core.operating_point import DISTANCES, EVIDENCES
from core.scoring.evidences import Scale
from core.scoring.scorer import SCORING_VERSION, Scorer

FORMAT = 1
MOST_CLASSES = 100
MOST_LATENTS = 250_000  # of all digits together; decoding them takes a minute and 2 GB
MOST_SCORES = 1_000_000  # in one column
MOST_WORKERS = 8  # each decodes a digit's memory: some 100 MB meanwhile
# What reading a file that someone has tampered with can raise, besides the project's own errors.
_DAMAGE = (LookupError, ValueError, TypeError, ArithmeticError, RuntimeError, AttributeError)
_COLUMNS = {"source": np.uint8, "position": np.int32, "label": np.int16, "anomaly": np.uint8}  # of an evaluation
_VERSIONS = {"format": FORMAT, "ink": INK_VERSION, "features": FEATURES_VERSION, "scoring": SCORING_VERSION}


def save(state: DetectorState, path: Path, new: bool = False) -> None:
    """Write a fitted detector whole or not at all; a ``new`` one replaces none, as ``files.atomic`` says."""
    tensors: dict[str, torch.Tensor] = {}
    for i, (name, scorer) in enumerate(state.scorers.items()):
        tensors |= {f"scorer.{i}.{key}": value.contiguous() for key, value in scorer.tensors().items()}
        for e in DISTANCES:
            tensors[f"digit.{i}.{e}"] = _narrow(state.digit_calibrations[name][e].scores)
    for e, calibration in state.calibrations.items():
        tensors[f"calibration.{e}"] = _narrow((calibration.exchangeable or calibration).scores)
        if calibration.stretches is not None:
            tensors[f"strangers.{e}"] = _narrow(calibration.scores)
            tensors[f"strangers.{e}.stretch"] = torch.from_numpy(calibration.stretches.astype(np.uint8))
        if calibration.rates is not None:
            tensors[f"few.{e}"] = _narrow(calibration.scores)
            tensors |= {f"few.{e}.{i}": _narrow(edge) for i, edge in enumerate(calibration.rates.T)}
    structure: dict[str, Any] = {
        "scorers": [{"label": name, "meta": scorer.meta()} for name, scorer in state.scorers.items()],
        "standards": state.standards,
    }
    if (evaluation := state.evaluation) is not None:
        for name, stored in _COLUMNS.items():
            tensors[f"evaluation.{name}"] = torch.from_numpy(getattr(evaluation, name).astype(stored))
        tensors |= {f"evaluation.{e}": _narrow(evaluation.scores[e]) for e in EVIDENCES}
        structure["evaluation"] = {"sources": evaluation.sources, "label_names": evaluation.label_names}
    metadata = {key: str(value) for key, value in _VERSIONS.items()}
    metadata |= MAGIC | {"card": state.card.to_json(), "structure": json.dumps(structure)}
    tensor_files.write(path, to_bytes(tensors, metadata), new)


class Watcher(Protocol):
    """Who wants to know how far a detector is that is being loaded; called from other threads."""

    def begun(self, state: DetectorState) -> None:
        """All of it is there but its memory banks, which are made now."""

    def choose(self, waiting: Sequence[str]) -> str:
        """Which of some digits is to have its memory bank next."""

    def ready(self, label: str) -> None:
        """That digit has its memory bank."""


def load(path: Path, outdated: bool = False, watcher: Watcher | None = None) -> DetectorState:
    """Read a detector from a file that may be hostile.

    Args:
        path: the file.
        outdated: take it even where its scores are those of other versions of ink or scoring, to make them anew.
        watcher: is told how far it is.

    Raises:
        ModelError: missing, truncated, foreign, too large, or of another version; the text names file and remedy.
    """
    metadata, tensors = _read(path, outdated)
    try:
        state = _build(metadata, tensors)
        if watcher is not None:
            watcher.begun(state)
        _wake(state.scorers, watcher)
        return state
    except OddDigitError as error:
        raise ModelError(f"{path.name}: {error}") from error
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def read_measured(path: Path) -> Measured:
    """Read what was measured of a detector.

    Raises:
        ModelError: as for ``load``.
    """
    metadata, tensors = _read(path)
    try:
        evaluation = _evaluation(json.loads(metadata["structure"]), tensors)
        return Measured(Card.from_json(metadata["card"]), _calibrations(tensors), evaluation)
    except OddDigitError as error:
        raise ModelError(f"{path.name}: {error}") from error
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _read(path: Path, outdated: bool = False) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    metadata = read_metadata(path)
    taken_as_ours = {"ink": str(INK_VERSION), "scoring": str(SCORING_VERSION)} if outdated else {}
    _check_versions(path, metadata | taken_as_ours)
    try:
        return metadata, from_bytes(tensor_files.read(path)[1])
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path.name} is not a whole model file ({error}): fetch or train it again.") from error


def _damaged(path: Path, error: Exception) -> ModelError:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return ModelError(f"{path.name} is damaged inside ({reason}): fetch or train it again.")


def _check_versions(path: Path, metadata: Mapping[str, str]) -> None:
    for key, ours in _VERSIONS.items():
        theirs = metadata.get(key)
        if theirs == str(ours):
            continue
        raise ModelError(
            f"{path.name} was saved with {key} version {theirs}, this is version {ours}: train it anew with "
            "`python -m core train`, or use the version of this app that saved it."
        )


def _build(metadata: Mapping[str, str], tensors: dict[str, torch.Tensor]) -> DetectorState:
    card = Card.from_json(metadata["card"])
    structure = json.loads(metadata["structure"])
    if not 1 <= len(structure["scorers"]) <= MOST_CLASSES:
        raise ModelError(f"it claims {len(structure['scorers'])} normal digits; 1 to {MOST_CLASSES} are possible.")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor.float()).all()):
            raise ModelError(f"tensor {name} holds NaN or infinity: fetch the file again.")
        if not name.startswith("scorer.") and (tensor.ndim != 1 or len(tensor) > MOST_SCORES):
            raise ModelError(f"tensor {name} has the shape {tuple(tensor.shape)}: fetch the file again.")
    claimed = sum(len(tensors[f"scorer.{i}.latents"]) for i in range(len(structure["scorers"])))
    if claimed > MOST_LATENTS:
        raise ModelError(f"it has {claimed:,} latents, and at most {MOST_LATENTS:,} can be used: train it on less.")
    scorers = _scorers(structure["scorers"], tensors)
    if tuple(scorers) != card.normal:
        raise ModelError("its card and its contents disagree on the normal digits: fetch the file again.")
    return DetectorState(
        card=card,
        calibrations=_calibrations(tensors),
        evaluation=_evaluation(structure, tensors),
        scorers=scorers,
        standards={name: {e: Scale.read(structure["standards"][name][e]) for e in EVIDENCES} for name in scorers},
        digit_calibrations={
            name: {e: Calibration.fit(_wide(tensors[f"digit.{i}.{e}"])) for e in DISTANCES}
            for i, name in enumerate(scorers)
        },
    )


def _scorers(parts: list[dict[str, Any]], tensors: dict[str, torch.Tensor]) -> dict[str, Scorer]:
    """The scorers in the file's order, their memory banks not made yet."""
    cache = paths.state_dir() / "cache"
    scorers = {}
    for i, part in enumerate(parts):
        own = {k.removeprefix(f"scorer.{i}."): v for k, v in tensors.items() if k.startswith(f"scorer.{i}.")}
        scorers[str(part["label"])] = Scorer.from_tensors(own, part["meta"], cache)
    return scorers


def _wake(scorers: Mapping[str, Scorer], watcher: Watcher | None) -> None:
    """Make all memory banks, side by side: on a fresh machine each is decoded first."""
    waiting, choosing = list(scorers), Lock()

    def make_one(_turn: int) -> None:
        with choosing:
            label = waiting[0] if watcher is None else watcher.choose(waiting)
            waiting.remove(label)
        # One thread each, so that a memory comes out the same however many cores there are.
        with one_thread():
            _ = scorers[label].bank  # made when it is first asked for
        if watcher is not None:
            watcher.ready(label)

    at_once = min(len(scorers), os.cpu_count() or 1, MOST_WORKERS)
    with ThreadPoolExecutor(at_once) as workers:
        # Handed out bit by bit: a program that ends waits for what its workers have, and no more is taken on then.
        while waiting:
            list(workers.map(make_one, range(min(at_once, len(waiting)))))


def _calibrations(tensors: dict[str, torch.Tensor]) -> dict[str, Calibration]:
    """By evidence: of strangers or of few digits where the file has their scores, else the calibration set's own."""
    calibrations = {e: Calibration.fit(_wide(tensors[f"calibration.{e}"])) for e in EVIDENCES}
    for e in EVIDENCES:
        if f"few.{e}" in tensors:
            scores, low, high = (_wide(tensors[f"few.{e}{edge}"]) for edge in ("", ".0", ".1"))
            if not len(scores) == len(low) == len(high):
                raise ModelError("its scores of few digits and their rates differ in number: fetch the file again.")
            calibrations[e] = Calibration(scores, calibrations[e], rates=np.stack([low, high], axis=1))
    for e in DISTANCES:
        if f"strangers.{e}" in tensors:
            scores, stretches = _wide(tensors[f"strangers.{e}"]), tensors[f"strangers.{e}.stretch"].numpy()
            if len(scores) != len(stretches):
                raise ModelError("its scores of strangers and their stretches differ in number: fetch the file again.")
            calibrations[e] = Calibration(scores, calibrations[e], stretches.astype(np.int64))
    return calibrations


def _evaluation(structure: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Evaluation | None:
    if "evaluation" not in structure:
        return None
    columns = {name: tensors[f"evaluation.{name}"].numpy().astype(np.int64) for name in _COLUMNS}
    scores = {e: _wide(tensors[f"evaluation.{e}"]) for e in EVIDENCES}
    if len({column.shape for column in (*columns.values(), *scores.values())}) > 1 or columns["label"].ndim != 1:
        raise ModelError("its evaluation scores differ in number: fetch the file again.")
    evaluation = Evaluation(
        **columns | {"anomaly": columns["anomaly"].astype(bool)},
        sources=tuple(str(name) for name in structure["evaluation"]["sources"]),
        label_names=tuple(str(name) for name in structure["evaluation"]["label_names"]),
        scores=scores,
    )
    for column, most in ((evaluation.source, len(evaluation.sources)), (evaluation.label, len(evaluation.label_names))):
        if len(evaluation) and not 0 <= column.min() <= column.max() < most:
            raise ModelError("its evaluation names labels it does not list: fetch the file again.")
    return evaluation


def _narrow(scores: np.ndarray) -> torch.Tensor:
    """Scores live on the float32 grid, so storing them so loses nothing."""
    return torch.from_numpy(scores.astype(np.float32))


def _wide(scores: torch.Tensor) -> np.ndarray:
    return scores.numpy().astype(np.float64)
