"""Model card: what a detector was made of and from, in plain data; read from the front of its file without torch."""

import dataclasses
import json
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from core.errors import ModelError
from core.files import tensors

MAGIC = {"odd_digit": "detector"}
UNNAMED = "unnamed"
LARGEST_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Card:
    """What is written beside a detector's weights.

    Attributes:
        name: the detector's name.
        normal: labels of the normal digits.
        dataset: where the training images came from, as ``datasets.load`` names it.
        calibrated_on: whose ink its calibration set is, as it is put in a sentence: "measured against ... by <it>".
        split_seed: seed of the split into train, validation and calibrate.
        counts: label -> (train, validation, calibrate) numbers of images.
        settings: training settings, plain data.
        curve: label -> loss name -> one mean a finished epoch.
        seconds: wall time of training, seconds.
        evaluated_on: what the evaluation's anomalies were, or why there are none.
        strangers: how many digits p-values are measured against as a stranger's; 0: the calibration set itself is.
        recalibrated: whether the calibration was replaced after training.
        fresh_flagged: share of fresh digits by its own generators that it calls anomalies at 5 %, 0 .. 1; None where
            nobody has looked.
        created: UTC time, ISO 8601.
        versions: versions of Python and the libraries that shape the numbers.
    """

    name: str
    normal: tuple[str, ...]
    dataset: str = "arrays"
    calibrated_on: str = "the writers of its training images"
    split_seed: int = 0
    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    curve: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    seconds: float = 0.0
    evaluated_on: str = "not evaluated yet"
    strangers: int = 0
    recalibrated: bool = False
    fresh_flagged: float | None = None
    created: str = field(default_factory=lambda: now())
    versions: dict[str, str] = field(default_factory=lambda: library_versions())

    def to_json(self) -> str:
        """The card as one line of JSON; ``from_json`` reads it back to an equal card."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Card":
        """Read a card.

        Raises:
            ModelError: it is not the JSON of a card: whoever reads ``Card`` may rely on the types of all its fields.
        """
        try:
            data = json.loads(text)
            if "yardstick" in data:  # as files before 1.0 call it
                data["calibrated_on"] = data.pop("yardstick")
            data["normal"] = tuple(str(name) for name in data["normal"])
            data["counts"] = {name: (int(a), int(b), int(c)) for name, (a, b, c) in data["counts"].items()}
            data["curve"] = {
                label: {name: [float(mean) for mean in means] for name, means in losses.items()}
                for label, losses in data["curve"].items()
            }
            card = cls(**data)
            if not card.normal or not all(isinstance(getattr(card, name), kind) for name, kind in _KINDS.items()):
                raise ValueError("fields")
            if not all(isinstance(value, _PLAIN) for value in card.settings.values()):
                raise ValueError("settings")
            if not all(isinstance(value, str) for value in card.versions.values()):
                raise ValueError("versions")
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            reason = type(error).__name__
            raise ModelError(f"the model card inside is not readable ({reason}): fetch the file again.") from error
        return card


def read_metadata(path: Path) -> dict[str, str]:
    """The text written beside the tensors of a detector file, checked to be one.

    Raises:
        ModelError: missing, truncated, foreign or too large; the text names the file and the remedy.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ModelError(f"{path}: there is no such model file.") from error
    if size > LARGEST_BYTES:
        raise ModelError(f"{path.name} has {size / 2**20:,.0f} MB; detectors are below {LARGEST_BYTES >> 20} MB.")
    try:
        metadata = tensors.read_metadata(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path.name} is not a whole model file ({error}): fetch or train it again.") from error
    if any(metadata.get(key) != value for key, value in MAGIC.items()) or "card" not in metadata:
        raise ModelError(f"{path.name} is not an Odd Digit Out detector: choose a file this app has saved.")
    return metadata


def read_card(path: Path) -> Card:
    """The card of a detector file.

    Raises:
        ModelError: as ``read_metadata``, or the card is not readable.
    """
    text = read_metadata(path)["card"]
    try:
        return Card.from_json(text)
    except ModelError as error:
        raise ModelError(f"{path.name}: {error}") from error


_PLAIN = (str, int, float, bool, type(None))
_KINDS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "dataset": str,
    "calibrated_on": str,
    "split_seed": int,
    "settings": dict,
    "seconds": (int, float),
    "evaluated_on": str,
    "strangers": int,
    "recalibrated": bool,
    "fresh_flagged": (int, float, type(None)),
    "created": str,
    "versions": dict,
}


def now() -> str:
    """UTC time, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def library_versions() -> dict[str, str]:
    """Versions of Python, torch and numpy on this machine."""
    return {"python": platform.python_version()} | {name: version(name) for name in ("torch", "numpy")}
