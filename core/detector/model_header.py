"""The readable front of a detector file: what it is, for whom, and its card. Needs no torch, so lists stay quick."""

from pathlib import Path

from safetensors import SafetensorError, safe_open

from core.detector.model_card import Card
from core.errors import ModelError

MAGIC = {"odd_digit": "detector"}
LARGEST_BYTES = 64 * 2**20


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
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path.name} is not a whole model file ({error}): fetch it again.") from error
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
